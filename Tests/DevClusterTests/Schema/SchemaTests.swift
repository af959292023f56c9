import Base
import KubeClient
import Testing

@testable import DevCluster

/// The schema that a JSON text writes down.
func schema(_ text: String) throws -> Schema { try Schema(JSON.parse(text), at: .root) }

struct ValidationCase: Sendable, CustomTestStringConvertible {
    let schema: String
    let value: String
    let errors: [String]

    var testDescription: String { "\(value) against \(schema)" }
}

@Test(arguments: [
    ValidationCase(schema: #"{"type":"object","required":["a"]}"#, value: "{}", errors: ["a: Required value"]),
    ValidationCase(
        schema: #"{"type":"object","properties":{"a":{"type":"string"}}}"#, value: #"{"a":1}"#,
        errors: [
            #"a: Invalid value: "integer": a in body must be of type string: "integer""#
        ]),
    ValidationCase(
        schema: #"{"type":"object","properties":{"a":{"type":"string"}}}"#, value: #"{"a":null}"#,
        errors: [
            #"a: Invalid value: "null": a in body must be of type string: "null""#
        ]),
    ValidationCase(schema: #"{"type":"object","properties":{"a":{"type":"string","nullable":true}}}"#, value: #"{"a":null}"#, errors: []),
    ValidationCase(schema: #"{"type":"integer"}"#, value: "2.0", errors: []),
    ValidationCase(schema: #"{"type":"integer"}"#, value: "2.5", errors: [#": Invalid value: "number":  in body must be of type integer: "number""#]),
    ValidationCase(schema: #"{"type":"number"}"#, value: "2", errors: []),
    ValidationCase(
        schema: #"{"type":"integer","format":"int32"}"#, value: "3000000000",
        errors: [#": Invalid value: 3000000000:  in body must be of type int32: "3000000000""#]),
    ValidationCase(
        schema: #"{"type":"integer","minimum":1,"exclusiveMinimum":true}"#, value: "1", errors: [": Invalid value: 1:  in body should be greater than 1"]),
    ValidationCase(
        schema: #"{"type":"number","maximum":1.5,"exclusiveMaximum":true}"#, value: "1.5", errors: [": Invalid value: 1.5:  in body should be less than 1.5"]),
    ValidationCase(schema: #"{"type":"integer","multipleOf":5}"#, value: "7", errors: [": Invalid value: 7:  in body should be a multiple of 5"]),
    ValidationCase(schema: #"{"x-kubernetes-int-or-string":true}"#, value: #""a""#, errors: []),
    ValidationCase(
        schema: #"{"x-kubernetes-int-or-string":true}"#, value: "1.5",
        errors: [#": Invalid value: "number":  in body must be of type integer,string: "number""#]),
    ValidationCase(
        schema: #"{"type":"array","minItems":2,"items":{"type":"string"}}"#, value: #"["a"]"#,
        errors: [": Invalid value: 1:  in body should have at least 2 items"]),
    ValidationCase(
        schema: #"{"type":"object","maxProperties":1,"additionalProperties":{"type":"string"}}"#, value: #"{"a":"","b":""}"#,
        errors: [": Too many: 2: must have at most 1 item"]),
    ValidationCase(schema: #"{"type":"string","pattern":"^é+$"}"#, value: #""éé""#, errors: []),
    ValidationCase(schema: #"{"type":"string","maxLength":2}"#, value: #""éé""#, errors: []),
    ValidationCase(
        schema:
            #"{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["n","p"],"items":{"type":"object","properties":{"n":{"type":"string"},"p":{"type":"string","default":"TCP"}}}}"#,
        value: #"[{"n":"a"},{"n":"a","p":"TCP"}]"#,
        errors: [
            #"[1]: Duplicate value: {"n":"a","p":"TCP"}"#
        ]),
    ValidationCase(
        schema: #"{"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}],"x-kubernetes-preserve-unknown-fields":true}"#, value: #"{"a":1,"b":2}"#,
        errors: [
            #": Invalid value: "object":  in body must validate one and only one schema (oneOf). Found 2 valid alternatives"#
        ]),
    ValidationCase(
        schema: #"{"type":"integer","not":{"minimum":5}}"#, value: "7", errors: [#": Invalid value: "integer":  in body must not validate the schema (not)"#]),
])
func validationSaysWhatTheServerSays(_ test: ValidationCase) throws {
    let errors = SchemaValidator.validate(try JSON.parse(test.value), try schema(test.schema)).map(\.description)
    #expect(errors == test.errors)
}

@Test(arguments: [
    ("date-time", "2026-01-02T03:04:05Z", true), ("date-time", "2026-01-02", false), ("date", "2026-02-28", true), ("date", "2026-02-30", false),
    ("duration", "1h30m", true), ("duration", "-1.5s", true), ("duration", "3 days", true), ("duration", "1x", false), ("duration", "", false),
    ("duration", "h", false),
    ("byte", "dg==", true), ("byte", "dg=", false), ("uuid", "f5df1996-af3a-4fef-b84b-3eced2124e6d", true), ("uuid", "f5df1996", false),
    ("ipv4", "127.0.0.1", true), ("ipv4", "::1", false), ("ipv6", "::1", true), ("hyperspace", "anything", true),
])
func formats(format: String, text: String, isAccepted: Bool) {
    #expect(StringFormat.accepts(text, format: format) == isAccepted)
}

@Test func defaultsFillInFromTheOutside() throws {
    let schema = try schema(
        #"""
        {"type":"object","properties":{
          "a":{"type":"integer","default":1},
          "inner":{"type":"object","default":{},"properties":{"b":{"type":"string","default":"x"}}},
          "absent":{"type":"object","properties":{"c":{"type":"string","default":"y"}}},
          "list":{"type":"array","items":{"type":"object","properties":{"d":{"type":"boolean","default":true}}}},
          "nothing":{"type":"string","nullable":true,"default":"z"}}}
        """#)
    var value = try JSON.parse(#"{"a":null,"list":[{},{"d":false}],"nothing":null}"#)
    SchemaDefaulter.apply(schema, to: &value)
    #expect(value == (try JSON.parse(#"{"a":1,"inner":{"b":"x"},"list":[{"d":true},{"d":false}],"nothing":null}"#)))
}

@Test func pruningRemovesWhatTheSchemaDoesNotKnowAndSaysWhere() throws {
    let schema = try schema(
        #"""
        {"type":"object","properties":{
          "known":{"type":"object","properties":{"a":{"type":"string"}}},
          "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"strict":{"type":"object"}}},
          "map":{"type":"object","additionalProperties":{"type":"object","properties":{"b":{"type":"string"}}}},
          "embedded":{"type":"object","x-kubernetes-embedded-resource":true},
          "list":{"type":"array","items":{"type":"object"}}}}
        """#)
    var value = try JSON.parse(
        #"""
        {"apiVersion":"v1","kind":"K","metadata":{"name":"n"},"extra":1,"known":{"a":"","x":2},"free":{"any":3,"strict":{"y":4}},
         "map":{"k":{"b":"","z":5}},"embedded":{"kind":"Pod","spec":6},"list":[{"w":7}]}
        """#)
    let removed = SchemaPruner.prune(&value, schema).map(\.description)
    #expect(removed.sorted() == ["embedded.spec", "extra", "free.strict.y", "known.x", "list[0].w", "map.k.z"])
    let kept =
        #"{"apiVersion":"v1","kind":"K","metadata":{"name":"n"},"known":{"a":""},"free":{"any":3,"strict":{}},"map":{"k":{"b":""}},"embedded":{"kind":"Pod"},"list":[{}]}"#
    #expect(value == (try JSON.parse(kept)))
}

@Test(arguments: [
    (#"{"type":"string"}"#, "must be object at the root"),
    (#"{"type":"object","properties":{"a":{}}}"#, "must not be empty for specified object fields"),
    (#"{"type":"object","properties":{"a":{"type":"array"}}}"#, "must be specified"),
    (#"{"type":"object","properties":{"a":{"type":"string","default":1}}}"#, "must be of type string"),
    (#"{"type":"object","properties":{"a":{"type":"object","properties":{},"additionalProperties":{"type":"string"}}}}"#, "mutual exclusive"),
    (
        #"{"type":"object","properties":{"a":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","properties":{"k":{"type":"string"}}}}}}"#,
        "must have a default or be a required property"
    ),
])
func schemasThatAreNotStructuralAreRefused(text: String, complaint: String) throws {
    let errors = StructuralRules.check(try JSON.parse(text), at: FieldPath("schema"))
    #expect(errors.contains { $0.description.contains(complaint) }, "\(errors)")
}

@Test func builtInTypesAreValidSchemas() throws {
    for type in BuiltInTypes.all.names {
        #expect(throws: Never.self) { try Schema(BuiltInTypes.all.inlined(type), at: FieldPath(type)) }
    }
}

/// Patches are carried out by the server here and by the client on its own; both go by the same keys.
@Test func listsOfPodsAreMergedByTheKeysThatTheClientKnows() throws {
    let pod = try Schema(BuiltInTypes.all.inlined("PodSpec"), at: FieldPath("PodSpec"))
    let container = try #require(pod.member("containers")?.items)
    for (schema, known) in [(pod, PodMergeSchema.podSpec), (container, try #require(PodMergeSchema.podSpec.member("containers")?.items))] {
        for name in schema.properties.keys { #expect(schema.member(name)?.patchMergeKey == known.member(name)?.patchMergeKey, "\(name)") }
    }
}
