import Base
import HTTP
import KubeClient
import Testing

/// An API server that answers, and misbehaves, as a test says.
final class ScriptedAPIServer: Sendable {
    struct Seen: Sendable {
        var method: String
        var path: String
        var query: [String: String]
        var headers: HTTPHeaders
        var body: JSONValue?

        var isWatch: Bool { query["watch"] == "true" }
    }

    private let server: HTTPServer
    private let log: Lock<[Seen]>

    /// - Parameter answer: Gets the request and how many came before it.
    init(port: Int = 0, _ answer: @escaping @Sendable (Seen, Int) async -> ServerResponse) throws {
        let log = Lock<[Seen]>([])
        self.log = log
        var options = HTTPServer.Options()
        options.stopGracePeriod = .zero
        server = try HTTPServer(port: port, options: options) { request in
            let seen = Seen(
                method: request.method, path: request.path, query: Dictionary(request.query.map { ($0.name, $0.value) }) { $1 }, headers: request.headers,
                body: try? JSON.parse(request.body))
            let index = log.withLock { log in
                log.append(seen)
                return log.count - 1
            }
            return await answer(seen, index)
        }
    }

    var port: Int { server.port }

    var seen: [Seen] { log.withLock { $0 } }

    func stop() async { await server.stop() }

    func client(_ change: (inout KubeClient.Options) -> Void = { _ in }) throws -> KubeClient {
        var options = KubeClient.Options()
        options.random = SeededRandomSource(seed: 1)
        change(&options)
        return try KubeClient(configuration: KubeConfiguration(server: "http://127.0.0.1:\(port)"), options: options)
    }
}

extension ServerResponse {
    static func json(_ value: JSONValue, status: Int = 200, headers: HTTPHeaders = HTTPHeaders()) -> ServerResponse {
        var headers = headers
        headers["Content-Type"] = "application/json"
        return ServerResponse(status: status, headers: headers, body: .bytes(JSON.encodeBytes(value)))
    }

    static func failure(_ code: Int, _ reason: String, headers: HTTPHeaders = HTTPHeaders()) -> ServerResponse {
        .json(.status(code, reason), status: code, headers: headers)
    }

    /// A watch that sends these pieces, and then ends or stays open.
    static func pieces(_ pieces: [Bytes], staysOpen: Bool = false) -> ServerResponse {
        ServerResponse(status: 200, headers: ["Content-Type": "application/json"], body: .stream(PieceStream(pieces, staysOpen: staysOpen)))
    }

    static func events(_ events: [JSONValue], staysOpen: Bool = false) -> ServerResponse {
        pieces(events.map { Bytes(JSON.encode($0) + "\n") }, staysOpen: staysOpen)
    }
}

extension JSONValue {
    static func status(_ code: Int, _ reason: String) -> JSONValue {
        ["kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .integer(Int64(code)), "reason": .string(reason), "message": "scripted"]
    }

    static func configMap(_ name: String, version: Int, namespace: String = "ns", data: [String: String] = [:]) -> JSONValue {
        var json: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": .string(name), "namespace": .string(namespace), "resourceVersion": .string("\(version)"), "uid": .string("uid-\(name)")],
        ]
        if !data.isEmpty { json["data"] = .object(JSONObject(data.map { (key: $0.key, value: JSONValue.string($0.value)) })) }
        return json
    }

    static func configMapList(_ items: [JSONValue], version: Int, next: String? = nil) -> JSONValue {
        var metadata: JSONValue = ["resourceVersion": .string("\(version)")]
        if let next { metadata["continue"] = .string(next) }
        return ["apiVersion": "v1", "kind": "ConfigMapList", "metadata": metadata, "items": .array(items)]
    }

    static func event(_ type: String, _ object: JSONValue) -> JSONValue { ["type": .string(type), "object": object] }

    /// The end of a list that comes as the beginning of a watch.
    static func initialEventsEnd(version: Int) -> JSONValue {
        let metadata: JSONValue = ["resourceVersion": .string("\(version)"), "annotations": ["k8s.io/initial-events-end": "true"]]
        return .event("BOOKMARK", ["kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata])
    }

    static func bookmark(version: Int) -> JSONValue {
        .event("BOOKMARK", ["kind": "ConfigMap", "apiVersion": "v1", "metadata": ["resourceVersion": .string("\(version)")]])
    }
}

/// Sends given pieces; then ends, or is silent until the client leaves.
final class PieceStream: ResponseStream {
    private struct State {
        var pieces: [Bytes]
        var closed = false
    }

    private let state: Lock<State>
    private let staysOpen: Bool

    init(_ pieces: [Bytes], staysOpen: Bool) {
        state = Lock(State(pieces: pieces))
        self.staysOpen = staysOpen
    }

    func next() async -> Bytes? {
        if let piece = state.withLock({ $0.pieces.isEmpty ? nil : $0.pieces.removeFirst() }) { return piece }
        while staysOpen, !state.withLock({ $0.closed }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
        return nil
    }

    func closed() { state.withLock { $0.closed = true } }
}

/// Waits up to ten seconds for something to become true.
func eventually(_ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool) async {
    for _ in 0..<5000 {
        if condition() { return }
        try? await Task.sleep(for: .milliseconds(2))
    }
    #expect(condition(), what, sourceLocation: sourceLocation)
}
