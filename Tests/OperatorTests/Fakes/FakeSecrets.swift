import Base
import Glibc
import KubeClient

@testable import Operator

/// Secrets by name, as an API server has them; whether somebody watches them is told too.
final class FakeSecrets: SecretReading {
    private struct State {
        var secrets: [ObjectKey: Secret] = [:]
        var version = 0
        var reads = 0
        var isWatching = false
        var isForbidden = false
    }

    private let state = Lock(State())

    var reads: Int { state.withLock { $0.reads } }

    func watch() { state.withLock { $0.isWatching = true } }

    func forbid() { state.withLock { $0.isForbidden = true } }

    func put(_ name: String, _ entries: [String: String]?) {
        let key = ObjectKey(namespace: "lake", name: name)
        state.withLock { state in
            state.version += 1
            guard let entries else { return state.secrets[key] = nil }
            var metadata = ObjectMeta(name: name, namespace: "lake")
            metadata.resourceVersion = "\(state.version)"
            state.secrets[key] = Secret(metadata: metadata, data: entries.mapValues { Base64.encode(Bytes($0)) })
        }
    }

    func secret(_ key: ObjectKey) async throws(KubeError) -> Secret? {
        try state.withLock { state throws(KubeError) in
            state.reads += 1
            if state.isForbidden { throw InMemoryCluster.status(403, "Forbidden") }
            return state.secrets[key]
        }
    }

    func known(_ key: ObjectKey) -> KnownSecret {
        state.withLock { state in
            guard state.isWatching else { return .unknown }
            return state.secrets[key].map { .version($0.metadata.resourceVersion) } ?? .absent
        }
    }
}
