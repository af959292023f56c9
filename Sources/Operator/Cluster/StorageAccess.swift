import Base
import KubeClient

/// How a table's storage is reached: by the operator's own process, or only by pods.
enum StorageAccess: Hashable, Sendable {
    /// A directory of the machine, under `levee dev`.
    case host(root: String)
    /// A claim that pods mount.
    case claim(name: String, mountPath: String, root: String)
}

/// A table's location, resolved against its profile.
struct TablePlace: Hashable, Sendable {
    /// Normalised: `file:///lake/orders`, no slash at the end.
    var location: String
    var access: StorageAccess

    /// What two operations must not hold at once.
    var identity: String {
        switch access {
        case .host: location
        case let .claim(name, _, _): "\(name):\(location)"
        }
    }
}

/// Why something cannot be resolved, as a state for the status.
struct Obstacle: Error, Hashable, Sendable {
    var reason: ConditionReason
    var message: String
    /// Whether only a person can end it.
    var needsPerson = true
}

enum Placement {
    /// Where a table lies, or why it cannot be reached.
    static func resolve(location: String, profile: StorageProfile?, profileName: String, allowHostFilesystem: Bool) throws(Obstacle) -> TablePlace {
        guard let profile else {
            throw Obstacle(reason: .storageNotFound, message: "there is no StorageProfile \(profileName) in this namespace; create it, or correct storageRef")
        }
        let access = try access(to: profile, allowHostFilesystem: allowHostFilesystem)
        guard let path = normalised(location) else {
            throw Obstacle(
                reason: .unsupportedLocation, message: "\(location): this release reaches tables in directories only (file:///…, or an absolute path)")
        }
        guard let root = normalised(profile.spec.root), path == root || path.hasPrefix(root == "file:///" ? root : root + "/") else {
            throw Obstacle(
                reason: .locationOutsideRoot,
                message:
                    "\(path) does not lie below \(profile.spec.root), the root of StorageProfile \(profileName); correct the location, or name another profile")
        }
        return TablePlace(location: path, access: access)
    }

    static func access(to profile: StorageProfile, allowHostFilesystem: Bool) throws(Obstacle) -> StorageAccess {
        guard let root = normalised(profile.spec.root) else {
            throw Obstacle(reason: .unsupportedLocation, message: "root \(profile.spec.root) is not a directory's URL like file:///data/lake, without '..'")
        }
        if let claim = profile.spec.filesystem.persistentVolumeClaim {
            return .claim(name: claim, mountPath: profile.spec.filesystem.mountPath, root: root)
        }
        guard allowHostFilesystem else {
            throw Obstacle(
                reason: .hostFilesystemRefused,
                message:
                    "a profile without filesystem.persistentVolumeClaim means a directory of the operator's machine, which only `levee dev` allows; name a claim"
            )
        }
        return .host(root: root)
    }

    /// `file:///a/b` for the spellings of one directory; nil for what is no directory of a file system.
    static func normalised(_ location: String) -> String? {
        var path = Substring(location)
        if path.hasPrefix("file:") {
            path = path.dropFirst("file:".count)
            if path.hasPrefix("//") {
                guard path.hasPrefix("///") else { return nil }
                path = path.dropFirst(2)
            }
        }
        guard path.hasPrefix("/") else { return nil }
        let components = path.split(separator: "/", omittingEmptySubsequences: true).filter { $0 != "." }
        if components.contains("..") { return nil }
        return "file:///" + components.joined(separator: "/")
    }
}
