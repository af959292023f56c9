import Base
import DeltaEngine
import ObjectStore

@testable import Operator

/// Tables that are only what the log would say of them.
final class FakeTables: TableObserving {
    struct Table {
        var version: Int64 = 0
        var smallFiles: Int64 = 0
        var commitsSinceCheckpoint: Int64 = 0
        var sorting: SortingFacts?
        var transactions: [String: Int64] = [:]
        /// By operation uid.
        var commits: [String: OperationCommit] = [:]
        var unsafeWriter: DeltaTableStatus.UnsafeWriter?
        var failure: (any Error)?
    }

    private let tables = Lock<[String: Table]>([:])

    subscript(location: String) -> Table {
        get { tables.withLock { $0[location] ?? Table() } }
        set { tables.withLock { $0[location] = newValue } }
    }

    /// As a worker does: a run that the table has already commits nothing.
    func commit(
        _ location: String, operationUID: String, transaction: TableOperationStatus.Transaction?, sourceVersion: Int64? = nil
    ) -> OperationCommit? {
        tables.withLock { tables in
            var table = tables[location] ?? Table()
            if let transaction {
                guard (table.transactions[transaction.appId] ?? -1) < transaction.version else { return nil }
                table.transactions[transaction.appId] = transaction.version
            }
            table.version += 1
            var commit = OperationCommit(version: table.version, metrics: ["numFilesRemoved": table.smallFiles, "numFilesAdded": 1])
            if let sourceVersion { commit.metrics = ["numCopiedFiles": 3, "copiedFilesSize": 300, "sourceVersion": sourceVersion] }
            table.commits[operationUID] = commit
            table.smallFiles = 0
            tables[location] = table
            return commit
        }
    }

    func observe(_ place: TablePlace, _ request: ObservationRequest) async throws -> TableObservation {
        let table = self[place.location.description]
        if let failure = table.failure { throw failure }
        return TableObservation(
            table: .init(
                id: "id", version: table.version, minReaderVersion: 1, minWriterVersion: 2, numFiles: table.smallFiles + 1, sizeBytes: 1 << 20, size: "1 MiB"),
            layout: .init(
                targetFileSize: 1 << 28, smallFiles: table.smallFiles, smallFileBytes: table.smallFiles << 10, histogram: [],
                commitsSinceCheckpoint: table.commitsSinceCheckpoint),
            history: [], unsafeWriter: table.unsafeWriter, health: TableHealth.Facts(numFiles: table.smallFiles + 1, smallFiles: table.smallFiles),
            facts: TableFacts(
                numFiles: table.smallFiles + 1, smallFiles: table.smallFiles, smallFileBytes: table.smallFiles << 10, sorting: table.sorting,
                commitsSinceCheckpoint: table.commitsSinceCheckpoint))
    }

    func version(_ place: TablePlace) async throws -> Int64 {
        let table = self[place.location.description]
        if let failure = table.failure { throw failure }
        return table.version
    }

    func transactionVersion(_ place: TablePlace, appId: String) async throws -> Int64? {
        let table = self[place.location.description]
        if let failure = table.failure { throw failure }
        return table.transactions[appId]
    }

    func commit(_ place: TablePlace, ofOperation uid: String) async throws -> OperationCommit? {
        let table = self[place.location.description]
        if let failure = table.failure { throw failure }
        return table.commits[uid]
    }

    func unsafeWriter(_ place: TablePlace) async throws -> DeltaTableStatus.UnsafeWriter? { self[place.location.description].unsafeWriter }

    func forget(_ place: TablePlace) {}
}
