import Base

extension Option where Value == Int64 {
    /// A number of bytes: `256Mi`, `1Gi`, `500M`, or digits alone.
    static func byteCount(_ name: String, _ help: String) -> Option {
        Option(name: name, placeholder: "SIZE", help: help) { (text: String) throws(InvalidValue) -> Int64 in
            guard let quantity = Quantity(text) else { throw InvalidValue("it is no size; write it like 256Mi") }
            if quantity.value < 1 { throw InvalidValue("it must be more than nothing") }
            return quantity.value
        }
    }
}

extension Option where Value == Duration {
    /// `168h`, `30m`.
    static func duration(_ name: String, _ help: String) -> Option {
        Option(name: name, placeholder: "DURATION", help: help) { (text: String) throws(InvalidValue) -> Duration in
            guard let duration = Duration(kubernetes: text) else { throw InvalidValue("it is no duration; write it like 168h or 30m") }
            if duration < .zero { throw InvalidValue("it must not be negative") }
            return duration
        }
    }
}
