import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

struct ManifestApplierTests {
    private static let text = """
        apiVersion: levee.dev/v1alpha1
        kind: DeltaTable
        metadata: {name: orders}
        ---
        # nothing here
        ---
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: other}}
        - {apiVersion: v1, kind: Namespace, metadata: {name: lake}}
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: deltatables.levee.dev}
        """

    /// Serves discovery; the DeltaTable kind only once its definition is applied and after some more questions.
    private func server(refusing refused: String? = nil) throws -> ScriptedAPIServer {
        let questions = Lock(-1)
        return try ScriptedAPIServer { request, _ in
            func list(_ resources: [(String, String, Bool)]) -> ServerResponse {
                .json(["resources": .array(resources.map { ["name": .string($0.0), "kind": .string($0.1), "namespaced": .bool($0.2), "verbs": ["patch"]] })])
            }
            if request.method == "PATCH" {
                if let refused, request.path.hasSuffix(refused) { return .failure(409, "Conflict") }
                if request.path.contains("customresourcedefinitions") { questions.withLock { $0 = 0 } }
                return .json(request.body ?? [:])
            }
            switch request.path {
            case "/api/v1": return list([("configmaps", "ConfigMap", true), ("namespaces", "Namespace", false)])
            case "/apis/apiextensions.k8s.io/v1": return list([("customresourcedefinitions", "CustomResourceDefinition", false)])
            case "/apis/levee.dev/v1alpha1":
                let asked = questions.withLock { questions in
                    if questions >= 0 { questions += 1 }
                    return questions
                }
                return asked > 2 ? list([("deltatables", "DeltaTable", true)]) : .failure(404, "NotFound")
            default: return .failure(404, "NotFound")
            }
        }
    }

    private func apply(_ server: ScriptedAPIServer, _ manifests: [Manifest]) async throws -> [String] {
        let clock = ManualClock()
        let applier = ManifestApplier(client: try server.client { $0.clock = clock }, fieldManager: "levee-apply", dryRun: true)
        var outcomes: [String] = []
        try await applier.apply(manifests) { applied in
            switch applied.result {
            case .success(let resource): outcomes.append("\(resource.kind) \(resource.key)")
            case .failure(let error): outcomes.append("failed: \(error)")
            }
        }
        return outcomes
    }

    @Test func appliesDefinitionsFirstAndWaitsForTheirKinds() async throws {
        let server = try server()
        let outcomes = try await apply(server, Manifest.parse(Bytes(Self.text), source: "f"))
        #expect(outcomes == ["Namespace lake", "CustomResourceDefinition deltatables.levee.dev", "DeltaTable default/orders", "ConfigMap other/settings"])
        let patches = server.seen.filter { $0.method == "PATCH" }
        #expect(
            patches.map(\.path) == [
                "/api/v1/namespaces/lake", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/deltatables.levee.dev",
                "/apis/levee.dev/v1alpha1/namespaces/default/deltatables/orders", "/api/v1/namespaces/other/configmaps/settings",
            ])
        #expect(patches.allSatisfy { $0.query == ["fieldManager": "levee-apply", "dryRun": "All", "fieldValidation": "Strict"] })
        await server.stop()
    }

    @Test func oneFailureDoesNotStopTheOthers() async throws {
        let server = try server(refusing: "/namespaces/lake")
        let outcomes = try await apply(server, Manifest.parse(Bytes(Self.text), source: "f"))
        #expect(outcomes.first == "failed: PATCH /api/v1/namespaces/lake: 409 Conflict: scripted")
        #expect(outcomes.count == 4 && outcomes.dropFirst().allSatisfy { !$0.hasPrefix("failed") })
        await server.stop()
    }

    @Test func aKindThatNobodyDefinesIsNamedAtOnce() async throws {
        let server = try server()
        let outcomes = try await apply(server, Manifest.parse(Bytes("{apiVersion: levee.dev/v1alpha1, kind: DeltaTable, metadata: {name: a}}"), source: "f"))
        #expect(outcomes == ["failed: the server has no kind DeltaTable in levee.dev/v1alpha1; install its CRD first"])
        #expect(server.seen.count == 1)
        await server.stop()
    }

    @Test func readsFilesAndDirectories() throws {
        let directory = try TemporaryDirectory()
        try directory.write("b.yaml", Self.text)
        try directory.write("a.json", #"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "first"}}"#)
        try directory.write("notes.txt", "- no manifest")
        try directory.write("deeper/c.yaml", "no: manifest")
        #expect(try Manifest.load([directory.path]).map(\.resource.name) == ["first", "orders", "settings", "lake", "deltatables.levee.dev"])
        #expect(try Manifest.load([directory.appending("a.json")]).count == 1)
        for wrong in ["notes.txt", "deeper", "none"] { #expect(throws: KubeError.self) { try Manifest.load([directory.appending(wrong)]) } }
    }
}
