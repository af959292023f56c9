import KubeClient
import ObjectStore

/// How a table's storage is reached: by the operator's own process, or only by pods.
enum StorageAccess: Hashable, Sendable {
    /// A directory of the machine, under `levee dev`.
    case host
    /// A claim that pods mount.
    case claim(name: String, mountPath: String)
}

/// A table's location, resolved against its profile.
struct TablePlace: Hashable, Sendable {
    var location: TableLocation
    var access: StorageAccess

    /// What two operations must not hold at once.
    var identity: String {
        switch access {
        case .host: location.description
        case let .claim(name, _): "\(name):\(location)"
        }
    }
}

/// Why something cannot go on, as a state for its status.
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
        let root = try self.location(profile.spec.root)
        let table = try self.location(location)
        guard table.isInside(root), table != root else {
            throw Obstacle(
                reason: .locationOutsideRoot,
                message: "\(table) does not lie below \(root), the root of StorageProfile \(profileName); correct the location, or name another profile")
        }
        return TablePlace(location: table, access: access)
    }

    static func access(to profile: StorageProfile, allowHostFilesystem: Bool) throws(Obstacle) -> StorageAccess {
        if let claim = profile.spec.filesystem.persistentVolumeClaim {
            return .claim(name: claim, mountPath: profile.spec.filesystem.mountPath)
        }
        guard allowHostFilesystem else {
            throw Obstacle(
                reason: .hostFilesystemRefused,
                message:
                    "without filesystem.persistentVolumeClaim the profile means a directory of the operator's machine, which only `levee dev` allows; name a claim"
            )
        }
        return .host
    }

    static func location(_ text: String) throws(Obstacle) -> TableLocation {
        let location: TableLocation
        do { location = try TableLocation(text) } catch {
            throw Obstacle(reason: .unsupportedLocation, message: "\(error)")
        }
        // A profile says so far how a file system is reached; without keys of its own nothing else is.
        guard location.scheme == .file else {
            throw Obstacle(
                reason: .unsupportedLocation, message: "\(location) is not on a file system, the only storage that profiles reach in this version")
        }
        return location
    }
}
