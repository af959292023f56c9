extension Timestamp {
    /// `2026-04-11T02:00:00Z`, with three digits of fraction if there are milliseconds, six if there are microseconds.
    public var rfc3339: String {
        // Wrapping: the whole second below the smallest timestamp is none, the difference is right all the same.
        let fraction = microseconds &- seconds &* 1_000_000
        if fraction == 0 { return rfc3339(fractionDigits: 0) }
        return rfc3339(fractionDigits: fraction % 1000 == 0 ? 3 : 6)
    }

    /// To the second, rounded down: Kubernetes' `metav1.Time`.
    public var rfc3339Seconds: String { rfc3339(fractionDigits: 0) }

    /// Always three digits of fraction, rounded down.
    public var rfc3339Milliseconds: String { rfc3339(fractionDigits: 3) }

    /// Always six digits of fraction: Kubernetes' `metav1.MicroTime`.
    public var rfc3339Microseconds: String { rfc3339(fractionDigits: 6) }

    private func rfc3339(fractionDigits: Int) -> String {
        let days = microseconds.flooredQuotient(86_400_000_000)
        let inDay = Int(microseconds &- days &* 86_400_000_000)
        let second = inDay / 1_000_000
        let fraction = inDay % 1_000_000
        let time = "\((second / 3600).twoDigits):\((second / 60 % 60).twoDigits):\((second % 60).twoDigits)"
        let decimals =
            switch fractionDigits {
            case 0: ""
            case 3: ".\((fraction / 1000).padded(to: 3))"
            default: ".\(fraction.padded(to: 6))"
            }
        return "\(CivilDate(daysSinceEpoch: days))T\(time)\(decimals)Z"
    }

    /// Reads RFC 3339, any offset, any number of fraction digits (what lies below a microsecond is cut off). A leap second counts as the next second.
    public init?(rfc3339 text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2), reader.take("-"),
            let day = reader.number(digits: 2), reader.take("Tt "), let hour = reader.number(digits: 2), reader.take(":"),
            let minute = reader.number(digits: 2), reader.take(":"), let second = reader.number(digits: 2),
            let date = CivilDate(year: Int64(year), month: month, day: day), hour < 24, minute < 60, second <= 60
        else { return nil }

        var fraction = 0
        if reader.take(".") {
            var unit = 1_000_000
            guard let first = reader.digit() else { return nil }
            unit /= 10
            fraction = first * unit
            while let digit = reader.digit() {
                unit /= 10
                fraction += digit * unit
            }
        }

        var offset = 0
        switch reader.taken("Zz+-") {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): break
        case let sign?:
            guard let hours = reader.number(digits: 2), reader.take(":"), let minutes = reader.number(digits: 2), hours < 24, minutes < 60 else { return nil }
            offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -60 : 60)
        case nil: return nil
        }
        guard reader.isAtEnd else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
        self.init(microseconds: seconds * 1_000_000 + Int64(fraction))
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String { rfc3339 }
}

extension Timestamp: Codable {
    /// From RFC 3339, as Kubernetes writes times.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let time = Timestamp(rfc3339: text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "`\(text)` is not a time like 2026-04-11T02:00:00Z"))
        }
        self = time
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rfc3339)
    }
}
