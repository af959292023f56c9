import Base
import Columnar
import ObjectStore
import Parquet

/// A set of rows, whatever their order: how many, and two sums over hashes of them all. Memory does not grow with the rows; that two sets are taken for one by
/// chance is as likely as two equal random numbers of 128 bits.
struct RowDigest: Sendable, Equatable {
    private(set) var rows: Int64 = 0
    private var sum: UInt64 = 0
    private var products: UInt64 = 0

    mutating func add(_ hash: UInt64) {
        rows += 1
        sum &+= hash
        products &+= hash &* (hash.byteSwapped | 1)
    }

    mutating func add(_ other: RowDigest) {
        rows += other.rows
        sum &+= other.sum
        products &+= other.products
    }

    /// Reads all wanted rows of a file, every value of them. Throws where one cannot be read.
    init(reading file: DataFile) async throws {
        let scan = try file.scan()
        while let run = try await scan.next(maxRows: Compaction.batchRows) {
            try Task.checkCancellation()
            for hash in try file.wanted(of: run).rowHashes { add(hash) }
        }
        guard rows == file.liveRows else {
            throw DeltaError.corruptDataFile(path: file.file.path.string, reason: "it has \(rows) rows to read, and \(file.liveRows) by its footer")
        }
    }

    init() {}
}
