import Base
import KubeClient

/// A TableClone whose texts have been read. What cannot be read is an ``InvalidSpec``.
struct ResolvedClone: Sendable {
    var created: Timestamp
    var generation: Int64
    var isSuspended: Bool
    var asked: CloneRequest
    /// nil: it is cloned once.
    var schedule: CronSchedule?
    /// The value of the annotation that asks for a sync now.
    var request: String?
}

extension ResolvedClone {
    /// The schema's rules say most of this too, where the server evaluates them.
    init(_ clone: TableClone, timeZones: TimeZoneDatabase) throws(InvalidSpec) {
        created = clone.metadata.creationTimestamp ?? .epoch
        generation = clone.metadata.generation
        isSuspended = clone.spec.suspend
        asked = try Self.request(clone.spec.source)
        request = clone.metadata.annotations[Names.reconcileAnnotation]
        schedule = try clone.spec.sync.map { sync throws(InvalidSpec) in try Self.schedule(sync, timeZones) }
        if schedule != nil, asked != .latest {
            throw InvalidSpec(
                field: "sync", message: "a version or a timestamp stays what it is and is cloned once: leave out sync, or source.version and source.timestamp")
        }
    }

    private static func request(_ source: TableCloneSpec.Source) throws(InvalidSpec) -> CloneRequest {
        guard (source.tableRef != nil) != (source.location != nil), (source.location != nil) == (source.storageRef != nil) else {
            throw InvalidSpec(field: "source", message: "name the source either by tableRef or by location with storageRef")
        }
        switch (source.version, source.timestamp) {
        case (nil, nil): return .latest
        case let (version?, nil): return .version(version)
        case let (nil, time?): return .timestamp(time)
        default: throw InvalidSpec(field: "source", message: "say what to clone by version or by timestamp, not by both")
        }
    }

    private static func schedule(_ sync: TableCloneSpec.Sync, _ zones: TimeZoneDatabase) throws(InvalidSpec) -> CronSchedule {
        let zone: TimeZoneRules
        do { zone = try zones.rules(for: sync.timeZone) } catch {
            throw InvalidSpec(field: "sync.timeZone", message: "\(error)")
        }
        return try SpecText.schedule(sync.schedule, zone, field: "sync.schedule")
    }
}
