import Base
import Testing

@testable import Operator

/// When a policy has rows sorted.
@Suite struct SortingDecisionTests {
    private typealias Base = TaskDecisionTests

    /// Files of 64 MiB, of a table whose files are to become 256 MiB large.
    private static func sorting(_ unsorted: Int64, of all: Int64, isTables: Bool = false, replacesPolicys: Bool = false) -> TableFacts {
        let size: Int64 = 64 << 20
        var facts = TableFacts(numFiles: all)
        facts.sorting = SortingFacts(
            columns: ["a", "b"], isTables: isTables, replacesPolicys: replacesPolicys, unsortedFiles: unsorted, unsortedBytes: unsorted * size,
            totalFiles: all, totalBytes: all * size, rewriteBytes: unsorted * size, targetFileSize: 256 << 20)
        facts.leastRewriteBytes = unsorted > 0 ? size : 0
        return facts
    }

    private static func decide(_ spec: String, _ facts: TableFacts, left: Int64 = 0, policyFacts: PolicyFacts = PolicyFacts()) throws -> Decision {
        let history = TaskHistory(owedSince: Base.ago(1000), unsortableFiles: left, unsortableBytes: left << 26)
        return try Base.decide(.optimize, spec, facts, history: history, policyFacts: policyFacts)
    }

    static let zOrder = #""optimize":{"zOrderBy":["a","b"]}"#

    @Test(
        arguments: [
            // 20 % of the bytes by default, where at least one file comes of it.
            (4, 10, zOrder, Decision.Verdict.run, DecisionReason.unsortedRatio),
            (3, 10, zOrder, .skip, .belowThreshold),
            (19, 100, zOrder, .skip, .belowThreshold),
            (20, 100, zOrder, .run, .unsortedRatio),
            (99, 1000, zOrder, .skip, .belowThreshold),
            (100, 1000, zOrder, .run, .unsortedFiles),
            (0, 1000, zOrder, .skip, .belowThreshold),
            (0, 0, zOrder, .skip, .belowThreshold),
            (40, 100, #""optimize":{"zOrderBy":["a"],"when":{"unsortedRatio":0.5}}"#, .skip, .belowThreshold),
            (50, 100, #""optimize":{"zOrderBy":["a"],"when":{"unsortedRatio":0.5}}"#, .run, .unsortedRatio),
            (3, 100, #""optimize":{"zOrderBy":["a"],"when":{"unsortedRatio":0}}"#, .skip, .belowThreshold),
            (4, 100, #""optimize":{"zOrderBy":["a"],"when":{"unsortedRatio":0}}"#, .run, .unsortedRatio),
            (2, 100, #""optimize":{"zOrderBy":["a"],"when":{"smallFiles":2}}"#, .run, .unsortedFiles),
            (2, 4, #""optimize":{"zOrderBy":["a"],"when":{"smallFileRatio":0.5}}"#, .run, .unsortedFiles),
            (1, 1, #""optimize":{"zOrderBy":["a"],"when":{"smallFileRatio":0.5}}"#, .skip, .belowThreshold),
            (100, 1000, #""mode":"Plan","optimize":{"zOrderBy":["a"]}"#, .plan, .unsortedFiles),
        ] as [(Int64, Int64, String, Decision.Verdict, DecisionReason)])
    func itGoesByWhatIsNotSortedYet(unsorted: Int64, all: Int64, spec: String, verdict: Decision.Verdict, reason: DecisionReason) throws {
        let decision = try Self.decide(spec, Self.sorting(unsorted, of: all))
        #expect((decision.verdict, decision.reason) == (verdict, reason), "\(decision)")
    }

    @Test func messagesHaveTheFigures() throws {
        func message(_ unsorted: Int64, of all: Int64, left: Int64 = 0) throws -> String {
            try Self.decide(Self.zOrder, Self.sorting(unsorted, of: all), left: left).message
        }
        #expect(try message(20, of: 100) == "20 files (1.3 GiB) are not sorted by a, b yet, 20 % of the bytes, threshold 20 %")
        #expect(try message(3, of: 10) == "3 files (192.0 MiB) are not sorted by a, b yet: threshold 100; less than one file of 256.0 MiB")
        #expect(try message(5, of: 100) == "5 files (320.0 MiB) are not sorted by a, b yet: threshold 100; 5 % of the bytes, threshold 20 %")
        #expect(try message(0, of: 10) == "all 10 files are sorted by a, b")
        #expect(try message(2, of: 10, left: 2) == "all 10 files but 2 that cannot be are sorted by a, b")
    }

    @Test func tablesOfTheirOwnClusteringAreSortedByThat() throws {
        let other = try Self.decide(Self.zOrder, Self.sorting(100, of: 100, isTables: true, replacesPolicys: true))
        #expect(other.verdict == .run)
        #expect(other.message.contains("not sorted by the table's own a, b (in place of optimize.zOrderBy) yet"))
        let own = try Self.decide(#""optimize":{}"#, Self.sorting(100, of: 100, isTables: true))
        #expect(own.verdict == .run && own.message.contains("the table's own a, b yet"))
    }

    /// A run that cannot sort anything, as the last one showed, is none.
    @Test(arguments: [(5, 5, false), (5, 4, true), (4, 5, false)] as [(Int64, Int64, Bool)])
    func whatTheLastRunCouldNotSortIsNoReasonForAnother(unsorted: Int64, left: Int64, runs: Bool) throws {
        let decision = try Self.decide(#""optimize":{"zOrderBy":["a"],"when":{"smallFiles":1}}"#, Self.sorting(unsorted, of: 10), left: left)
        #expect((decision.verdict == .run) == runs, "\(decision)")
    }

    @Test func columnsThatDoNotFitTheTableAreNamed() throws {
        var facts = Self.sorting(100, of: 100)
        facts.invalidColumns = "there is no column a to cluster by"
        let decision = try Self.decide(Self.zOrder, facts)
        #expect((decision.verdict, decision.reason) == (.skip, .invalidZOrderBy))
        #expect(decision.message == "optimize.zOrderBy of policy nightly: there is no column a to cluster by")
    }

    /// Else a run that takes nothing would be started for ever.
    @Test(arguments: [("1Mi", Decision.Verdict.skip, DecisionReason.limitTooSmall), ("64Mi", .run, .unsortedFiles)])
    func aLimitThatNothingFitsIntoIsSaid(limit: String, verdict: Decision.Verdict, reason: DecisionReason) throws {
        let decision = try Self.decide(#""optimize":{"zOrderBy":["a"],"maxBytesPerRun":"\#(limit)"}"#, Self.sorting(100, of: 100))
        #expect((decision.verdict, decision.reason) == (verdict, reason), "\(decision)")
        var merging = TaskDecisionTests.files(100)
        merging.leastRewriteBytes = 64 << 20
        #expect(try Self.decide(#""optimize":{"maxBytesPerRun":"\#(limit)"}"#, merging).verdict == verdict)
    }

    @Test func theBudgetCountsWhatIsRewritten() throws {
        let spent = PolicyFacts(rewrittenBytesToday: (1 << 30) - (1 << 26), endOfDay: Base.now + .seconds(3600))
        let budget = #""budget":{"rewriteBytesPerDay":"1Gi"},"# + Self.zOrder
        #expect(try Self.decide(budget, Self.sorting(100, of: 100), policyFacts: spent).reason == .budgetSpent)
    }
}
