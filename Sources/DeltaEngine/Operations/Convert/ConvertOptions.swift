import Base
import Columnar

/// How a directory of Parquet files becomes a table.
public struct ConvertOptions: Sendable {
    /// The columns that the directories' names have values of, with their types, in the directories' order; nil to go by the names.
    public var partitionBy: [Field]?
    /// Take statistics from the files' footers.
    public var collectsStatistics: Bool
    /// Map columns by name, which lets them have names that Delta forbids otherwise.
    public var mapsNames: Bool
    /// Read all there is to read, commit nothing.
    public var dryRun: Bool
    public var conditions: CommitConditions

    public init(
        partitionBy: [Field]? = nil, collectsStatistics: Bool = true, mapsNames: Bool = false, dryRun: Bool = false,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.partitionBy = partitionBy
        self.collectsStatistics = collectsStatistics
        self.mapsNames = mapsNames
        self.dryRun = dryRun
        self.conditions = conditions
    }

    /// Reads `day date, region string`. Throws ``DeltaError/invalidRequest(reason:)``.
    public static func partitionColumns(_ text: String) throws(DeltaError) -> [Field] {
        var fields: [Field] = []
        // A decimal has a comma of its own.
        var depth = 0
        let parts = text.split(omittingEmptySubsequences: false) { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return character == "," && depth == 0
        }
        for part in parts {
            let words = part.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let name = words.first.map(String.init), let json = TypeText.json(String(words[1]))?.stringValue,
                let type = SchemaJSON.primitive(json), PartitionValue.canPartition(by: type)
            else { throw .invalidRequest(reason: "`\(part)` is no partition column; write them as \"day date, region string\"") }
            fields.append(Field(name, type))
        }
        return fields
    }
}

/// What a CONVERT found and did.
public struct ConvertMetrics: Sendable, Hashable, Encodable {
    public var numConvertedFiles: Int64 = 0
    public var convertedFilesSize: Int64 = 0
    public var numRecords: Int64 = 0

    /// For a status.
    public var counters: [String: Int64] {
        ["numConvertedFiles": numConvertedFiles, "convertedFilesSize": convertedFilesSize, "numRecords": numRecords]
    }
}

/// How a CONVERT ended.
public struct ConvertResult: Sendable, Hashable {
    /// 0; nil for a dry run, and where it was a table already.
    public var version: Int64?
    /// It was a Delta table before: nothing was done.
    public var wasTable: Bool
    public var schema: Schema
    public var partitionColumns: [String]
    public var metrics: ConvertMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
}
