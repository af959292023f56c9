import Base
import Testing

@testable import DevCluster

private let root = #"""
    {"type":"object","properties":{
      "apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"type":"object","properties":{"name":{"type":"string"},"labels":{"type":"object","additionalProperties":{"type":"string"}}}},
      "spec":{"type":"object","properties":{
        "a":{"type":"integer"},"b":{"type":"integer"},"atomic":{"type":"array","items":{"type":"string"}},
        "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
        "whole":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
        "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
        "list":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],"properties":{
          "name":{"type":"string"},"x":{"type":"integer"},"y":{"type":"integer"}}}}}},
      "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}
    """#

/// An object that several managers write, one after the other.
private struct Story {
    var object: JSONValue = .object([:])
    var managed = ManagedFields()
    let ownership: FieldOwnership

    init() throws {
        var ignored = FieldSet()
        ignored.insert([.field("status")])
        ownership = FieldOwnership(schema: try schema(root), ignored: ignored, time: "2026-01-01T00:00:00Z")
    }

    private func manager(_ name: String, _ operation: ManagedFields.Operation) -> ManagedFields.Manager {
        ManagedFields.Manager(name: name, operation: operation, apiVersion: "v1", subresource: "")
    }

    mutating func apply(_ name: String, _ spec: String, force: Bool = false) throws {
        let configuration = try JSON.parse(#"{"apiVersion":"v1","kind":"K","metadata":{"name":"n"},"spec":\#(spec)}"#)
        let applied = try ownership.apply(configuration, to: object, managed: managed, manager: manager(name, .apply), force: force)
        object = applied.object
        managed = applied.managed
    }

    mutating func update(_ name: String, _ change: (inout JSONValue) -> Void) throws {
        var next = object
        change(&next)
        managed = try ownership.update(from: object, to: next, managed: managed, manager: manager(name, .update))
        object = next
    }

    var spec: String { JSON.encode(object["spec"] ?? .null) }

    func owned(_ name: String) -> String? {
        managed.entries.first { $0.manager.name == name }.map { JSON.encode($0.fields.encoded) }
    }

    /// The fields that an apply would conflict about.
    func conflicts(_ name: String, _ spec: String) throws -> [String] {
        var copy = self
        do {
            try copy.apply(name, spec)
            return []
        } catch let FieldOwnership.ApplyError.conflicts(conflicts) {
            return conflicts.map { "\($0.manager) \($0.field)" }
        }
    }
}

@Test func anApplierOwnsWhatItStates() throws {
    var story = try Story()
    try story.apply("one", #"{"a":1,"atomic":["x"],"set":["s"],"list":[{"name":"l","x":1}],"whole":{"k":"v"},"free":{"deep":{"er":1}}}"#)
    let expected =
        #"{"f:spec":{"f:a":{},"f:atomic":{},"f:free":{"f:deep":{".":{},"f:er":{}}},"f:list":{"k:{\"name\":\"l\"}":{".":{},"f:name":{},"f:x":{}}},"f:set":{"v:\"s\"":{}},"f:whole":{}}}"#
    #expect(story.owned("one") == expected)
}

@Test func whatAnApplierStatesNoLongerGoesUnlessAnotherOwnsIt() throws {
    var story = try Story()
    try story.apply("one", #"{"a":1,"b":2,"set":["s","t"],"list":[{"name":"l","x":1},{"name":"m"}]}"#)
    try story.apply("two", #"{"b":2,"set":["t"],"list":[{"name":"l","y":5}]}"#)
    try story.apply("one", #"{"a":1}"#)
    #expect(story.spec == #"{"a":1,"b":2,"set":["t"],"list":[{"name":"l","y":5}]}"#)
}

@Test func aValueThatAnotherOwnsIsAConflictAndForceTakesIt() throws {
    var story = try Story()
    try story.apply("one", #"{"a":1,"list":[{"name":"l","x":1}]}"#)
    #expect(try story.conflicts("two", #"{"a":2,"list":[{"name":"l","x":2}]}"#) == [#""one" .spec.a"#, #""one" .spec.list[name="l"].x"#])
    #expect(try story.conflicts("two", #"{"a":1}"#) == [])
    try story.apply("two", #"{"a":2}"#, force: true)
    #expect(story.spec == #"{"a":2,"list":[{"name":"l","x":1}]}"#)
    #expect(story.owned("one")?.contains("f:a") == false)
}

@Test func anUpdateTakesTheFieldsThatItChanges() throws {
    var story = try Story()
    try story.apply("one", #"{"a":1,"b":2}"#)
    try story.update("editor") { $0.set("spec", "a", to: 9) }
    #expect(story.owned("editor") == #"{"f:spec":{"f:a":{}}}"#)
    #expect(story.owned("one") == #"{"f:spec":{"f:b":{}}}"#)
    #expect(try story.conflicts("one", #"{"a":1,"b":2}"#) == [#""editor" using v1 .spec.a"#])
    try story.update("editor") { object in
        var spec = object["spec"] ?? [:]
        spec["a"] = Optional<JSONValue>.none
        object["spec"] = spec
    }
    #expect(story.owned("editor") == Optional<String>.none)
}

@Test func statusAndServerMetadataBelongToNobodyHere() throws {
    var story = try Story()
    try story.update("editor") { object in
        object = ["apiVersion": "v1", "kind": "K", "metadata": ["name": "n", "labels": ["l": "1"]], "spec": ["a": 1], "status": ["x": 1]]
    }
    #expect(story.owned("editor") == #"{"f:metadata":{"f:labels":{".":{},"f:l":{}}},"f:spec":{".":{},"f:a":{}}}"#)
}

@Test func anAppliedListKeepsItsOrderAndOthersElementsTheirPlace() throws {
    var story = try Story()
    try story.apply("one", #"{"list":[{"name":"a"},{"name":"b"}]}"#)
    try story.update("editor") { $0.set("spec", "list", to: [["name": "a"], ["name": "x"], ["name": "b"]]) }
    try story.apply("one", #"{"list":[{"name":"b"},{"name":"a"}]}"#)
    #expect(story.spec == #"{"list":[{"name":"b"},{"name":"a"},{"name":"x"}]}"#)
}

@Test func fieldsThatTheSchemaDoesNotDeclareAreRefused() throws {
    var story = try Story()
    #expect(throws: FieldOwnership.ApplyError.self) { try story.apply("one", #"{"nope":1}"#) }
    #expect(throws: FieldOwnership.ApplyError.self) { try story.apply("one", #"{"list":[{"x":1}]}"#) }
}

@Test func fieldSetsSurviveTheirEncoding() throws {
    let text = #"{"f:a":{".":{},"f:b":{}},"f:c":{},"f:list":{"k:{\"n\":\"x\",\"p\":80}":{".":{},"f:y":{}},"v:\"s\"":{},"i:3":{}}}"#
    let set = try #require(FieldSet(encoded: try JSON.parse(text)))
    #expect(set.encoded == (try JSON.parse(text)))
    #expect(
        set.paths.map { $0.map(\.shown).joined() }
            == [".a", ".a.b", ".c", "[3]", #"[n="x",p=80]"#, #"[n="x",p=80].y"#, #"[="s"]"#].map { $0.hasPrefix(".") ? $0 : ".list\($0)" })
    #expect(FieldSet(encoded: ["x:odd": [:]]) == nil)
}

@Test func setAlgebra() throws {
    func set(_ text: String) throws -> FieldSet { try #require(FieldSet(encoded: try JSON.parse(text))) }
    let left = try set(#"{"f:a":{},"f:b":{"f:c":{},"f:d":{}}}"#)
    let right = try set(#"{"f:b":{".":{},"f:c":{}},"f:e":{}}"#)
    #expect(left.union(right) == (try set(#"{"f:a":{},"f:b":{".":{},"f:c":{},"f:d":{}},"f:e":{}}"#)))
    #expect(left.intersection(right) == (try set(#"{"f:b":{"f:c":{}}}"#)))
    #expect(left.subtracting(right) == (try set(#"{"f:a":{},"f:b":{"f:d":{}}}"#)))
    #expect(left.subtractingTrees(right) == (try set(#"{"f:a":{}}"#)))
}
