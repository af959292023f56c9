import Base

/// What was decided about one task of one table, and why. The status shows it as it is.
struct Decision: Hashable, Sendable {
    var verdict: Verdict
    var reason: DecisionReason
    /// For people: the figures the decision rests on, and what would change it.
    var message: String
    /// When something it waits for comes by itself (a window, the end of a cooldown); nil where only an event can change it.
    var reconsiderAt: Timestamp?

    enum Verdict: String, Hashable, Sendable {
        /// Make an operation.
        case run
        /// Would run, were the policy's mode not Plan.
        case plan
        /// Due, and something has to end or begin first.
        case wait
        /// Not due, or not possible.
        case skip
    }

    static func run(_ reason: DecisionReason, _ message: String) -> Decision {
        Decision(verdict: .run, reason: reason, message: message)
    }

    static func wait(_ reason: DecisionReason, _ message: String, until: Timestamp? = nil) -> Decision {
        Decision(verdict: .wait, reason: reason, message: message, reconsiderAt: until)
    }

    static func skip(_ reason: DecisionReason, _ message: String, until: Timestamp? = nil) -> Decision {
        Decision(verdict: .skip, reason: reason, message: message, reconsiderAt: until)
    }
}

/// Why, in one word. Each is documented in docs/kinds/deltatable.md, those of clones in docs/kinds/tableclone.md.
enum DecisionReason: String, Hashable, Sendable, CaseIterable {
    // Why it runs.
    case smallFiles = "SmallFiles"
    case smallFileRatio = "SmallFileRatio"
    case unsortedFiles = "UnsortedFiles"
    case unsortedRatio = "UnsortedRatio"
    case removableFiles = "RemovableFiles"
    case removableBytes = "RemovableBytes"
    case commits = "Commits"
    case scheduled = "Scheduled"
    case notCloned = "NotCloned"
    case requested = "Requested"
    case retry = "Retry"

    // Why it waits.
    case operationRunning = "OperationRunning"
    case outsideWindow = "OutsideWindow"
    case coolingDown = "CoolingDown"
    case concurrencyLimit = "ConcurrencyLimit"
    case budgetSpent = "BudgetSpent"

    // Why it is skipped.
    case suspended = "Suspended"
    case upToDate = "UpToDate"
    case cloned = "Cloned"
    case runCancelled = "RunCancelled"
    case policySuspended = "PolicySuspended"
    case tableSuspended = "TableSuspended"
    case notScheduled = "NotScheduled"
    case belowThreshold = "BelowThreshold"
    case unsupportedFeature = "UnsupportedFeature"
    case invalidWhere = "InvalidWhere"
    case invalidZOrderBy = "InvalidZOrderBy"
    case limitTooSmall = "LimitTooSmall"
    case shortRetention = "ShortRetention"
    case storageNotReady = "StorageNotReady"
    case unsafeConcurrentWriter = "UnsafeConcurrentWriter"
}
