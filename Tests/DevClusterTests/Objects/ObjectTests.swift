import Base
import Testing

@testable import DevCluster

@Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
func base64RoundTrips(text: String) {
    #expect(Base64.decode(Base64.encode(Array(text.utf8))) == Array(text.utf8))
}

@Test(arguments: ["a", "ab", "abc", "ab=c", "a===", "!!!!", "YQ=", "YQ"])
func base64RefusesWhatIsNone(text: String) {
    #expect(Base64.decode(text) == nil)
}

@Test(arguments: [
    ("a", true, true), ("a-b", true, true), ("a.b", false, true), ("-a", false, false), ("a-", false, false), ("A", false, false), ("", false, false),
    ("a..b", false, false), ("a_b", false, false),
])
func names(text: String, isLabel: Bool, isSubdomain: Bool) {
    #expect(ObjectNames.isLabel(text) == isLabel)
    #expect(ObjectNames.isSubdomain(text) == isSubdomain)
}

@Test(arguments: [("a", true), ("a/b", true), ("example.com/A_b.c", true), ("a/b/c", false), ("/a", false), ("a/", false), ("Ex.com/a", false), ("a b", false)])
func qualifiedNames(text: String, isValid: Bool) {
    #expect(ObjectNames.isQualifiedName(text) == isValid)
}

@Test func versionsAreOrderedByStability() {
    let names = ["v1alpha1", "v2", "v1beta2", "v1", "v10", "v1beta1", "foo"]
    #expect(names.sorted { KubernetesVersion($0) > KubernetesVersion($1) } == ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"])
}

@Test(arguments: [
    ("/api/v1/namespaces/a", ["", "v1", "namespaces", "", "a", ""]), ("/api/v1/namespaces/a/pods/p/log", ["", "v1", "pods", "a", "p", "log"]),
    ("/api/v1/namespaces/a/status", ["", "v1", "namespaces", "", "a", "status"]), ("/apis/batch/v1/jobs", ["batch", "v1", "jobs", "", "", ""]),
    ("/apis/g/v1/namespaces/n/things", ["g", "v1", "things", "n", "", ""]), ("/api/v1/namespaces", ["", "v1", "namespaces", "", "", ""]),
])
func resourcePaths(path: String, parts: [String]) throws {
    let parsed = try #require(ResourcePath(path.split(separator: "/").map(String.init)))
    #expect([parsed.group, parsed.version, parsed.plural, parsed.namespace ?? "", parsed.name ?? "", parsed.subresource ?? ""] == parts)
}

@Test func eventsHaveTwoFaces() throws {
    let definition = try #require(BuiltInResources.all.first { $0.group == "events.k8s.io" })
    let core = try JSON.parse(
        #"{"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"involvedObject":{"name":"x"},"message":"m","source":{"component":"c"},"count":2}"#)
    let shown = definition.shown(core)
    #expect(shown["note"] == "m" && shown.at("regarding", "name") == "x" && shown.apiVersion == "events.k8s.io/v1" && shown["message"] == nil)
    #expect(definition.stored(shown) == core)
}

@Test func protobufBodiesAreRead() throws {
    var unknown = ProtobufMessage()
    unknown.message(1) { meta in
        meta.string(1, "v1")
        meta.string(2, "ConfigMap")
    }
    unknown.message(2) { object in
        object.message(1) { $0.string(1, "c") }
        object.message(2) { entry in
            entry.string(1, "key")
            entry.string(2, "value")
        }
    }
    let body = Array("k8s".utf8) + [0] + unknown.bytes
    #expect(try ProtobufBody.parse(body) == ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "data": ["key": "value"]])
    // Cut anywhere, it is an error or less of the object, never a crash.
    for length in 0..<body.count { _ = try? ProtobufBody.parse(Array(body.prefix(length))) }
    #expect(throws: APIError.self) { try ProtobufBody.parse(Array(body.dropLast(3))) }
}
