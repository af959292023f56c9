import Base
import ObjectStore
import Parquet

/// Why the engine could not do what was asked. Callers switch on the case or on ``kind``; the text is for people and says what to do.
public enum DeltaError: Error, Sendable, Equatable {
    /// There is no `_delta_log` with a commit or checkpoint at this location.
    case notATable(location: String)
    /// A create found a table where it was to make one.
    case tableExists(location: String)
    /// A commit that cannot be read. `line` counts from 1; nil where the whole file is meant.
    case corruptCommit(version: Int64, line: Int?, reason: String)
    /// A checkpoint that cannot be read, and no way round it.
    case corruptCheckpoint(version: Int64, file: String, reason: String)
    /// The log read well but makes no sense (no protocol action, two different partition columns of one name).
    case corruptLog(version: Int64, reason: String)
    /// A commit that the log must have is not there.
    case missingCommit(version: Int64)
    /// A version that the table has not reached, or no longer has the log for. `available` are the ones it can still show.
    case versionNotAvailable(version: Int64, available: ClosedRange<Int64>)
    /// Changes were asked for of a range in which the change data feed was off at this version: nobody recorded what it did.
    case changeDataNotRecorded(version: Int64, range: ClosedRange<Int64>)
    /// Changes were asked for of a range in which a version had a schema that the last one's does not extend.
    case incompatibleChanges(version: Int64, last: Int64, reason: String)
    /// The table asks for something Levee does not do. `feature` is the protocol's own name of it.
    case unsupportedFeature(feature: String, access: Access, reason: String)
    /// A protocol version above those that exist.
    case unsupportedProtocol(reader: Int, writer: Int)
    /// A column type that the engine cannot represent.
    case unsupportedType(column: String, type: String)
    /// A schema, partitioning or property that the protocol does not allow.
    case invalidMetadata(reason: String)
    /// A path in the log that no object of this table's store can have.
    case unsupportedPath(path: String, reason: String)
    /// A partition value that cannot be of its column's type.
    case invalidPartitionValue(column: String, type: String, value: String)
    /// Another writer changed what this transaction had read. Running the operation again may work.
    case commitConflict(version: Int64, winner: Int64, conflict: Conflict)
    /// So many other writers were faster that the commit was given up.
    case tooManyAttempts(version: Int64, attempts: Int)
    /// The put failed and what became of it could not be found out; the operation's `txn` or a look at the history tells.
    case commitOutcomeUnknown(version: Int64, reason: String)
    /// The commit is in the log, and what the table is after it is not what was meant.
    case commitNotAsMeant(version: Int64, reason: String)
    /// An `expectedVersion` that the table has moved past (or not reached).
    case versionMismatch(expected: Int64, actual: Int64)
    /// A retention below what keeps readers and writers safe.
    case retentionTooShort(hours: Double, minimumHours: Double)
    /// A shallow clone whose files a vacuum must not take, and which does not say which these are.
    case cloneNotReadable(location: String, reason: String)
    /// Data files or deletion vectors of an older version that are gone. `paths` are the first of them.
    case missingDataFiles(version: Int64, paths: [String], count: Int)
    /// A request that is wrong in itself, whatever the table holds.
    case invalidRequest(reason: String)
    /// Rows that do not fit the table's schema or rules.
    case invalidData(source: String, reason: String)
    /// A data file that is not what the log or its own footer says.
    case corruptDataFile(path: String, reason: String)
    /// A deletion vector that is not what the log or its own checksum says: without it nobody can tell which rows of its file count.
    case corruptDeletionVector(path: String, reason: String)
    /// Rows that do not fit into memory could not be put aside.
    case scratch(directory: String, reason: String)
    /// A Parquet file could not be read or written.
    case parquet(ParquetError)
    /// The store failed.
    case storage(ObjectStoreError)

    /// What a caller can do about an error; the command line's exit codes and a Job's failure policy follow it.
    public enum Kind: String, Sendable {
        /// The same again may work: a conflict, a busy store.
        case retryable
        /// Nothing changes until somebody changes the input, the table or the disk.
        case permanent
        /// Levee will not: a feature it does not handle, a guard.
        case refused
    }

    public var kind: Kind {
        switch self {
        case .commitConflict, .tooManyAttempts, .commitOutcomeUnknown: .retryable
        case let .storage(error): error.isRetryable ? .retryable : .permanent
        case .unsupportedFeature, .unsupportedProtocol, .unsupportedType, .versionMismatch, .retentionTooShort, .missingDataFiles, .cloneNotReadable: .refused
        default: .permanent
        }
    }
}

extension DeltaError {
    /// What two transactions fell out over (the protocol's conflict rules; Spark's names in brackets).
    public enum Conflict: Sendable, Hashable {
        /// The winner changed the protocol and this transaction does too, or the table now asks for more than Levee does (ProtocolChanged).
        case protocolChanged
        /// The winner changed the metadata (MetadataChanged).
        case metadataChanged
        /// The winner added a file this transaction should have read (ConcurrentAppend).
        case addedFile(path: String)
        /// The winner removed a file this transaction has read (ConcurrentDeleteRead).
        case removedReadFile(path: String)
        /// Both remove the same file (ConcurrentDeleteDelete).
        case removedTwice(path: String)
        /// Both record progress for the same application (ConcurrentTransaction).
        case transactionIdentifier(appId: String)
        /// Both write the same metadata domain.
        case metadataDomain(domain: String)
        /// The winner changed the columns by which the table is clustered, on which new files must have statistics.
        case clusteringColumnsChanged
    }
}

extension DeltaError.Conflict: CustomStringConvertible {
    public var description: String {
        switch self {
        case .protocolChanged: "it changed the table's protocol"
        case .metadataChanged: "it changed the table's schema, partitioning or properties"
        case let .addedFile(path): "it added \(path), which this operation would have had to read"
        case let .removedReadFile(path): "it removed \(path), which this operation has read"
        case let .removedTwice(path): "it removed \(path) too"
        case let .transactionIdentifier(appId): "it recorded progress for the same application, \(appId)"
        case let .metadataDomain(domain): "it wrote the same metadata domain, \(domain)"
        case .clusteringColumnsChanged: "it changed the columns by which the table is clustered"
        }
    }
}

extension DeltaError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .notATable(location): "\(location) is not a Delta table: it has no _delta_log with a commit; check the location, or create the table first"
        case let .tableExists(location): "\(location) is a Delta table already"
        case let .corruptCommit(version, line, reason):
            "commit \(version)\(line.map { ", line \($0)" } ?? "") cannot be read: \(reason); restore \(LogFileName.commitPath(version)) from a copy of the log"
        case let .corruptCheckpoint(version, file, reason):
            "the checkpoint of version \(version) (\(file)) cannot be read: \(reason); the commits it stands for are gone, restore it from a copy of the log"
        case let .corruptLog(version, reason): "the log at version \(version) makes no sense: \(reason)"
        case let .missingCommit(version):
            "\(LogFileName.commitPath(version)) is missing from the log; restore it from a copy, the versions from it on cannot be read without it"
        case let .versionNotAvailable(version, available):
            "version \(version) is not available; the log goes from version \(available.lowerBound) to \(available.upperBound)"
        case let .changeDataNotRecorded(version, range):
            "the changes of versions \(range.lowerBound) to \(range.upperBound) are not all recorded: delta.enableChangeDataFeed was off at version \(version); ask for versions throughout which it was on"
        case let .incompatibleChanges(version, last, reason):
            "the changes up to version \(last) cannot be shown under its schema: version \(version) had another (\(reason)); ask for the versions before the change and those from it on separately"
        case let .unsupportedFeature(feature, access, reason): "\(access) refused because of the table feature \(feature): \(reason)"
        case let .unsupportedProtocol(reader, writer):
            "the table asks for reader version \(reader) and writer version \(writer); Levee knows readers to 3 and writers to 7, use a newer Levee"
        case let .unsupportedType(column, type): "column \(column) has the type \(type), which Levee does not handle"
        case let .invalidMetadata(reason): "the table's metadata is not valid: \(reason)"
        case let .unsupportedPath(path, reason): "the file path \(path) in the log cannot be used: \(reason)"
        case let .invalidPartitionValue(column, type, value): "\"\(value)\" is not a value of the partition column \(column) (\(type))"
        case let .commitConflict(version, winner, conflict):
            "the commit of version \(version) was given up because of version \(winner), which another writer made meanwhile: \(conflict); run the operation again"
        case let .tooManyAttempts(version, attempts):
            "other writers were faster \(attempts) times in a row, the last time at version \(version); run the operation again when fewer are writing"
        case let .commitOutcomeUnknown(version, reason):
            "it could not be found out whether version \(version) was committed (\(reason)); look at the table's history, or run the operation again with its idempotency key"
        case let .commitNotAsMeant(version, reason):
            "version \(version) was committed, and the table is not what it was meant to be: \(reason); restore version \(max(0, version - 1)) if rows are missing, and report this"
        case let .versionMismatch(expected, actual): "the table was expected to be at version \(expected) and is at \(actual)"
        case let .retentionTooShort(hours, minimum):
            "a retention of \(hours.formattedHours) is below the floor of \(minimum.formattedHours): files that running readers and writers need could be removed; ask for at least the floor, or allow a short retention explicitly"
        case let .cloneNotReadable(location, reason):
            "the shallow clone at \(location) cannot be asked which of the table's files it needs (\(reason)), so that nothing is removed; make it readable here, or, "
                + "if it is gone for good, forget it (--forget-clone \(location), or forgetClones)"
        case let .missingDataFiles(version, paths, count):
            "\(count) files of version \(version) are gone, a vacuum may have taken them: \(paths.joined(separator: ", "))\(count > paths.count ? ", …" : ""); choose a later version, bring the files back from a copy, or allow that their rows are lost"
        case let .invalidRequest(reason): reason
        case let .invalidData(source, reason): "\(source): \(reason)"
        case let .corruptDataFile(path, reason): "the data file \(path) is damaged: \(reason); restore it or remove it from the table"
        case let .corruptDeletionVector(path, reason):
            "the deletion vector \(path) is damaged: \(reason); restore it, or restore the table to a version before it"
        case let .scratch(directory, reason):
            "rows could not be put aside in the scratch directory \(directory): \(reason); make room there, set TMPDIR to a directory with room for the rows uncompressed, or allow more memory"
        case let .parquet(error): error.description
        case let .storage(error): error.description
        }
    }
}

extension Double {
    fileprivate var formattedHours: String { self == rounded() ? "\(Int64(self)) h" : "\(self) h" }
}
