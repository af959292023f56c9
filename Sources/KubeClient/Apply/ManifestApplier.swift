import Base

/// Applies manifests on the server's side, those first that others need.
public struct ManifestApplier: Sendable {
    private let client: KubeClient
    private let force: Bool
    private let dryRun: Bool
    private let fieldManager: String
    /// How long a kind may take to be served after its definition was applied.
    private let definitionTimeout: Duration

    /// - Parameters:
    ///   - fieldManager: Who owns the fields; applying again under the same name removes fields that are no longer written down.
    ///   - force: Takes fields over from other managers instead of failing with a conflict.
    public init(client: KubeClient, fieldManager: String, force: Bool = false, dryRun: Bool = false, definitionTimeout: Duration = .seconds(15)) {
        self.client = client
        self.fieldManager = fieldManager
        self.force = force
        self.dryRun = dryRun
        self.definitionTimeout = definitionTimeout
    }

    /// One manifest's outcome.
    public struct Applied: Sendable {
        public let manifest: Manifest
        /// What the server made of it.
        public let result: Result<Resource, KubeError>
    }

    /// Applies all, namespaces and definitions of kinds first; one that fails does not stop the others. `report` is called after each.
    public func apply(_ manifests: [Manifest], report: (Applied) async throws -> Void) async throws {
        let (first, second) = (manifests.filter { $0.isFoundation }, manifests.filter { !$0.isFoundation })
        var kinds = KindLookup(client: client, patience: first.contains { $0.resource.kind == "CustomResourceDefinition" } ? definitionTimeout : .zero)
        for manifest in first + second {
            let result: Result<Resource, KubeError>
            do throws(KubeError) {
                result = .success(try await apply(manifest, &kinds))
            } catch {
                if error.isCancelled { throw CancellationError() }
                result = .failure(error)
            }
            try await report(Applied(manifest: manifest, result: result))
        }
    }

    private func apply(_ manifest: Manifest, _ kinds: inout KindLookup) async throws(KubeError) -> Resource {
        var resource = manifest.resource
        let kind = try await kinds.find(apiVersion: resource.apiVersion, kind: resource.kind)
        if kind.isNamespaced, resource.namespace.isEmpty { resource.json["metadata"]?["namespace"] = .string(client.namespace) }
        return try await client.apply(
            kind.gvr, resource, force: force, WriteOptions(fieldManager: fieldManager, dryRun: dryRun, fieldValidation: .strict))
    }
}

extension Manifest {
    /// Whether others may need it to be there.
    fileprivate var isFoundation: Bool { ["Namespace", "CustomResourceDefinition"].contains(resource.kind) }
}

/// Finds kinds by discovery, each once, and waits for those whose definition is new.
private struct KindLookup {
    private struct Kind: Hashable {
        var apiVersion: String
        var kind: String
    }

    private static let pause: Duration = .milliseconds(200)

    private let client: KubeClient
    private var patience: Duration
    private var known: [Kind: APIResource] = [:]

    init(client: KubeClient, patience: Duration) {
        self.client = client
        self.patience = patience
    }

    mutating func find(apiVersion: String, kind: String) async throws(KubeError) -> APIResource {
        if let found = known[Kind(apiVersion: apiVersion, kind: kind)] { return found }
        while true {
            for resource in try await client.resources(apiVersion: apiVersion) { known[Kind(apiVersion: apiVersion, kind: resource.kind)] = resource }
            if let found = known[Kind(apiVersion: apiVersion, kind: kind)] { return found }
            guard patience > .zero else { throw .unknownKind(apiVersion: apiVersion, kind: kind) }
            patience -= Self.pause
            do {
                try await client.options.clock.sleep(for: Self.pause)
            } catch {
                throw .cancelled
            }
        }
    }
}
