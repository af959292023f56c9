import Base
import ObjectStore

/// The names of files in `_delta_log` (protocol, "File Types"), both ways.
public enum LogFileName: Sendable, Hashable {
    case commit(version: Int64)
    /// `n.checkpoint.parquet`
    case classicCheckpoint(version: Int64)
    /// `n.checkpoint.o.p.parquet`, parts counted from 1.
    case checkpointPart(version: Int64, part: Int, of: Int)
    /// `n.checkpoint.u.{json,parquet}`: V2.
    case uuidCheckpoint(version: Int64, isJSON: Bool)
    /// `x.y.compacted.json`
    case compactedCommits(from: Int64, to: Int64)
    case checksum(version: Int64)

    static let directory = "_delta_log/"
    static let lastCheckpoint = "_delta_log/_last_checkpoint"

    /// The name below the table's root of a version's commit.
    public static func commitPath(_ version: Int64) -> String { directory + padded(version) + ".json" }

    static func classicCheckpointPath(_ version: Int64) -> String { directory + padded(version) + ".checkpoint.parquet" }

    /// A V2 checkpoint's own file, as JSON.
    static func manifestPath(_ version: Int64, _ uuid: UUID) -> String { directory + padded(version) + ".checkpoint.\(uuid).json" }

    static func compactedPath(_ versions: ClosedRange<Int64>) -> String {
        directory + padded(versions.lowerBound) + "." + padded(versions.upperBound) + ".compacted.json"
    }

    static func checksumPath(_ version: Int64) -> String { directory + padded(version) + ".crc" }

    /// Where a listing that needs `version` and what comes after it may start: every file of that version sorts behind it.
    static func listingStart(_ version: Int64) -> String { directory + padded(version) }

    private static func padded(_ version: Int64) -> String { zeroPadded(version, to: 20) }

    private static func zeroPadded(_ number: Int64, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// What the file of that name (without directory) is; nil for anything the protocol does not speak of.
    init?(_ name: Substring) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let first = parts.first, let version = Self.number(first, digits: 20) else { return nil }
        switch parts.count {
        case 2 where parts[1] == "json": self = .commit(version: version)
        case 2 where parts[1] == "crc": self = .checksum(version: version)
        case 3 where parts[1] == "checkpoint" && parts[2] == "parquet": self = .classicCheckpoint(version: version)
        case 4 where parts[1] == "checkpoint" && (parts[3] == "parquet" || parts[3] == "json") && parts[2].utf8.count == 36:
            self = .uuidCheckpoint(version: version, isJSON: parts[3] == "json")
        case 4 where parts[2] == "compacted" && parts[3] == "json":
            guard let end = Self.number(parts[1], digits: 20), end > version else { return nil }
            self = .compactedCommits(from: version, to: end)
        case 5 where parts[1] == "checkpoint" && parts[4] == "parquet":
            guard let part = Self.number(parts[2], digits: 10), let total = Self.number(parts[3], digits: 10), part >= 1, part <= total else { return nil }
            self = .checkpointPart(version: version, part: Int(part), of: Int(total))
        default: return nil
        }
    }

    /// The version a file belongs to; a compaction's first.
    var version: Int64 {
        switch self {
        case let .commit(version), let .classicCheckpoint(version), let .checkpointPart(version, _, _), let .uuidCheckpoint(version, _),
            let .compactedCommits(version, _), let .checksum(version):
            version
        }
    }

    /// Exactly `digits` decimal digits that fit an `Int64`.
    private static func number(_ text: Substring, digits: Int) -> Int64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
        return Int64(text)
    }
}
