import Base

/// Where a lease is read and written. The seam at which tests put a lease of their own.
protocol LeaseLock: Sendable {
    /// What events are about.
    var reference: ObjectReference { get }
    func send(_ request: ElectionMachine.Request) async -> ElectionMachine.Answer
}

/// A Lease object of a cluster. Fields that Levee does not know stay as they are.
final class ClusterLease: LeaseLock {
    private let client: KubeClient
    private let key: ObjectKey
    /// As it was last read or written.
    private let known = Lock<Resource?>(nil)

    init(client: KubeClient, key: ObjectKey) {
        self.client = client
        self.key = key
    }

    var reference: ObjectReference {
        let uid = known.withLock { $0 }?.json["metadata"]?["uid"]?.stringValue
        return ObjectReference(apiVersion: Lease.gvr.apiVersion, kind: Lease.kind, namespace: key.namespace, name: key.name, uid: uid)
    }

    func send(_ request: ElectionMachine.Request) async -> ElectionMachine.Answer {
        do throws(KubeError) {
            switch request {
            case .read:
                let lease = try await client.get(Lease.gvr, key)
                return .found(try remember(lease))
            case let .create(spec):
                return .accepted(try remember(try await client.create(Lease.gvr, try Resource(Lease(metadata: metadata, spec: spec)))))
            case let .update(spec):
                guard let known = known.withLock({ $0 }) else { return .missing }
                return .accepted(try remember(try await client.update(Lease.gvr, try Self.lease(known, with: spec))))
            }
        } catch {
            if error.isNotFound { return request == .read ? .missing : .conflict }
            if error.isConflict || error.isAlreadyExists { return .conflict }
            return .failed(error.description)
        }
    }

    private var metadata: ObjectMeta { ObjectMeta(name: key.name, namespace: key.namespace) }

    private func remember(_ lease: Resource) throws(KubeError) -> Lease.Spec {
        let spec = try lease.decoded(as: Lease.self).spec ?? Lease.Spec()
        known.withLock { $0 = lease }
        return spec
    }

    private static func lease(_ lease: Resource, with spec: Lease.Spec) throws(KubeError) -> Resource {
        var json = lease.json
        var fields = json["spec"]?.objectValue ?? JSONObject()
        do {
            for (name, value) in try JSON.value(of: spec).objectValue ?? JSONObject() { fields[name] = value }
        } catch {
            throw .invalidObject(object: "the Lease \(lease.namespace)/\(lease.name)", reason: "\(error)")
        }
        json["spec"] = .object(fields)
        return Resource(json: json)
    }
}
