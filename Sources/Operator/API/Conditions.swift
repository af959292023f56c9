import Base
import KubeClient

/// The condition types of our kinds, and how they go together for kstatus: `Reconciling` while something is under way, `Stalled` where only a person can
/// help, both absent otherwise, `Ready` always.
enum ConditionType {
    static let ready = "Ready"
    static let reconciling = "Reconciling"
    static let stalled = "Stalled"
    static let healthy = "Healthy"
    /// On tables in S3: others commit without conditional puts, and may overwrite commits.
    static let unsafeConcurrentWriter = "UnsafeConcurrentWriter"
    static let complete = "Complete"
    static let failed = "Failed"
}

/// Why an object is in its state; what does not come from a ``DecisionReason``. Documented in docs/kinds.
enum ConditionReason: String, Sendable, CaseIterable, Error {
    // StorageProfile
    case probed = "Probed"
    case probing = "Probing"
    case probeNotRunning = "ProbeNotRunning"
    case hostFilesystemRefused = "HostFilesystemRefused"
    case secretNotFound = "SecretNotFound"
    case invalidSecret = "InvalidSecret"
    case secretForbidden = "SecretForbidden"
    case invalidCredentials = "InvalidCredentials"
    case unreachable = "Unreachable"
    case permissionDenied = "PermissionDenied"
    case outOfSpace = "OutOfSpace"
    case noConditionalWrites = "NoConditionalWrites"

    // DeltaTable
    case observed = "Observed"
    case suspended = "Suspended"
    case storageNotFound = "StorageNotFound"
    case locationOutsideRoot = "LocationOutsideRoot"
    case locationTaken = "LocationTaken"
    case unsupportedLocation = "UnsupportedLocation"
    case notObservable = "NotObservable"
    case locationNotFound = "LocationNotFound"
    case notATable = "NotATable"
    case corruptLog = "CorruptLog"
    case unsupportedFeature = "UnsupportedFeature"
    case storageFailed = "StorageFailed"
    case unsafeConcurrentWriter = "UnsafeConcurrentWriter"
    case safeWriters = "SafeWriters"
    case saidToBeSafe = "SaidToBeSafe"
    case noFindings = "NoFindings"
    case findings = "Findings"

    // MaintenancePolicy
    case inForce = "InForce"
    case planning = "Planning"
    case invalidSpec = "InvalidSpec"

    // TableClone
    case synced = "Synced"
    case syncing = "Syncing"
    case syncFailed = "SyncFailed"
    case tableNameTaken = "TableNameTaken"

    // TableOperation
    case waitingForTable = "WaitingForTable"
    case concurrencyLimit = "ConcurrencyLimit"
    case storageNotReady = "StorageNotReady"
    case tableNotFound = "TableNotFound"
    case starting = "Starting"
    case queued = "Queued"
    case running = "Running"
    case podNotStarting = "PodNotStarting"
    case cancelling = "Cancelling"
    case succeeded = "Succeeded"
    case cancelled = "Cancelled"
    case workerFailed = "WorkerFailed"
    case retriesExhausted = "RetriesExhausted"
    case deadlineExceeded = "DeadlineExceeded"
    case jobLost = "JobLost"
    case jobRefused = "JobRefused"
}

/// The state of an object as its conditions tell it.
struct ObjectState: Hashable, Sendable {
    enum Readiness: Hashable, Sendable {
        /// As it should be.
        case ready
        /// On the way there by itself.
        case reconciling
        /// Not as it should be, and tried again.
        case failing
        /// Not as it should be until a person changes something.
        case stalled
    }

    var readiness: Readiness
    var reason: ConditionReason
    var message: String

    /// `Ready`, `Reconciling` and `Stalled` as this state has them, in place of those in `conditions`.
    func apply(to conditions: inout [Condition], generation: Int64, now: Timestamp) {
        conditions.set(condition(ConditionType.ready, readiness == .ready ? .true : .false, generation, now))
        let extra: String? =
            switch readiness {
            case .ready: nil
            case .reconciling, .failing: ConditionType.reconciling
            case .stalled: ConditionType.stalled
            }
        conditions.removeAll { ($0.type == ConditionType.reconciling || $0.type == ConditionType.stalled) && $0.type != extra }
        if let extra { conditions.set(condition(extra, .true, generation, now)) }
    }

    private func condition(_ type: String, _ status: Condition.Status, _ generation: Int64, _ now: Timestamp) -> Condition {
        Condition(type: type, status: status, reason: reason.rawValue, message: message, observedGeneration: generation, lastTransitionTime: now.wholeSeconds)
    }
}

extension Timestamp {
    /// Rounded down to the second, as the API keeps times.
    var wholeSeconds: Timestamp { Timestamp(milliseconds: seconds * 1000) }
}
