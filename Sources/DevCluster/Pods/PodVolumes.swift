import Base
import Glibc

/// A pod's volumes as directories of this machine.
struct PodVolumes {
    let api: ClusterAPI
    let directories: PodDirectories
    let pod: JSONValue

    /// Makes the volumes that are not there yet. Throws what a container would wait for.
    func materialise() throws(PodProblem) {
        for volume in pod.at("spec", "volumes")?.arrayValue ?? [] {
            let name = volume["name"]?.stringValue ?? ""
            let path = directories.volume(pod.uid, name)
            do throws(StorageError) {
                try StateFiles.makeDirectory(directories.volume(pod.uid, ""))
            } catch {
                throw PodProblem(reason: "FailedMount", message: "\(error)")
            }
            try materialise(volume, at: path)
        }
    }

    private func materialise(_ volume: JSONValue, at path: String) throws(PodProblem) {
        if let source = volume["configMap"] {
            try write(entries(configMap: source["name"]?.stringValue ?? "", source), to: path)
        } else if let source = volume["secret"] {
            try write(entries(secret: source["secretName"]?.stringValue ?? "", source), to: path)
        } else if let source = volume["projected"] {
            var files: [(path: String, content: [UInt8])] = []
            for part in source["sources"]?.arrayValue ?? [] {
                if let configMap = part["configMap"] { files += try entries(configMap: configMap["name"]?.stringValue ?? "", configMap) }
                if let secret = part["secret"] { files += try entries(secret: secret["name"]?.stringValue ?? "", secret) }
                if let downward = part["downwardAPI"] { files += entries(downward: downward) }
            }
            try write(files, to: path)
        } else if let source = volume["downwardAPI"] {
            try write(entries(downward: source), to: path)
        } else if let host = volume.at("hostPath", "path")?.stringValue {
            try link(path, to: host)
        } else if let claim = volume.at("persistentVolumeClaim", "claimName")?.stringValue {
            guard api.store.get(StoredKey(resource: "persistentvolumeclaims", namespace: pod.namespace, name: claim)) != nil else {
                throw PodProblem(reason: "Unschedulable", message: "persistentvolumeclaim \"\(claim)\" not found")
            }
            let directory = directories.claim(pod.namespace, claim)
            try make(directory)
            try link(path, to: directory)
        } else if volume["emptyDir"] != nil {
            try make(path)
        } else {
            throw PodProblem(
                reason: "FailedMount",
                message:
                    "volume \"\(volume["name"]?.stringValue ?? "")\" is of a kind that levee dev does not have; use emptyDir, configMap, secret, projected, downwardAPI, hostPath or persistentVolumeClaim"
            )
        }
    }

    private func entries(configMap name: String, _ source: JSONValue) throws(PodProblem) -> [(path: String, content: [UInt8])] {
        guard let object = api.store.get(StoredKey(resource: "configmaps", namespace: pod.namespace, name: name)) else {
            if source["optional"]?.boolValue == true { return [] }
            throw PodProblem(reason: "FailedMount", message: "configmap \"\(name)\" not found")
        }
        return try selected(PodData.content(of: object), source, "configmap \"\(name)\"")
    }

    private func entries(secret name: String, _ source: JSONValue) throws(PodProblem) -> [(path: String, content: [UInt8])] {
        guard let object = api.store.get(StoredKey(resource: "secrets", namespace: pod.namespace, name: name)) else {
            if source["optional"]?.boolValue == true { return [] }
            throw PodProblem(reason: "FailedMount", message: "secret \"\(name)\" not found")
        }
        return try selected(PodData.content(of: object), source, "secret \"\(name)\"")
    }

    private func entries(downward source: JSONValue) -> [(path: String, content: [UInt8])] {
        (source["items"]?.arrayValue ?? []).compactMap { item in
            guard let path = item["path"]?.stringValue, let field = item.at("fieldRef", "fieldPath")?.stringValue else { return nil }
            return (path, Array((PodData.field(field, of: pod) ?? "").utf8))
        }
    }

    private func selected(_ content: [String: [UInt8]], _ source: JSONValue, _ name: String) throws(PodProblem) -> [(path: String, content: [UInt8])] {
        guard let items = source["items"]?.arrayValue else { return content.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
        var files: [(path: String, content: [UInt8])] = []
        for item in items {
            let key = item["key"]?.stringValue ?? ""
            guard let bytes = content[key] else {
                if source["optional"]?.boolValue == true { continue }
                throw PodProblem(reason: "FailedMount", message: "\(name) references non-existent key \(key)")
            }
            files.append((item["path"]?.stringValue ?? key, bytes))
        }
        return files
    }

    /// Makes the directory hold these files and no others. What has not changed is left alone; a running pod sees what has.
    private func write(_ files: [(path: String, content: [UInt8])], to directory: String) throws(PodProblem) {
        try make(directory)
        let kept = Set(files.compactMap { $0.path.split(separator: "/").first.map(String.init) })
        for name in StateFiles.list(directory) where !kept.contains(name) { StateFiles.removeTree("\(directory)/\(name)") }
        for (path, content) in files {
            let parts = path.split(separator: "/")
            guard !parts.contains(".."), !parts.isEmpty else {
                throw PodProblem(reason: "FailedMount", message: "the path \"\(path)\" leads out of its volume")
            }
            if parts.count > 1 { try make("\(directory)/\(parts.dropLast().joined(separator: "/"))") }
            do throws(StorageError) {
                if try StateFiles.read("\(directory)/\(path)") == content { continue }
                // For this user alone: it may be a credential.
                try StateFiles.replace("\(directory)/\(path)", content, mode: 0o600)
            } catch {
                throw PodProblem(reason: "FailedMount", message: "\(error)")
            }
        }
    }

    private func make(_ directory: String) throws(PodProblem) {
        do throws(StorageError) { try StateFiles.makeDirectory(directory) } catch { throw PodProblem(reason: "FailedMount", message: "\(error)") }
    }

    private func link(_ path: String, to target: String) throws(PodProblem) {
        if symlink(target, path) != 0, errno != EEXIST {
            throw PodProblem(reason: "FailedMount", message: "cannot link \(path) to \(target): \(String(cString: strerror(errno)))")
        }
    }
}

/// Why a pod cannot start yet.
struct PodProblem: Error {
    let reason: String
    let message: String
}

/// What pods read of other objects.
enum PodData {
    /// A ConfigMap's or Secret's keys and bytes.
    static func content(of object: JSONValue) -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        let isSecret = object.kind == "Secret"
        for (key, value) in object["data"]?.objectValue ?? JSONObject() {
            let text = value.stringValue ?? ""
            result[key] = isSecret ? Base64.decode(text) ?? [] : Array(text.utf8)
        }
        for (key, value) in object["binaryData"]?.objectValue ?? JSONObject() { result[key] = Base64.decode(value.stringValue ?? "") ?? [] }
        return result
    }

    /// A field for `fieldRef`, as text.
    static func field(_ path: String, of pod: JSONValue) -> String? {
        switch path {
        case "metadata.name": pod.name
        case "metadata.namespace": pod.namespace
        case "metadata.uid": pod.uid
        case "spec.nodeName": pod.at("spec", "nodeName")?.stringValue
        case "spec.serviceAccountName": pod.at("spec", "serviceAccountName")?.stringValue
        case "status.podIP", "status.hostIP": "127.0.0.1"
        default: keyed(path, "metadata.labels", pod.labels) ?? keyed(path, "metadata.annotations", pod.annotations)
        }
    }

    /// `metadata.labels['key']`.
    private static func keyed(_ path: String, _ prefix: String, _ values: [String: String]) -> String? {
        guard path.hasPrefix("\(prefix)['"), path.hasSuffix("']") else { return nil }
        return values[String(path.dropFirst(prefix.count + 2).dropLast(2))] ?? ""
    }
}
