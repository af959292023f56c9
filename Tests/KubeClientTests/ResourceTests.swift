import Base
import Testing

@testable import KubeClient

struct ResourceTests {
    /// RFC 7386, appendix A.
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#), (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
        (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#), (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#), (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
        (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#), (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
        (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ])
    func mergePatchesFollowTheStandardsExamples(target: String, patch: String, result: String) throws {
        #expect(JSONMergePatch.apply(try JSON.parse(patch), to: try JSON.parse(target)) == (try JSON.parse(result)))
    }

    @Test(arguments: [
        (#"{"a":1}"#, #"{"a":1}"#, nil), (#"{"a":1,"b":{"c":1,"d":2}}"#, #"{"b":{"c":1,"d":3}}"#, #"{"b":{"d":3},"a":null}"#),
        (#"{"a":[1,2]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
        ("{}", #"{"a":{"b":1}}"#, #"{"a":{"b":1}}"#),
    ])
    func theSmallestPatchIsFound(old: String, new: String, patch: String?) throws {
        let (old, new) = (try JSON.parse(old), try JSON.parse(new))
        let found = JSONMergePatch.between(old, new)
        #expect(found == (try patch.map { try JSON.parse($0) }))
        #expect(JSONMergePatch.apply(found ?? [:], to: old) == new)
    }

    @Test(
        arguments: [
            ([:], [], true), (["team": "x"], [], true), (["team": "y"], [], false),
            ([:], [LabelSelector.Requirement(key: "team", operator: .isIn, values: ["x", "y"])], true),
            ([:], [LabelSelector.Requirement(key: "team", operator: .isNotIn, values: ["x"])], false),
            ([:], [LabelSelector.Requirement(key: "none", operator: .isNotIn, values: ["x"])], true),
            ([:], [LabelSelector.Requirement(key: "env", operator: .exists)], true),
            ([:], [LabelSelector.Requirement(key: "env", operator: .doesNotExist)], false),
            (["team": "x"], [LabelSelector.Requirement(key: "none", operator: .exists)], false),
        ] as [([String: String], [LabelSelector.Requirement], Bool)])
    func selectorsMatch(labels: [String: String], expressions: [LabelSelector.Requirement], expected: Bool) {
        #expect(LabelSelector(matchLabels: labels, matchExpressions: expressions).matches(["team": "x", "env": "dev"]) == expected)
    }

    @Test func selectorsAreSpelledForTheQuery() {
        let selector = LabelSelector(
            matchLabels: ["b": "2", "a": "1"],
            matchExpressions: [
                .init(key: "c", operator: .isIn, values: ["x", "y"]), .init(key: "d", operator: .isNotIn, values: ["z"]), .init(key: "e", operator: .exists),
                .init(key: "f", operator: .doesNotExist),
            ])
        #expect(selector.queryValue == "a=1,b=2,c in (x,y),d notin (z),e,!f")
    }

    @Test func metadataIsWrittenAsItWasRead() throws {
        let json = try JSON.parse(
            """
            {"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 3, "creationTimestamp": "2026-04-11T02:00:00Z",
             "labels": {"l": "v"}, "finalizers": ["f"], "ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "n", "uid": "o", "controller": true}]}
            """)
        let metadata = try JSON.decode(ObjectMeta.self, from: json)
        #expect(metadata.controllerReference?.uid == "o")
        #expect(try JSON.value(of: metadata) == json)
        #expect(try JSON.value(of: ObjectMeta(name: "a")) == ["name": "a"])
    }

    @Test func timesAreWrittenAsGoReadsThem() throws {
        let time = Timestamp(microseconds: 1_700_000_000_120_000)
        #expect(try JSON.value(of: MicroTime(time)) == "2023-11-14T22:13:20.120000Z")
        #expect(try JSON.value(of: SecondTime(time)) == "2023-11-14T22:13:20Z")
        let condition = Condition(type: "Ready", status: .true, reason: "R", message: "m", lastTransitionTime: time)
        #expect(try JSON.value(of: condition)["lastTransitionTime"] == "2023-11-14T22:13:20Z")
    }

    @Test func aConditionKeepsItsTimeUntilItsStatusChanges() {
        func condition(_ status: Condition.Status, _ reason: String, _ time: Int64) -> Condition {
            Condition(type: "Ready", status: status, reason: reason, message: "", lastTransitionTime: Timestamp(microseconds: time))
        }
        var conditions = [condition(.true, "One", 1)]
        conditions.set(condition(.true, "Two", 2))
        #expect(conditions == [condition(.true, "Two", 1)])
        conditions.set(condition(.false, "Three", 3))
        #expect(conditions == [condition(.false, "Three", 3)])
        #expect(!conditions.isTrue("Ready") && !conditions.isTrue("None"))
    }

    @Test func podsAreReadAsTheServerSendsThem() throws {
        let pod = try JSON.decode(
            Pod.self,
            from: """
                {"metadata": {"name": "p", "namespace": "ns", "creationTimestamp": "2026-04-11T02:00:00Z"}, "spec": {"containers": [{"name": "worker", "image": "i", "env": []}]},
                 "status": {"phase": "Failed", "conditions": [{"type": "Ready", "status": "False", "lastProbeTime": null, "lastTransitionTime": "2026-04-11T02:00:00Z"}],
                  "containerStatuses": [{"name": "worker", "ready": false, "restartCount": 2, "image": "i", "imageID": "x",
                   "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "m", "startedAt": "2026-04-11T02:00:00Z", "finishedAt": null}}, "lastState": {}}]}}
                """)
        #expect(pod.containerStatus("worker")?.state?.terminated?.exitCode == 137)
        #expect(pod.status?.conditions?["Ready"]?.status == .false)
    }
}
