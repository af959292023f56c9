import Base

/// What is known of a table when its tasks are decided on. Nothing else is looked at.
struct TableFacts: Hashable, Sendable {
    /// The table's own `suspend`.
    var isSuspended = false
    /// Of one table, only one operation runs or waits at a time; the name of the one there is.
    var activeOperation: String?
    var numFiles: Int64 = 0
    /// Files that an OPTIMIZE with the policy's own target size and condition would merge.
    var smallFiles: Int64 = 0
    var smallFileBytes: Int64 = 0
    /// The bytes of the least that such an OPTIMIZE could rewrite.
    var leastRewriteBytes: Int64 = 0
    /// Where it would sort rows; nil where it merges files as they are.
    var sorting: SortingFacts?
    /// Why the policy's `where`, or its `zOrderBy`, cannot be used on this table, if it cannot.
    var invalidCondition: String?
    var invalidColumns: String?
    var commitsSinceCheckpoint: Int64 = 0
    var removedFiles = RemovedFiles()
    /// The table's delta.deletedFileRetentionDuration, or Delta's default of a week.
    var retentionFloor = ResolvedPolicy.Vacuum.retentionFloor
    /// Why nothing is committed to the table for now, whatever the task.
    var storageRefusal: StorageRefusal?
    /// Why the table's protocol refuses tasks, where it does.
    var refusals: [MaintenanceTask: String] = [:]
}

extension TableFacts {
    /// What an OPTIMIZE would rewrite, without regard to limits.
    var rewriteBytes: Int64 { sorting?.rewriteBytes ?? smallFileBytes }
}

/// How much of a table an OPTIMIZE by the policy's, or by the table's own, columns has not sorted yet.
struct SortingFacts: Hashable, Sendable {
    var columns: [String]
    /// Whether they are the table's own, and whether the policy asked for others.
    var isTables = false
    var replacesPolicys = false
    var unsortedFiles: Int64
    var unsortedBytes: Int64
    var totalFiles: Int64
    var totalBytes: Int64
    /// Of what is unsorted and of what overlaps it.
    var rewriteBytes: Int64
    /// The size of the files that are made.
    var targetFileSize: Int64
}

struct StorageRefusal: Hashable, Sendable {
    var reason: DecisionReason
    var message: String
}

/// What became of one task on one table so far.
struct TaskHistory: Hashable, Sendable {
    /// The scheduled time that was acted on last.
    var lastConsidered: Timestamp?
    /// Times that were due before this one are not owed: the younger of policy and table did not exist.
    var owedSince: Timestamp
    /// When the last run ended, and when the last one that succeeded began.
    var lastCompleted: Timestamp?
    var lastSuccessStarted: Timestamp?
    /// Failed runs in a row.
    var failures = 0
    /// What the last run was to sort and had to leave as it was: a run that has nothing else to do is none.
    var unsortableFiles: Int64 = 0
    var unsortableBytes: Int64 = 0
}

/// What the policy has under way, over all tables.
struct PolicyFacts: Hashable, Sendable {
    var activeOperations = 0
    /// Bytes that OPTIMIZE rewrote since local midnight, those that running operations will included.
    var rewrittenBytesToday: Int64 = 0
    /// When the budget's day ends.
    var endOfDay = Timestamp(microseconds: .max)
}

/// Removed files that the log remembers, by the hour of their removal: all that is kept of them between observations, since a retention may be any time.
struct RemovedFiles: Hashable, Sendable {
    struct Hour: Hashable, Sendable {
        /// Hours since the epoch.
        var hour: Int64
        var files: Int64
        var bytes: Int64
    }

    /// Ascending.
    private(set) var hours: [Hour] = []

    init() {}

    /// - Parameter removals: when each was removed, and its size as far as the log tells.
    init(_ removals: some Sequence<(time: Timestamp, bytes: Int64)>) {
        var sums: [Int64: Hour] = [:]
        for removal in removals {
            let hour = removal.time.seconds.flooredQuotient(3600)
            var sum = sums[hour] ?? Hour(hour: hour, files: 0, bytes: 0)
            sum.files += 1
            sum.bytes = sum.bytes.clampedAdding(removal.bytes)
            sums[hour] = sum
        }
        hours = sums.values.sorted { $0.hour < $1.hour }
    }

    var total: (files: Int64, bytes: Int64) { sum(hours[...]) }

    /// Those whose whole hour of removal lies in `range`.
    func removed(in range: Range<Timestamp>) -> (files: Int64, bytes: Int64) {
        let first = hours.firstIndex { $0.hour * 3600 >= range.lowerBound.seconds } ?? hours.endIndex
        let end = hours.firstIndex { ($0.hour + 1) * 3600 > range.upperBound.seconds } ?? hours.endIndex
        return first < end ? sum(hours[first..<end]) : (0, 0)
    }

    private func sum(_ hours: ArraySlice<Hour>) -> (files: Int64, bytes: Int64) {
        hours.reduce(into: (0, 0)) { sum, hour in
            sum.0 += hour.files
            sum.1 = sum.1.clampedAdding(hour.bytes)
        }
    }
}

extension Int64 {
    /// Sizes in a log may be any number.
    func clampedAdding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
