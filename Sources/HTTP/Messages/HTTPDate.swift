import Base

extension Timestamp {
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, IMF-fixdate).
    public init?(httpDate text: String) {
        let parts = text.split { $0 == " " || $0 == ":" }
        guard parts.count == 8, parts[7] == "GMT", let day = Int(parts[1]), let month = Self.months.firstIndex(of: parts[2]), let year = Int64(parts[3]),
            let hour = Int64(parts[4]), let minute = Int64(parts[5]), let second = Int64(parts[6]), (0..<24).contains(hour), (0..<60).contains(minute),
            (0...60).contains(second), (1970...9999).contains(year), let date = CivilDate(year: year, month: month + 1, day: day)
        else { return nil }
        self.init(microseconds: (date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000)
    }

    private static let months: [Substring] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// As HTTP writes times, to the second.
    public var httpDate: String {
        let days = seconds.flooredQuotient(86_400)
        let inDay = Int(seconds - days * 86_400)
        let date = CivilDate(daysSinceEpoch: days)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(Self.weekdays[date.weekday]), \(two(date.day)) \(Self.months[date.month - 1]) \(date.year) \(two(inDay / 3600)):\(two(inDay / 60 % 60)):\(two(inDay % 60)) GMT"
    }
}
