import Base
import Columnar

/// What a table property of Delta's may be set to. Properties whose names do not begin with `delta.` are people's own, and take any text.
enum PropertyRule: Sendable {
    case boolean
    case number(ClosedRange<Int64>)
    /// A duration as Spark writes it, `interval 7 days`.
    case interval
    /// A number of bytes, or with a unit: `256mb`.
    case size
    case oneOf([String])
    /// Column names, separated by commas.
    case columns
    /// Not a matter of a property alone.
    case refused(String)

    /// The rule of a property whose name begins with `delta.`; nil for one that Levee does not know.
    static func of(_ name: String) -> PropertyRule? {
        rules[name] ?? refusedPrefixes.first { name.hasPrefix($0.prefix) }.map { .refused($0.reason) }
    }

    private static let rules: [String: PropertyRule] = [
        "delta.appendOnly": .boolean, "delta.enableChangeDataFeed": .boolean, "delta.enableDeletionVectors": .boolean,
        "delta.enableExpiredLogCleanup": .boolean, "delta.checkpoint.writeStatsAsJson": .boolean, "delta.checkpoint.writeStatsAsStruct": .boolean,
        "delta.compatibility.symlinkFormatManifest.enabled": .boolean, "delta.randomizeFilePrefixes": .boolean,
        "delta.autoOptimize.optimizeWrite": .boolean, "delta.tuneFileSizesForRewrites": .boolean,
        "delta.autoOptimize.autoCompact": .oneOf(["true", "false", "auto", "legacy"]),
        "delta.isolationLevel": .oneOf(["Serializable", "WriteSerializable"]), "delta.checkpointPolicy": .oneOf(["classic", "v2"]),
        "delta.checkpointInterval": .number(1...1_000_000), "delta.dataSkippingNumIndexedCols": .number(-1...1_000_000),
        "delta.randomPrefixLength": .number(1...64), "delta.targetFileSize": .size, "delta.dataSkippingStatsColumns": .columns,
        "delta.logRetentionDuration": .interval, "delta.deletedFileRetentionDuration": .interval, "delta.setTransactionRetentionDuration": .interval,
        "delta.checkpointRetentionDuration": .interval, "delta.sampleRetentionDuration": .interval,
    ]

    private static let refusedPrefixes: [(prefix: String, reason: String)] = [
        ("delta.constraints.", "a constraint is added behind a check of all rows, which Levee does not do yet"),
        ("delta.columnMapping.", "all columns get ids and physical names with it, which Levee does not assign yet"),
        ("delta.enableRowTracking", rowTracking), ("delta.rowTracking", rowTracking),
        ("delta.enableInCommitTimestamps", timestamps), ("delta.inCommitTimestamp", timestamps),
        ("delta.enableTypeWidening", "it takes a table feature that Levee does not turn on yet"),
        ("delta.enableIceberg", iceberg), ("delta.universalFormat.", iceberg),
        ("delta.minReaderVersion", version), ("delta.minWriterVersion", version), ("delta.feature.", version),
        ("delta.requireCheckpointProtectionBeforeVersion", "it says what may be removed of the log, and is kept by those who write that"),
        ("delta.coordinatedCommits.", "who commits to a table is decided when it is made"),
    ]
    private static let rowTracking = "turning row tracking on or off takes ids for all files, which Levee does not see to yet"
    private static let timestamps = "turning in-commit timestamps on or off takes properties that go with the commit itself, which Levee does not write yet"
    private static let iceberg = "new files must also suit Iceberg, which Levee does not see to yet"
    private static let version = "the protocol is raised by the properties that need it, and is none itself"

    /// What a value has to be; nil where `value` is it.
    func objection(to value: String, in metadata: TableMetadata) -> String? {
        switch self {
        case .boolean: ["true", "false"].contains(value.lowercased()) ? nil : "write true or false"
        case let .number(range): Int64(value).map(range.contains) == true ? nil : "write a number from \(range.lowerBound) to \(range.upperBound)"
        case .interval: CalendarInterval.duration(value) == nil ? "write it like interval 7 days" : nil
        case .size:
            TableMetadata.fileSize(value).map { (1 << 20...1 << 34).contains($0) } == true ? nil : "write a size from 1mb to 16gb, as 256mb"
        case let .oneOf(values): values.contains(value) ? nil : "write one of \(values.joined(separator: ", "))"
        case .columns: unknownColumn(in: value, metadata).map { "the table has no column \($0)" }
        case let .refused(reason): reason
        }
    }

    private func unknownColumn(in list: String, _ metadata: TableMetadata) -> String? {
        list.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmed }.first { name in
            // The first part of a path names the column; what it has below is looked up where statistics are written.
            let column = name.split(separator: ".", omittingEmptySubsequences: false).first.map { String($0.filter { $0 != "`" }) } ?? ""
            return metadata.schema[column] == nil
        }
    }
}

extension Substring {
    fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
