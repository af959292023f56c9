import Base

/// Table properties that the log, checkpoints and retention follow, with Delta's defaults.
extension TableMetadata {
    /// `delta.checkpointInterval`: commits between checkpoints. A value that is no positive number counts as the default.
    public var checkpointInterval: Int64 {
        guard let text = configuration["delta.checkpointInterval"], let interval = Int64(text), interval > 0 else { return 10 }
        return interval
    }

    /// `delta.deletedFileRetentionDuration`: how long removed files and their tombstones are kept; 7 days by default.
    public var deletedFileRetention: Duration { retention("delta.deletedFileRetentionDuration", days: 7) }

    /// Whether every commit must say when it was made: the property counts on tables whose protocol has the feature.
    func hasInCommitTimestamps(_ action: ProtocolAction) -> Bool {
        isEnabled("delta.enableInCommitTimestamps") && FeatureRegistry.writerFeatures(action).contains(TableFeature.inCommitTimestamp.name)
    }

    /// From which version on commits have an in-commit timestamp; 0 where they all do.
    public var inCommitTimestampsSince: Int64 { configuration["delta.inCommitTimestampEnablementVersion"].flatMap { Int64($0) } ?? 0 }

    /// `delta.checkpointPolicy`: whether checkpoints are to be V2, with their file actions in sidecars.
    public var wantsV2Checkpoints: Bool { configuration["delta.checkpointPolicy"]?.lowercased() == "v2" }

    /// `delta.enableExpiredLogCleanup`, true by default.
    public var cleansExpiredLog: Bool { configuration["delta.enableExpiredLogCleanup"].map { $0.lowercased() == "true" } ?? true }

    /// `delta.logRetentionDuration`: how long history is kept; 30 days by default.
    public var logRetention: Duration { retention("delta.logRetentionDuration", days: 30) }

    /// `delta.setTransactionRetentionDuration`: how long `txn` actions live; nil for ever, which is the default.
    public var transactionRetention: Duration? { interval("delta.setTransactionRetentionDuration") }

    /// `delta.checkpoint.writeStatsAsJson`, true by default.
    public var writesStatsAsJSON: Bool { configuration["delta.checkpoint.writeStatsAsJson"].map { $0.lowercased() == "true" } ?? true }

    /// `delta.checkpoint.writeStatsAsStruct`. Spark's default depends on its release; the protocol's is false.
    public var writesStatsAsStruct: Bool { isEnabled("delta.checkpoint.writeStatsAsStruct") }

    /// `delta.isolationLevel`
    public var isolationLevel: IsolationLevel { configuration["delta.isolationLevel"].flatMap(IsolationLevel.init) ?? .writeSerializable }

    /// A retention. One that is set and not understood (`interval 1 year` has no fixed length) keeps everything: nothing may go too early.
    private func retention(_ property: String, days: Int64) -> Duration {
        configuration[property] == nil ? .seconds(days * 86_400) : interval(property) ?? .seconds(100 * 365 * 86_400)
    }

    /// A property that holds a duration; nil where unset or not understood.
    private func interval(_ property: String) -> Duration? { configuration[property].flatMap(CalendarInterval.duration) }
}

/// How much concurrent transactions may differ from one order of them (Delta's isolation levels).
public enum IsolationLevel: String, Sendable {
    case serializable = "Serializable"
    /// Readers may see an order in which blind appends come elsewhere.
    case writeSerializable = "WriteSerializable"
    /// For transactions that change no data, as OPTIMIZE: they conflict only over the files they rewrite.
    case snapshotIsolation = "SnapshotIsolation"
}

/// Spark's interval literals as table properties use them: `interval 1 week`, `interval 168 hours`, `interval 2 days 3 hours`.
enum CalendarInterval {
    /// nil for months and years, whose length depends on the day, and for text that is no interval.
    static func duration(_ text: String) -> Duration? {
        var words = text.lowercased().split(whereSeparator: { $0 == " " || $0 == "\t" })
        if words.first == "interval" { words.removeFirst() }
        guard !words.isEmpty, words.count % 2 == 0 else { return nil }
        var microseconds: Int64 = 0
        for place in stride(from: 0, to: words.count, by: 2) {
            guard let amount = Int64(words[place]), let unit = unit(words[place + 1]) else { return nil }
            let (product, tooLarge) = amount.multipliedReportingOverflow(by: unit)
            let (sum, overflow) = microseconds.addingReportingOverflow(product)
            if tooLarge || overflow { return nil }
            microseconds = sum
        }
        return microseconds >= 0 ? .microseconds(microseconds) : nil
    }

    private static func unit(_ name: Substring) -> Int64? {
        switch name.hasSuffix("s") ? name.dropLast() : name {
        case "microsecond": 1
        case "millisecond": 1000
        case "second": 1_000_000
        case "minute": 60_000_000
        case "hour": 3_600_000_000
        case "day": 86_400_000_000
        case "week": 7 * 86_400_000_000
        default: nil
        }
    }
}
