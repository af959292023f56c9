import Base
import Testing

@testable import Operator

@Suite struct GeneratedTypesTests {
    @Test func defaultsAreThoseOfTheSchema() throws {
        let spec = try JSON.decode(MaintenancePolicySpec.self, from: #"{"tableSelector":{},"optimize":{},"vacuum":{"schedule":"@weekly"}}"#)
        #expect(spec.mode == .auto && !spec.suspend && spec.timeZone == "Etc/UTC" && spec.cooldown == "30m" && spec.priority == 0)
        #expect(spec.concurrency.operations == 4 && spec.historyLimits.succeeded == 3 && spec.historyLimits.failed == 5)
        #expect(spec.optimize?.when.smallFiles == 100 && spec.optimize?.when.smallFileRatio == nil)
        #expect(spec.vacuum?.mode == .full && spec.vacuum?.dryRun == false)
    }

    @Test func whatIsGivenReplacesADefault() throws {
        let spec = try JSON.decode(MaintenancePolicySpec.self, from: #"{"tableSelector":{},"optimize":{"when":{"smallFileRatio":0.3}}}"#)
        #expect(spec.optimize?.when.smallFiles == nil && spec.optimize?.when.smallFileRatio == 0.3)
    }

    @Test(arguments: [
        #"{"tableRef":{"name":"orders"},"optimize":{"targetFileSize":"256Mi","where":"day > 5"},"dryRun":true,"verify":"Rows","cancel":false,"suspend":false,"activeDeadlineSeconds":60,"backoffLimit":3}"#,
        #"{"tableRef":{"name":"t"},"checkpoint":{},"dryRun":false,"verify":"Footers","cancel":false,"suspend":false,"activeDeadlineSeconds":1,"backoffLimit":0,"jobTemplate":{"resources":{"limits":{"memory":"2Gi"}},"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],"affinity":{"x":[1,2.5,null]}}}"#,
    ])
    func specsSurvive(text: String) throws {
        let value = try JSON.parse(text)
        let spec = try JSON.decode(TableOperationSpec.self, from: value)
        #expect(try JSON.value(of: spec) == value)
    }

    @Test func everyKindHasItsDefinition() throws {
        #expect(CustomResourceDefinitions.all.count == 5)
        #expect(CustomResourceDefinitions.all.allSatisfy { $0.hasPrefix("apiVersion: apiextensions.k8s.io/v1\n") })
    }

    /// A type that the definition does not know would be refused with the whole status, and the operation never leave its place in the queue.
    @Test func theDefinitionKnowsEveryTypeOfOperation() throws {
        let text = try #require(CustomResourceDefinitions.all.first { $0.contains("name: tableoperations.levee.dev") })
        let definition = try #require(try YAML.parseAll(Bytes(text)).first)
        let schema = try #require(definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"]?["properties"])
        let types = schema["status"]?["properties"]?["type"]?["enum"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(Set(types) == Set(OperationType.allCases.map(\.rawValue)))
        let rules = schema["spec"]?["x-kubernetes-validations"]?.arrayValue?.compactMap { $0["rule"]?.stringValue } ?? []
        for type in OperationType.allCases {
            let member = "\(type)"
            #expect(schema["spec"]?["properties"]?[member] != nil, "spec.\(member)")
            #expect(rules.contains { $0.contains("(has(self.\(member)) ? 1 : 0)") }, "spec.\(member) counts as an operation")
            #expect(rules.contains { $0.contains("has(self.\(member)) == has(oldSelf.\(member))") }, "spec.\(member) is immutable")
        }
    }
}
