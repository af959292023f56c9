import Base

/// The resources that the server serves now: the built-in ones and those of CustomResourceDefinitions.
final class ResourceRegistry: Sendable {
    private struct State {
        var custom: [String: [ResourceDefinition]] = [:]
        var revision = 0
    }

    private let state = Lock(State())

    /// Grows with each change, so that documents made from the registry can be kept until then.
    var revision: Int { state.withLock { $0.revision } }

    /// Everything, built-in first, then by the name of the definition.
    var all: [ResourceDefinition] {
        BuiltInResources.all + state.withLock { $0.custom.sorted { $0.key < $1.key }.flatMap(\.value) }
    }

    func find(group: String, version: String, plural: String) -> ResourceDefinition? {
        if let builtIn = BuiltInResources.all.first(where: { $0.plural == plural && $0.version == version && $0.group == group }) { return builtIn }
        return state.withLock { $0.custom["\(plural).\(group)"]?.first { $0.version == version } }
    }

    /// The resource of a kind; of several versions the one asked for, or the first.
    func find(apiVersion: String, kind: String) -> ResourceDefinition? {
        let group = apiVersion.split(separator: "/").count == 2 ? String(apiVersion.split(separator: "/")[0]) : ""
        let candidates = all.filter { $0.kind == kind && $0.group == group }
        return candidates.first { $0.apiVersion == apiVersion } ?? candidates.first
    }

    /// A version of the resource that is stored under this name.
    func find(storage: String) -> ResourceDefinition? {
        BuiltInResources.all.first { $0.storage == storage && $0.sharedStorage == nil } ?? state.withLock { $0.custom[storage]?.first }
    }

    /// Serves a definition, or what it says now.
    func install(_ crd: JSONValue) {
        let definitions = CustomResources.definitions(of: crd)
        state.withLock { state in
            state.custom[crd.name] = definitions
            state.revision += 1
        }
    }

    func remove(_ name: String) {
        state.withLock { state in
            state.custom[name] = nil
            state.revision += 1
        }
    }
}
