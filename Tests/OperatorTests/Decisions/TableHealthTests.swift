import Testing

@testable import Operator

@Suite struct TableHealthTests {
    @Test func aHealthyTableScoresAHundred() {
        let health = TableHealth(TableHealth.Facts(numFiles: 10, sizeInBytes: 10 << 28, smallFiles: 3, commitsSinceCheckpoint: 9, numRecords: 10))
        #expect(health.score == 100)
        #expect(health.findings.isEmpty)
    }

    @Test(arguments: [
        (TableHealth.Facts(numFiles: 300, smallFiles: 300), TableHealth.Reason.smallFiles),
        (TableHealth.Facts(commitsSinceCheckpoint: 100), .longLog),
        (TableHealth.Facts(numFiles: 10, sizeInBytes: 100, removableFiles: 100, removableBytes: 200), .removableFiles),
        (TableHealth.Facts(numRecords: 90, deletedRows: 10), .deletedRows),
        (TableHealth.Facts(numFiles: 10, filesWithoutStatistics: 1), .missingStatistics),
        (TableHealth.Facts(refusal: "columnMapping: files are not rewritten"), .unsupportedFeature),
    ])
    func eachReasonIsFound(facts: TableHealth.Facts, expected: TableHealth.Reason) {
        let health = TableHealth(facts)
        #expect(health.findings.map(\.reason) == [expected])
        #expect(health.score < 100)
        #expect(health.findings.allSatisfy { !$0.message.isEmpty && !$0.advice.isEmpty })
    }

    @Test func theHeaviestFindingComesFirstAndTheScoreNeverFallsBelowZero() {
        let health = TableHealth(
            TableHealth.Facts(
                numFiles: 100_000, sizeInBytes: 1, smallFiles: 100_000, commitsSinceCheckpoint: 100_000, removableFiles: 1_000_000, removableBytes: 1 << 40,
                numRecords: 1, deletedRows: 1 << 40, filesWithoutStatistics: 100_000, refusal: "no"))
        #expect(health.findings.map(\.reason).first == .smallFiles)
        #expect(health.findings.map(\.weight) == health.findings.map(\.weight).sorted(by: >))
        #expect(health.score == 0)
    }
}
