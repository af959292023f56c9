import Base
import DeltaEngine

/// Who commits to a table, and whether by conditional puts. On S3 these protect only among those who use them: an engine that looks and then writes can
/// overwrite a commit that was made in between.
public enum CommittingEngine {
    /// How far back a commit counts: as far as a table's history reaches by default.
    public static let window = Duration.seconds(30 * 24 * 3600)
    /// How many of the latest commits are looked at.
    public static let searchedCommits = 50

    /// Whether an engine is known to put its commits on the condition that nothing is there. All others are taken for ones that do not: Spark's log stores
    /// for S3 look and then write, Databricks and those who lock in DynamoDB agree among themselves alone.
    public static func usesConditionalPuts(_ engineInfo: String?) -> Bool {
        guard let engineInfo else { return false }
        if engineInfo.hasPrefix("Levee/") { return true }
        for (prefix, first) in firstReleases where engineInfo.hasPrefix(prefix) {
            let numbers = engineInfo.dropFirst(prefix.count).split(separator: ".").prefix(2).map { Int($0.prefix { $0.isASCII && $0.isNumber }) ?? 0 }
            return numbers.count == 2 && !numbers.lexicographicallyPrecedes(first)
        }
        return false
    }

    /// deltalake puts conditionally on S3 from these releases on, by default. The prefix that is longer comes first.
    private static let firstReleases = [("delta-rs:py-", [1, 0]), ("delta-rs:", [0, 26])]

    /// The latest commit of an engine that is not known to be safe.
    ///
    /// - Parameter history: newest first.
    public static func unsafeCommit(in history: [CommitRecord], now: Timestamp) -> CommitRecord? {
        history.first { now - $0.timestamp < window && !usesConditionalPuts($0.commitInfo?.engineInfo) }
    }

    /// Why nothing is committed, and the way out.
    public static func refusal(engine: String?, version: Int64) -> String {
        let engine = engine.map { "`\($0.prefix(100))`" } ?? "an engine without a name"
        return
            "version \(version) was committed by \(engine), which is not known to use conditional puts on S3: it could overwrite Levee's commits, and Levee's be "
            + "lost. If all who write this storage use them, set s3.concurrentWriters: Conditional in the StorageProfile; if nobody else writes, None"
    }
}
