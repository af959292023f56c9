import Base
import Glibc

/// What a container runs: its command, arguments and environment, with the paths of a container turned into those of this machine.
struct ContainerCommand {
    let api: ClusterAPI
    let directories: PodDirectories
    let pod: JSONValue
    let container: JSONValue
    let workerBinary: String

    /// The variable by which a container learns where its termination message goes, since its own path is not a path of this machine.
    static let terminationMessageVariable = "LEVEE_TERMINATION_MESSAGE"

    /// Variables of this program that containers get too; others may hold what is not theirs.
    private static let inherited = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"]

    func launch(prefix: String, terminationMessage: String) throws(PodProblem) -> ProcessLauncher.Launch {
        let paths = mountedPaths(terminationMessage)
        let declared = try environment()
        let values = Dictionary(declared.map { ($0.name, $0.value) }) { _, last in last }
        func words(_ field: String) -> [String] {
            (container[field]?.arrayValue ?? []).compactMap(\.stringValue).map { Self.located(Self.expanded($0, values), paths) }
        }
        let command = try program(words("command"), words("args"))
        var variables: [(name: String, value: String)] = []
        for name in Self.inherited { if let value = getenv(name) { variables.append((name, String(cString: value))) } }
        variables += ownVariables
        variables.append(("HOSTNAME", pod.at("spec", "hostname")?.stringValue ?? pod.name))
        variables.append((Self.terminationMessageVariable, terminationMessage))
        for (name, value) in declared {
            variables.removeAll { $0.name == name }
            variables.append((name, Self.located(value, paths)))
        }
        let directory =
            container["workingDir"]?.stringValue.map { Self.located($0, paths) } ?? directories.container(pod.uid, container["name"]?.stringValue ?? "")
        return ProcessLauncher.Launch(
            program: command.program, arguments: command.arguments, environment: variables, workingDirectory: directory, prefix: prefix)
    }

    /// Levee's own switches for tests and debugging reach the workers.
    private var ownVariables: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2, pair[0].hasPrefix("LEVEE_") { result.append((String(pair[0]), String(pair[1]))) }
            entry += 1
        }
        return result
    }

    private func program(_ command: [String], _ arguments: [String]) throws(PodProblem) -> (program: String, arguments: [String]) {
        if let first = command.first {
            return (Self.lastPart(first) == "levee" ? workerBinary : first, Array(command.dropFirst()) + arguments)
        }
        let image = container["image"]?.stringValue ?? ""
        let repository = Self.lastPart(image).prefix { $0 != ":" && $0 != "@" }
        if repository == "levee" { return (workerBinary, arguments) }
        throw PodProblem(
            reason: "ErrImageNeverPull",
            message: "levee dev starts processes of this machine and has no images: give the container of image \"\(image)\" a command")
    }

    private static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    // MARK: Paths

    /// From paths in the container to paths of this machine, longest first.
    private func mountedPaths(_ terminationMessage: String) -> [(inside: String, outside: String)] {
        var paths: [(inside: String, outside: String)] = (container["volumeMounts"]?.arrayValue ?? []).map { mount in
            var outside = directories.volume(pod.uid, mount["name"]?.stringValue ?? "")
            if let part = mount["subPath"]?.stringValue, !part.isEmpty { outside += "/\(part)" }
            return (mount["mountPath"]?.stringValue ?? "", outside)
        }
        paths.append((container["terminationMessagePath"]?.stringValue ?? "/dev/termination-log", terminationMessage))
        return paths.filter { !$0.inside.isEmpty }.sorted { $0.inside.count > $1.inside.count }
    }

    /// A word that is a mounted path or starts with one, also behind `--option=` and `file://`, and as a string of a JSON object.
    static func located(_ word: String, _ paths: [(inside: String, outside: String)]) -> String {
        if word.hasPrefix("{"), let json = try? JSON.parse(word), json.objectValue != nil { return JSON.encode(located(json, paths)) }
        for lead in ["", "file://"] {
            for (inside, outside) in paths {
                let start = lead + inside
                if word == start { return lead + outside }
                if word.hasPrefix(start.hasSuffix("/") ? start : start + "/") {
                    return lead + outside + word.dropFirst(start.hasSuffix("/") ? start.count - 1 : start.count)
                }
            }
        }
        if word.hasPrefix("-"), let sign = word.firstIndex(of: "=") {
            let value = String(word[word.index(after: sign)...])
            return word[...sign] + located(value, paths)
        }
        return word
    }

    private static func located(_ value: JSONValue, _ paths: [(inside: String, outside: String)]) -> JSONValue {
        switch value {
        case let .string(text): return .string(located(text, paths))
        case let .array(elements): return .array(elements.map { located($0, paths) })
        case let .object(members):
            var result = JSONObject()
            for (name, member) in members { result[name] = located(member, paths) }
            return .object(result)
        default: return value
        }
    }

    // MARK: Environment

    private func environment() throws(PodProblem) -> [(name: String, value: String)] {
        var variables: [(name: String, value: String)] = []
        for source in container["envFrom"]?.arrayValue ?? [] {
            let prefix = source["prefix"]?.stringValue ?? ""
            for (field, resource) in [("configMapRef", "configmaps"), ("secretRef", "secrets")] {
                guard let reference = source[field] else { continue }
                guard let content = try content(resource, reference) else { continue }
                for (key, bytes) in content.sorted(by: { $0.key < $1.key }) { variables.append((prefix + key, String(decoding: bytes, as: UTF8.self))) }
            }
        }
        for variable in container["env"]?.arrayValue ?? [] {
            let name = variable["name"]?.stringValue ?? ""
            guard let source = variable["valueFrom"] else {
                let known = Dictionary(variables.map { ($0.name, $0.value) }) { _, last in last }
                variables.append((name, Self.expanded(variable["value"]?.stringValue ?? "", known)))
                continue
            }
            if let value = try value(from: source) { variables.append((name, value)) }
        }
        return variables
    }

    private func value(from source: JSONValue) throws(PodProblem) -> String? {
        for (field, resource) in [("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")] {
            guard let reference = source[field] else { continue }
            guard let content = try content(resource, reference) else { return nil }
            let key = reference["key"]?.stringValue ?? ""
            if let bytes = content[key] { return String(decoding: bytes, as: UTF8.self) }
            if reference["optional"]?.boolValue == true { return nil }
            throw PodProblem(
                reason: "CreateContainerConfigError",
                message: "couldn't find key \(key) in \(resource) \(pod.namespace)/\(reference["name"]?.stringValue ?? "")")
        }
        if let path = source.at("fieldRef", "fieldPath")?.stringValue { return PodData.field(path, of: pod) ?? "" }
        if let resource = source.at("resourceFieldRef", "resource")?.stringValue {
            let parts = resource.split(separator: ".", maxSplits: 1).map(String.init)
            let amount = parts.count == 2 ? container.at("resources", parts[0], parts[1]) : nil
            return amount?.stringValue ?? amount.map { JSON.encode($0) } ?? ""
        }
        return nil
    }

    private func content(_ resource: String, _ reference: JSONValue) throws(PodProblem) -> [String: [UInt8]]? {
        let name = reference["name"]?.stringValue ?? ""
        if let object = api.store.get(StoredKey(resource: resource, namespace: pod.namespace, name: name)) { return PodData.content(of: object) }
        if reference["optional"]?.boolValue == true { return nil }
        throw PodProblem(reason: "CreateContainerConfigError", message: "\(resource == "secrets" ? "secret" : "configmap") \"\(name)\" not found")
    }

    /// `$(NAME)` stands for a variable, `$$(NAME)` for itself; unknown names stay as they are.
    static func expanded(_ text: String, _ variables: [String: String]) -> String {
        var result = ""
        var rest = Substring(text)
        while let character = rest.first {
            rest = rest.dropFirst()
            guard character == "$", let next = rest.first else {
                result.append(character)
                continue
            }
            if next == "$" {
                result.append("$")
                rest = rest.dropFirst()
            } else if next == "(", let end = rest.firstIndex(of: ")") {
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                result += variables[name] ?? "$(\(name))"
                rest = rest[rest.index(after: end)...]
            } else {
                result.append(character)
            }
        }
        return result
    }
}
