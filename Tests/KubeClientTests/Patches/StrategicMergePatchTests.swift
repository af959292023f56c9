import Base
import Testing

@testable import KubeClient

/// Against what Kubernetes' own implementation does, as its documentation and tests have it.
struct StrategicMergePatchTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var original: String
        var patch: String
        /// nil: the patch is refused.
        var result: String?
    }

    private static let lists = [
        Case(
            testDescription: "elements are merged by name", original: #"{"list":[{"name":"a","value":1},{"name":"b","value":2}]}"#,
            patch: #"{"list":[{"name":"b","value":3},{"name":"c"}]}"#, result: #"{"list":[{"name":"a","value":1},{"name":"b","value":3},{"name":"c"}]}"#),
        Case(
            testDescription: "lists without a key are replaced", original: #"{"list":[{"name":"a","args":["1"]}]}"#,
            patch: #"{"list":[{"name":"a","args":["2"]}]}"#, result: #"{"list":[{"name":"a","args":["2"]}]}"#),
        Case(
            testDescription: "an element is deleted", original: #"{"list":[{"name":"a"},{"name":"b"}]}"#, patch: #"{"list":[{"$patch":"delete","name":"a"}]}"#,
            result: #"{"list":[{"name":"b"}]}"#),
        Case(
            testDescription: "a list is replaced", original: #"{"list":[{"name":"a"},{"name":"b"}]}"#, patch: #"{"list":[{"$patch":"replace"},{"name":"c"}]}"#,
            result: #"{"list":[{"name":"c"}]}"#),
        Case(
            testDescription: "a list is put in order", original: #"{"list":[{"name":"a"},{"name":"b"}]}"#,
            patch: #"{"$setElementOrder/list":[{"name":"b"},{"name":"a"}]}"#, result: #"{"list":[{"name":"b"},{"name":"a"}]}"#),
        Case(
            testDescription: "what the order does not name keeps its place", original: #"{"list":[{"name":"a"},{"name":"x"},{"name":"b"}]}"#,
            patch: #"{"$setElementOrder/list":[{"name":"c"},{"name":"b"},{"name":"a"}],"list":[{"name":"c"}]}"#,
            result: #"{"list":[{"name":"c"},{"name":"x"},{"name":"b"},{"name":"a"}]}"#),
        Case(testDescription: "scalars are united", original: #"{"set":["a","b"]}"#, patch: #"{"set":["c","a"]}"#, result: #"{"set":["a","b","c"]}"#),
        Case(
            testDescription: "scalars are deleted", original: #"{"set":["a","b"]}"#, patch: #"{"$deleteFromPrimitiveList/set":["a"]}"#,
            result: #"{"set":["b"]}"#),
        Case(
            testDescription: "members are merged, null removes", original: #"{"map":{"a":"1","b":"2"}}"#, patch: #"{"map":{"a":null,"c":"3"}}"#,
            result: #"{"map":{"b":"2","c":"3"}}"#),
        Case(
            testDescription: "only the retained keys stay", original: #"{"map":{"a":"1","b":"2"}}"#, patch: #"{"map":{"$retainKeys":["c"],"c":"3"}}"#,
            result: #"{"map":{"c":"3"}}"#),
        Case(
            testDescription: "an object is replaced", original: #"{"map":{"a":"1"}}"#, patch: #"{"map":{"$patch":"replace","b":"2"}}"#,
            result: #"{"map":{"b":"2"}}"#),
        Case(
            testDescription: "a list that was not there is taken as it is", original: "{}",
            patch: #"{"list":[{"name":"a","value":1},{"name":"a","value":2},{"$patch":"delete","name":"b"},{"name":"c","value":null}]}"#,
            result: #"{"list":[{"name":"a","value":1},{"name":"a","value":2},{"name":"c"}]}"#),
        Case(testDescription: "an element needs its key", original: #"{"list":[]}"#, patch: #"{"list":[{"value":1}]}"#, result: nil),
        Case(testDescription: "an unknown directive is refused", original: "{}", patch: #"{"map":{"$patch":"twist"}}"#, result: nil),
        Case(testDescription: "a patch is an object", original: "{}", patch: "[]", result: nil),
    ]

    @Test(arguments: lists)
    func merges(_ row: Case) throws {
        let result = try? StrategicMergePatch.apply(try JSON.parse(row.patch), to: try JSON.parse(row.original), schema: Lists.all)
        #expect(result.map { JSON.encode($0) } == row.result)
    }

    private static let pods = [
        Case(
            testDescription: "containers by name, their variables by name",
            original: #"{"containers":[{"name":"a","image":"i","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}]}]}"#,
            patch: #"{"containers":[{"name":"a","env":[{"name":"Y","value":"3"}]},{"name":"b"}]}"#,
            result: #"{"containers":[{"name":"a","image":"i","env":[{"name":"X","value":"1"},{"name":"Y","value":"3"}]},{"name":"b"}]}"#),
        Case(
            testDescription: "mounts by path, ports by number",
            original: #"{"containers":[{"name":"a","volumeMounts":[{"mountPath":"/v","name":"v"}],"ports":[{"containerPort":80,"name":"p"}]}]}"#,
            patch: #"{"containers":[{"name":"a","volumeMounts":[{"mountPath":"/v","name":"w"}],"ports":[{"containerPort":80,"name":"q"}]}]}"#,
            result: #"{"containers":[{"name":"a","volumeMounts":[{"mountPath":"/v","name":"w"}],"ports":[{"containerPort":80,"name":"q"}]}]}"#),
        Case(
            testDescription: "a volume changes its kind", original: #"{"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}]}"#,
            patch: #"{"volumes":[{"name":"v","$retainKeys":["name","secret"],"secret":{"secretName":"s"}}]}"#,
            result: #"{"volumes":[{"name":"v","secret":{"secretName":"s"}}]}"#),
        Case(
            testDescription: "tolerations are replaced", original: #"{"tolerations":[{"key":"a"},{"key":"b"}]}"#, patch: #"{"tolerations":[{"key":"c"}]}"#,
            result: #"{"tolerations":[{"key":"c"}]}"#),
        Case(
            testDescription: "sources of variables are replaced", original: #"{"containers":[{"name":"a","envFrom":[{"prefix":"x"}]}]}"#,
            patch: #"{"containers":[{"name":"a","envFrom":[{"prefix":"y"}]}]}"#, result: #"{"containers":[{"name":"a","envFrom":[{"prefix":"y"}]}]}"#),
        Case(
            testDescription: "spread constraints by topology", original: #"{"topologySpreadConstraints":[{"topologyKey":"zone","maxSkew":1}]}"#,
            patch: #"{"topologySpreadConstraints":[{"topologyKey":"zone","maxSkew":2},{"topologyKey":"host"}]}"#,
            result: #"{"topologySpreadConstraints":[{"topologyKey":"zone","maxSkew":2},{"topologyKey":"host"}]}"#),
        Case(
            testDescription: "selectors and requests are maps", original: #"{"nodeSelector":{"a":"1"}}"#, patch: #"{"nodeSelector":{"b":"2"}}"#,
            result: #"{"nodeSelector":{"a":"1","b":"2"}}"#),
        Case(
            testDescription: "secrets of registries by name", original: #"{"imagePullSecrets":[{"name":"a"}]}"#,
            patch: #"{"imagePullSecrets":[{"name":"a"},{"name":"b"}]}"#, result: #"{"imagePullSecrets":[{"name":"a"},{"name":"b"}]}"#),
    ]

    @Test(arguments: pods)
    func mergesPods(_ row: Case) throws {
        let result = try StrategicMergePatch.apply(try JSON.parse(row.patch), to: try JSON.parse(row.original), schema: PodMergeSchema.podSpec)
        #expect(JSON.encode(result) == row.result)
    }
}

/// A list by name, a list of scalars.
private struct Lists: MergeSchema {
    var patchMergeKey: String?
    var patchMergesScalars = false

    static let all = Lists()
    var items: Lists? { nil }

    func member(_ name: String) -> Lists? {
        switch name {
        case "list": Lists(patchMergeKey: "name")
        case "set": Lists(patchMergesScalars: true)
        default: nil
        }
    }
}
