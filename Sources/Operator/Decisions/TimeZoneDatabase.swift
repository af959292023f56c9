import Base

/// The machine's time zones, each read once.
final class TimeZoneDatabase: Sendable {
    private let zones = Lock<[String: TimeZoneRules]>([:])

    func rules(for name: String) throws(TimeZoneError) -> TimeZoneRules {
        if let known = zones.withLock({ $0[name] }) { return known }
        let rules = try TimeZoneRules(named: name)
        zones.withLock { $0[name] = rules }
        return rules
    }
}
