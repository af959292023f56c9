import Base

/// Turns occurrences into few Event objects, as client-go does: the same again raises a count, many alike are combined, and an object that floods is cut short. Pure.
struct EventCorrelator: Sendable {
    struct Occurrence: Sendable, Hashable {
        var object: ObjectReference
        var type: EventRecorder.Severity
        var reason: String
        var message: String
    }

    enum Decision: Sendable, Equatable {
        /// An Event that does not exist yet.
        case create(name: String, message: String)
        /// The Event of that name, once more.
        case count(name: String, message: String, count: Int, first: Timestamp)
        case drop
    }

    /// All that makes occurrences the same; without a message: alike.
    private struct Identity: Hashable {
        var object: ObjectReference
        var type: EventRecorder.Severity
        var reason: String
        var message: String?
    }

    private struct Series {
        var name: String
        var count: Int
        var first: Timestamp
        var last: Timestamp
    }

    private struct Alike {
        var messages: Set<String>
        var last: Timestamp
    }

    private struct Bucket {
        var tokens: Double
        var filledAt: Timestamp
    }

    // client-go's figures.
    private static let window: Duration = .seconds(600)
    /// From the tenth on they are combined.
    private static let maximumDistinctMessages = 10
    private static let burst = 25.0
    private static let tokensPerSecond = 1.0 / 300
    private static let maximumEntries = 4096

    private var series: [Identity: Series] = [:]
    private var alike: [Identity: Alike] = [:]
    private var buckets: [ObjectReference: Bucket] = [:]

    /// - Parameter newName: A fresh name for an Event, used for ``Decision/create(name:message:)``.
    mutating func decide(_ occurrence: Occurrence, now: Timestamp, newName: String) -> Decision {
        // Every version of an object is the same object here.
        var object = occurrence.object
        object.resourceVersion = nil
        guard takeToken(object, now) else { return .drop }
        prune(now)

        let group = Identity(object: object, type: occurrence.type, reason: occurrence.reason, message: nil)
        var similar = alike[group] ?? Alike(messages: [], last: now)
        if now - similar.last > Self.window { similar.messages = [] }
        if similar.messages.count < Self.maximumDistinctMessages { similar.messages.insert(occurrence.message) }
        similar.last = now
        alike[group] = similar

        let isCombined = similar.messages.count >= Self.maximumDistinctMessages
        var identity = group
        if !isCombined { identity.message = occurrence.message }
        let message = isCombined ? "(combined from similar events): \(occurrence.message)" : occurrence.message
        guard var known = series[identity], now - known.last <= Self.window else {
            series[identity] = Series(name: newName, count: 1, first: now, last: now)
            return .create(name: newName, message: message)
        }
        known.count += 1
        known.last = now
        series[identity] = known
        return .count(name: known.name, message: message, count: known.count, first: known.first)
    }

    private mutating func takeToken(_ object: ObjectReference, _ now: Timestamp) -> Bool {
        var bucket = buckets[object] ?? Bucket(tokens: Self.burst, filledAt: now)
        let elapsed = max(0, Double((now - bucket.filledAt).wholeMicroseconds) / 1e6)
        bucket.tokens = min(Self.burst, bucket.tokens + elapsed * Self.tokensPerSecond)
        bucket.filledAt = now
        let passes = bucket.tokens >= 1
        if passes { bucket.tokens -= 1 }
        buckets[object] = bucket
        return passes
    }

    /// Keeps memory bounded however many objects there are: what is old goes, and if all is recent, everything; the cost is an Event counted anew.
    private mutating func prune(_ now: Timestamp) {
        guard max(series.count, alike.count, buckets.count) > Self.maximumEntries else { return }
        series = series.filter { now - $0.value.last <= Self.window }
        alike = alike.filter { now - $0.value.last <= Self.window }
        // A bucket is full again after burst / rate; an untouched one is no information.
        buckets = buckets.filter { $0.value.tokens + Double((now - $0.value.filledAt).wholeMicroseconds) / 1e6 * Self.tokensPerSecond < Self.burst }
        if series.count > Self.maximumEntries { series = [:] }
        if alike.count > Self.maximumEntries { alike = [:] }
        if buckets.count > Self.maximumEntries { buckets = [:] }
    }
}
