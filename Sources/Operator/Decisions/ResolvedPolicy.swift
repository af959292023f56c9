import Base
import KubeClient

/// A MaintenancePolicy whose texts have been read: schedules, windows, durations, sizes. What cannot be read is an ``InvalidSpec``.
struct ResolvedPolicy: Sendable {
    var name: String
    var uid: String
    var created: Timestamp
    var priority: Int32
    var isSuspended: Bool
    /// Plan mode: say what would run, run nothing.
    var plansOnly: Bool
    var timeZone: TimeZoneRules
    var windows: MaintenanceWindows
    var cooldown: Duration
    var maximumOperations: Int
    var rewriteBytesPerDay: Int64?
    var optimize: Optimize?
    var vacuum: Vacuum?
    var checkpoint: Checkpoint?
    var logCleanup: LogCleanup?

    struct Optimize: Sendable {
        var schedule: CronSchedule?
        var smallFiles: Int64?
        var smallFileRatio: Double?
        /// The part of the bytes that is not sorted yet.
        var unsortedRatio: Double
        var zOrderBy: [String]
        var targetFileSize: Int64?
        var condition: String?
        var maximumBytes: Int64?
    }

    struct Vacuum: Sendable {
        var schedule: CronSchedule?
        var removableFiles: Int64?
        var removableBytes: Int64?
        var retention: Duration?
        var dryRun: Bool
        var allowsShortRetention: Bool
    }

    struct Checkpoint: Sendable {
        var commits: Int64
    }

    struct LogCleanup: Sendable {
        var schedule: CronSchedule
    }

    func asks(for task: MaintenanceTask) -> Bool {
        switch task {
        case .optimize: optimize != nil
        case .vacuum: vacuum != nil
        case .checkpoint: checkpoint != nil
        case .logCleanup: logCleanup != nil
        }
    }

    func schedule(of task: MaintenanceTask) -> CronSchedule? {
        switch task {
        case .optimize: optimize?.schedule
        case .vacuum: vacuum?.schedule
        case .checkpoint: nil
        case .logCleanup: logCleanup?.schedule
        }
    }
}

extension ResolvedPolicy {
    init(_ policy: MaintenancePolicy, timeZones: TimeZoneDatabase) throws(InvalidSpec) {
        let spec = policy.spec
        let zone = try Self.timeZone(spec.timeZone, timeZones)
        name = policy.metadata.name
        uid = policy.metadata.uid
        created = policy.metadata.creationTimestamp ?? Timestamp(microseconds: 0)
        priority = spec.priority
        isSuspended = spec.suspend
        plansOnly = spec.mode == .plan
        timeZone = zone
        windows = try MaintenanceWindows(spec.windows ?? [], timeZone: zone)
        cooldown = try SpecText.duration(spec.cooldown, field: "cooldown")
        maximumOperations = Int(spec.concurrency.operations)
        rewriteBytesPerDay = try spec.budget?.rewriteBytesPerDay.map { text throws(InvalidSpec) in try SpecText.bytes(text, field: "budget.rewriteBytesPerDay")
        }
        optimize = try spec.optimize.map { task throws(InvalidSpec) in try Optimize(task, zone) }
        vacuum = try spec.vacuum.map { task throws(InvalidSpec) in try Vacuum(task, zone) }
        checkpoint = spec.checkpoint.map { Checkpoint(commits: $0.whenCommits) }
        logCleanup = try spec.logCleanup.map { task throws(InvalidSpec) in
            LogCleanup(schedule: try SpecText.schedule(task.schedule, zone, field: "logCleanup.schedule"))
        }
        if optimize == nil, vacuum == nil, checkpoint == nil, logCleanup == nil {
            throw InvalidSpec(field: "optimize", message: "the policy has no task; set optimize, vacuum, checkpoint or logCleanup")
        }
    }

    private static func timeZone(_ name: String, _ zones: TimeZoneDatabase) throws(InvalidSpec) -> TimeZoneRules {
        do { return try zones.rules(for: name) } catch {
            throw InvalidSpec(field: "timeZone", message: "\(error)")
        }
    }
}

extension ResolvedPolicy.Optimize {
    private static let unsortedRatio = 0.2

    init(_ spec: MaintenancePolicySpec.Optimize, _ zone: TimeZoneRules) throws(InvalidSpec) {
        schedule = try spec.schedule.map { text throws(InvalidSpec) in try SpecText.schedule(text, zone, field: "optimize.schedule") }
        smallFiles = spec.when.smallFiles
        smallFileRatio = spec.when.smallFileRatio
        unsortedRatio = spec.when.unsortedRatio ?? Self.unsortedRatio
        zOrderBy = spec.zOrderBy ?? []
        targetFileSize = try spec.targetFileSize.map { text throws(InvalidSpec) in try SpecText.fileSize(text, field: "optimize.targetFileSize") }
        condition = spec.where
        maximumBytes = try spec.maxBytesPerRun.map { text throws(InvalidSpec) in try SpecText.bytes(text, field: "optimize.maxBytesPerRun") }
    }
}

extension ResolvedPolicy.Vacuum {
    /// Kubernetes' schema language has this as a rule as well; a server without CEL has not.
    static let retentionFloor = Duration.seconds(168 * 3600)

    init(_ spec: MaintenancePolicySpec.Vacuum, _ zone: TimeZoneRules) throws(InvalidSpec) {
        schedule = try spec.schedule.map { text throws(InvalidSpec) in try SpecText.schedule(text, zone, field: "vacuum.schedule") }
        removableFiles = spec.when?.removableFiles
        removableBytes = try spec.when?.removableBytes.map { text throws(InvalidSpec) in try SpecText.bytes(text, field: "vacuum.when.removableBytes") }
        retention = try spec.retention.map { text throws(InvalidSpec) in try SpecText.duration(text, field: "vacuum.retention") }
        dryRun = spec.dryRun
        allowsShortRetention = spec.allowShortRetention
        if schedule == nil, removableFiles == nil, removableBytes == nil {
            throw InvalidSpec(field: "vacuum", message: "set a schedule, or thresholds in vacuum.when, to say when to run")
        }
        if let retention, retention < Self.retentionFloor, !allowsShortRetention {
            throw InvalidSpec(
                field: "vacuum.retention",
                message: "\(spec.retention ?? "") is below 168h: readers and time travel may still need those files; set allowShortRetention: true if none do")
        }
    }
}
