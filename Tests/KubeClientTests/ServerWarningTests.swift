import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

struct ServerWarningTests {
    struct Header: Sendable {
        var value: String
        var texts: [String]
    }

    @Test(arguments: [
        Header(value: #"299 - "v1beta1 is deprecated""#, texts: ["v1beta1 is deprecated"]),
        Header(value: #"299 - "a \"quoted\" word and a \\""#, texts: [#"a "quoted" word and a \"#]),
        Header(
            value: #"299 - "one, with a comma", 299 api "two" "Sun, 06 Nov 1994 08:49:37 GMT",199 - "three""#, texts: ["one, with a comma", "two", "three"]),
        Header(value: #"299 - "größe 日本語""#, texts: ["größe 日本語"]),
        Header(value: #"299 - "fine", nonsense, 299 - "lost""#, texts: ["fine"]),
        Header(value: #"299 - "never closed"#, texts: []),
        Header(value: "299 -", texts: []),
        Header(value: "29 - \"x\"", texts: []),
        Header(value: "", texts: []),
    ])
    func readsHeaders(header: Header) {
        #expect(ServerWarning.parse(header.value).map(\.text) == header.texts)
    }

    @Test func tellsEachWarningOfTheServerOnce() async throws {
        let server = try ScriptedAPIServer { _, index in
            var headers = HTTPHeaders()
            headers.append(name: "Warning", value: #"299 - "the same again""#)
            headers.append(name: "Warning", value: #"299 - "number \#(index)", 110 proxy "stale""#)
            return .json(.configMap("a", version: 1), headers: headers)
        }
        let told = Lock<[String]>([])
        let client = try server.client { $0.onWarning = { text in told.withLock { $0.append(text) } } }
        for _ in 0..<3 { _ = try await client.get(ConfigMap.self, ObjectKey(namespace: "ns", name: "a")) }
        #expect(told.withLock { $0 } == ["the same again", "number 0", "number 1", "number 2"])
        await server.stop()
    }
}
