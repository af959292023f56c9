import Base

/// Reads the texts in a spec that stand for durations, sizes and schedules.
enum SpecText {
    /// A text that may be left out, in the words of its field.
    static func optional<Value>(
        _ text: String?, _ field: String, _ parse: (String, _ field: String) throws(InvalidSpec) -> Value
    ) throws(InvalidSpec) -> Value? {
        guard let text else { return nil }
        return try parse(text, field)
    }

    static func duration(_ text: String, field: String) throws(InvalidSpec) -> Duration {
        guard let duration = Duration(kubernetes: text), duration >= .zero else {
            throw InvalidSpec(field: field, message: "`\(text)` is not a duration like 30m or 168h")
        }
        return duration
    }

    static func bytes(_ text: String, field: String) throws(InvalidSpec) -> Int64 {
        guard let quantity = Quantity(text), quantity.value > 0 else {
            throw InvalidSpec(field: field, message: "`\(text)` is not a size like 256Mi or 2Gi")
        }
        return quantity.value
    }

    static func fileSize(_ text: String, field: String) throws(InvalidSpec) -> Int64 {
        let size = try bytes(text, field: field)
        guard (1 << 20...1 << 34).contains(size) else {
            throw InvalidSpec(field: field, message: "\(text) is not a file size from 1Mi to 16Gi")
        }
        return size
    }

    static func schedule(_ text: String, _ zone: TimeZoneRules, field: String) throws(InvalidSpec) -> CronSchedule {
        do { return try CronSchedule(text, timeZone: zone) } catch {
            throw InvalidSpec(field: field, message: "\(error)")
        }
    }
}
