import Base
import Testing

@testable import DevCluster

@Test(arguments: [("", []), ("0-2,5", [0, 1, 2, 5]), ("7", [7]), ("1-3", [1, 2, 3])] as [(String, Set<Int>)])
func indexSets(text: String, indexes: Set<Int>) {
    #expect(IndexSet(text: text).indexes == indexes)
    #expect(IndexSet(indexes).text == text)
}

private func failedPod(code: Int64, container: String = "main", condition: String? = nil) -> JSONValue {
    var pod: JSONValue = [
        "metadata": ["name": "p", "namespace": "ns"],
        "status": ["phase": "Failed", "containerStatuses": [["name": .string(container), "state": ["terminated": ["exitCode": .integer(code)]]]]],
    ]
    if let condition { pod.set("status", "conditions", to: [["type": .string(condition), "status": "True"]]) }
    return pod
}

@Test func theFirstRuleThatFitsDecides() throws {
    let job = try JSON.parse(
        #"""
        {"spec":{"podFailurePolicy":{"rules":[
          {"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget","status":"True"}]},
          {"action":"FailJob","onExitCodes":{"operator":"In","values":[4,5],"containerName":"main"}},
          {"action":"Count","onExitCodes":{"operator":"In","values":[3]}},
          {"action":"FailJob","onExitCodes":{"operator":"NotIn","values":[6]}}]}}}
        """#)
    let policy = PodFailurePolicy(job)
    #expect(policy.verdict(on: failedPod(code: 4, condition: "DisruptionTarget")) == .ignore)
    #expect(policy.verdict(on: failedPod(code: 4)) == .failJob(message: "Container main for pod ns/p failed with exit code 4 matching FailJob rule at index 1"))
    #expect(policy.verdict(on: failedPod(code: 3)) == .count)
    #expect(policy.verdict(on: failedPod(code: 9)) == .failJob(message: "Container main for pod ns/p failed with exit code 9 matching FailJob rule at index 3"))
    #expect(policy.verdict(on: failedPod(code: 6)) == .count)
    #expect(PodFailurePolicy(["spec": [:]]).verdict(on: failedPod(code: 1)) == .count)
}
