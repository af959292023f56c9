import Base
import Testing

@testable import Operator

@Suite struct HistoryPruningTests {
    private static func run(
        _ name: String, _ minute: Int64, table: String = "orders", task: MaintenanceTask = .optimize, succeeded: Bool = true, bytes: Int64 = 0
    )
        -> HistoryPruning.Finished
    {
        .init(name: name, table: table, task: task, succeeded: succeeded, completed: Timestamp(milliseconds: minute * 60_000), rewrittenBytes: bytes)
    }

    @Test func theYoungestStay() {
        let operations = [Self.run("c", 3), Self.run("a", 1), Self.run("d", 4), Self.run("b", 2)]
        #expect(HistoryPruning.excess(operations, succeeded: 2, failed: 0, budgetedSince: nil) == ["a", "b"])
    }

    @Test func limitsCountPerTableTaskAndOutcome() {
        let operations = [
            Self.run("a", 1), Self.run("b", 1, table: "customers"), Self.run("c", 1, task: .vacuum), Self.run("d", 1, succeeded: false), Self.run("e", 0),
        ]
        #expect(HistoryPruning.excess(operations, succeeded: 1, failed: 1, budgetedSince: nil) == ["e"])
    }

    @Test func whatTodaysBudgetCountsStays() {
        let operations = [Self.run("a", 1, bytes: 5), Self.run("b", 10, bytes: 5), Self.run("c", 11), Self.run("d", 12, bytes: 5)]
        let noon = Timestamp(milliseconds: 5 * 60_000)
        #expect(HistoryPruning.excess(operations, succeeded: 0, failed: 0, budgetedSince: noon) == ["a", "c"])
    }
}
