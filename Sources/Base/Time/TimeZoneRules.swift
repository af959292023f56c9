import Glibc

/// A reading of a wall clock: a day and a time of day, in a zone that is known elsewhere.
public struct LocalDateTime: Sendable, Hashable {
    public let date: CivilDate
    /// 0 to 23.
    public let hour: Int
    /// 0 to 59.
    public let minute: Int
    /// 0 to 59.
    public let second: Int

    public init(date: CivilDate, hour: Int, minute: Int, second: Int = 0) {
        self.date = date
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// The seconds since 1970-01-01T00:00:00 on the same clock.
    var secondsSinceEpoch: Int64 {
        // Days are bounded by CivilDate; the multiplication wraps only for years that no schedule reaches.
        date.daysSinceEpoch &* 86_400 &+ Int64(hour * 3600 + minute * 60 + second)
    }

    init(secondsSinceEpoch seconds: Int64) {
        let day = seconds.flooredQuotient(86_400)
        let inDay = Int(seconds - day * 86_400)
        self.init(date: CivilDate(daysSinceEpoch: day), hour: inDay / 3600, minute: inDay / 60 % 60, second: inDay % 60)
    }
}

/// Why a time zone could not be had.
public enum TimeZoneError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknown(name: String)
    case damaged(name: String, reason: String)

    public var description: String {
        switch self {
        case let .unknown(name): "there is no time zone `\(name)`; use a name of the IANA database such as Europe/Berlin or Etc/UTC"
        case let .damaged(name, reason): "the machine's data of time zone `\(name)` cannot be read: \(reason); install the package tzdata again"
        }
    }
}

/// The offsets of one time zone through all time: what the IANA database's compiled file says (RFC 8536).
public struct TimeZoneRules: Sendable {
    /// The name that it was looked up by.
    public let name: String

    /// Moments, in seconds since the epoch, at which the offset changes; ascending.
    private let transitions: [Int64]
    /// The offset in seconds east of UTC from each transition on.
    private let offsets: [Int]
    /// The offset before the first transition.
    private let firstOffset: Int
    /// The rule from the last transition on; nil keeps the last offset.
    private let footer: POSIXTimeZone?

    public static let utc = TimeZoneRules(name: "Etc/UTC", transitions: [], offsets: [], firstOffset: 0, footer: nil)

    private init(name: String, transitions: [Int64], offsets: [Int], firstOffset: Int, footer: POSIXTimeZone?) {
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
        self.firstOffset = firstOffset
        self.footer = footer
    }

    /// Looks a zone up by its IANA name in the machine's database. `UTC` and its synonyms need no database.
    public init(named name: String, directory: String = "/usr/share/zoneinfo") throws(TimeZoneError) {
        if ["UTC", "Etc/UTC", "Z", "Etc/GMT", "GMT"].contains(name) {
            self = .utc
            return
        }
        let allowed = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [43, 45, 47, 95].contains(byte)
        }
        guard allowed, !name.isEmpty, !name.hasPrefix("/"), name.utf8.count <= 64 else { throw .unknown(name: name) }
        guard let file = Self.read("\(directory)/\(name)") else { throw .unknown(name: name) }
        try self.init(name: name, tzif: file)
    }

    /// Seconds east of UTC at a moment.
    public func offsetSeconds(at moment: Timestamp) -> Int {
        offset(at: moment.seconds)
    }

    /// What a clock in this zone shows, to the second.
    public func localTime(of moment: Timestamp) -> LocalDateTime {
        LocalDateTime(secondsSinceEpoch: moment.seconds &+ Int64(offset(at: moment.seconds)))
    }

    /// The moments at which a clock in this zone shows `local`: none where clocks skip it, two where they show it twice; ascending.
    public func timestamps(of local: LocalDateTime) -> [Timestamp] {
        let reading = local.secondsSinceEpoch
        // An offset in force within a day of the reading; zones are at most 26 hours apart.
        let candidates = Set([-93_600, 0, 93_600].map { offset(at: reading &+ $0) })
        return candidates.map { reading &- Int64($0) }.filter { candidates.contains(offset(at: $0)) && $0 &+ Int64(offset(at: $0)) == reading }
            .sorted().map { Timestamp(milliseconds: $0 &* 1000) }
    }

    /// The first moment at which a clock shows `local` or has skipped it.
    public func firstTimestamp(reaching local: LocalDateTime) -> Timestamp {
        if let first = timestamps(of: local).first { return first }
        let reading = local.secondsSinceEpoch
        var before = reading &- 93_600
        var reached = reading &+ 93_600
        while reached - before > 1 {
            let middle = before + (reached - before) / 2
            if middle &+ Int64(offset(at: middle)) >= reading { reached = middle } else { before = middle }
        }
        return Timestamp(milliseconds: reached &* 1000)
    }

    private func offset(at seconds: Int64) -> Int {
        guard let last = transitions.last, seconds < last else {
            if let footer, transitions.isEmpty || seconds >= (transitions.last ?? .min) { return footer.offset(at: seconds) }
            return offsets.last ?? firstOffset
        }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? firstOffset : offsets[low - 1]
    }

    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // The largest zone has a few kilobytes.
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var filled = 0
        while filled < buffer.count {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled) }
            if count < 0 { return nil }
            if count == 0 { break }
            filled += count
        }
        return Array(buffer[..<filled])
    }
}

extension TimeZoneRules {
    /// Reads a compiled zone: RFC 8536, section 3. Version 1 data, with 32-bit times, is used only where there is nothing else.
    init(name: String, tzif bytes: [UInt8]) throws(TimeZoneError) {
        var reader = TZifReader(name: name, bytes: bytes)
        let header = try reader.header()
        if header.version >= 2 {
            try reader.skip(header.dataSize(timeSize: 4))
            let wide = try reader.header()
            let (transitions, offsets, first) = try reader.block(wide, timeSize: 8)
            let footer = try reader.footer()
            self.init(name: name, transitions: transitions, offsets: offsets, firstOffset: first, footer: footer)
        } else {
            let (transitions, offsets, first) = try reader.block(header, timeSize: 4)
            self.init(name: name, transitions: transitions, offsets: offsets, firstOffset: first, footer: nil)
        }
    }
}

private struct TZifReader {
    struct Header {
        var version: UInt8
        var utLocalCount: Int
        var standardCount: Int
        var leapCount: Int
        var timeCount: Int
        var typeCount: Int
        var characterCount: Int

        func dataSize(timeSize: Int) -> Int {
            timeCount * timeSize + timeCount + typeCount * 6 + characterCount + leapCount * (timeSize + 4) + standardCount + utLocalCount
        }
    }

    let name: String
    let bytes: [UInt8]
    var position = 0

    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    mutating func skip(_ count: Int) throws(TimeZoneError) {
        guard count >= 0, count <= bytes.count - position else { throw .damaged(name: name, reason: "the file is cut short") }
        position += count
    }

    mutating func integer(_ size: Int) throws(TimeZoneError) -> Int64 {
        let start = position
        try skip(size)
        var value: Int64 = bytes[start] >= 0x80 ? -1 : 0
        for byte in bytes[start..<position] { value = value << 8 | Int64(byte) }
        return value
    }

    mutating func header() throws(TimeZoneError) -> Header {
        let start = position
        try skip(20)
        guard Array(bytes[start..<start + 4]) == Array("TZif".utf8) else { throw .damaged(name: name, reason: "it is no TZif file") }
        let version = bytes[start + 4]
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = try integer(4)
            // Far above what any zone has, far below what would hurt.
            guard (0...100_000).contains(count) else { throw .damaged(name: name, reason: "a count is out of range") }
            counts.append(Int(count))
        }
        return Header(
            version: version == 0 ? 1 : version &- UInt8(ascii: "0"), utLocalCount: counts[0], standardCount: counts[1], leapCount: counts[2],
            timeCount: counts[3], typeCount: counts[4], characterCount: counts[5])
    }

    mutating func block(_ header: Header, timeSize: Int) throws(TimeZoneError) -> (transitions: [Int64], offsets: [Int], first: Int) {
        let start = position
        try skip(header.dataSize(timeSize: timeSize))
        let end = position
        position = start
        var transitions: [Int64] = []
        for _ in 0..<header.timeCount { transitions.append(try integer(timeSize)) }
        guard zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .damaged(name: name, reason: "its transitions are not in order")
        }
        let indexes = bytes[position..<position + header.timeCount].map(Int.init)
        try skip(header.timeCount)
        var types: [Int] = []
        for _ in 0..<header.typeCount {
            types.append(Int(try integer(4)))
            try skip(2)
        }
        position = end
        guard let first = types.first, indexes.allSatisfy({ $0 < types.count }), types.allSatisfy({ abs($0) <= 93_600 }) else {
            throw .damaged(name: name, reason: "a transition names a type that is not there")
        }
        return (transitions, indexes.map { types[$0] }, first)
    }

    mutating func footer() throws(TimeZoneError) -> POSIXTimeZone? {
        let rest = bytes[position...]
        guard rest.first == 10, let end = rest.dropFirst().firstIndex(of: 10) else { return nil }
        let text = String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
        if text.isEmpty { return nil }
        guard let zone = POSIXTimeZone(text) else { throw .damaged(name: name, reason: "its rule `\(text)` cannot be read") }
        return zone
    }
}
