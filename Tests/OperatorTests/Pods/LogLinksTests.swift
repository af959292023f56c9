import Base
import KubeClient
import Testing

@testable import Operator

@Suite struct LogLinksTests {
    private static func operation() throws -> TableOperation {
        TableOperation(
            metadata: ObjectMeta(name: "run", namespace: "lake"),
            spec: try JSON.decode(TableOperationSpec.self, from: #"{"tableRef":{"name":"orders"},"optimize":{}}"#), status: nil)
    }

    private static func pod(_ name: String, _ start: String?) -> Pod {
        var pod = Pod(metadata: ObjectMeta(name: name, namespace: "lake"))
        pod.status = Pod.Status()
        pod.status?.startTime = start.flatMap { Timestamp(rfc3339: $0) }
        return pod
    }

    @Test func theLatestPodsLogIsNamed() throws {
        let operation = try Self.operation()
        let pods = [Self.pod("b", "2026-01-01T00:00:01Z"), Self.pod("a", "2026-01-01T00:00:02Z"), Self.pod("c", nil)]
        let logs = try #require(LogLinks.none.logs(of: operation, pods))
        #expect(logs.pod == "a" && logs.container == "worker" && logs.url == nil)
        #expect(logs.command == "kubectl logs --namespace lake a --container worker")
        #expect(LogLinks.none.logs(of: operation, []) == nil)
    }

    @Test func aTemplateIsFilledIn() throws {
        let links = try LogLinks(template: "https://logs.example/q?ns={namespace}&p={pod}&c={container}&op={operation}&j={job}#x")
        let operation = try Self.operation()
        #expect(
            links.logs(of: operation, [Self.pod("a", nil)])?.url
                == "https://logs.example/q?ns=lake&p=a&c=worker&op=run&j=\(operation.jobName)#x")
    }

    @Test(arguments: [("logs.example/{pod}", "https://"), ("https://l/{pods}", "{pods}"), ("https://l/{pod", "without }"), ("https://l/{}", "{}")])
    func aTemplateThatMakesNoLinksIsRefused(template: String, words: String) {
        let error = #expect(throws: LogLinks.BadTemplate.self) { try LogLinks(template: template) }
        #expect(error?.reason.contains(words) == true)
    }
}
