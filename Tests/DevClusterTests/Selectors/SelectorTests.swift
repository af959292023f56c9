import Base
import Testing

@testable import DevCluster

@Test(
    arguments: [
        ("", ["a": "1"], true), ("a=1", ["a": "1"], true), ("a==1", ["a": "2"], false), ("a!=1", [:], true), ("a!=1", ["a": "1"], false),
        ("a", ["a": ""], true), ("!a", ["a": ""], false),
        ("a in (1, 2)", ["a": "2"], true), ("a in (1,2),b", ["a": "2"], false), ("a notin (1)", [:], true), ("a notin (1)", ["a": "1"], false),
        (" a = 1 , b ", ["a": "1", "b": "x"], true),
        ("example.com/x=y", ["example.com/x": "y"], true), ("a=", ["a": ""], true), ("a in ()", ["a": ""], true),
    ] as [(String, [String: String], Bool)])
func labelSelectors(text: String, labels: [String: String], isMatch: Bool) throws {
    #expect(try LabelSelector(text).matches(labels) == isMatch)
}

@Test(arguments: ["a b", "=1", "a=b=c", "a in 1", "a in (1", "-a", "a=b c", "a=b,,c", "!", "a/b/c=d"])
func labelSelectorsThatMakeNoSenseAreRefused(text: String) {
    #expect(throws: APIError.self) { try LabelSelector(text) }
}

@Test(arguments: [
    ("metadata.name=x", true), ("metadata.name!=x", false), ("metadata.name=x,status.phase=Running", true), ("status.phase=", false), ("spec.nodeName=", true),
    (#"metadata.name=a\,b"#, false),
])
func fieldSelectors(text: String, isMatch: Bool) throws {
    let object: JSONValue = ["metadata": ["name": "x"], "status": ["phase": "Running"]]
    #expect(try FieldSelector(text, supported: ["status.phase", "spec.nodeName"]).matches(object) == isMatch)
}

@Test func fieldsThatCannotBeSelectedByAreRefused() {
    #expect(throws: APIError.self) { try FieldSelector("spec.mode=x", supported: []) }
    #expect(throws: APIError.self) { try FieldSelector("metadata.name", supported: []) }
}
