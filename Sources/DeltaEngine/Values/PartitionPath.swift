/// The directory of a partition: `region=eu/day=2024-01-31`, escaped as Hive and Spark do.
///
/// Only for people and for engines that list directories: readers of the log go by `partitionValues`.
enum PartitionPath {
    /// What stands for null in a directory's name.
    static let null = "__HIVE_DEFAULT_PARTITION__"

    /// The directory with a slash at its end; empty for a table without partition columns. `values` as the log carries them.
    static func directory(columns: [String], values: [String?]) -> String {
        zip(columns, values).map { "\(escape($0))=\($1.map(escape) ?? null)/" }.joined()
    }

    /// Escapes what cannot stand in a directory's name (Spark's `ExternalCatalogUtils.escapePathName`) and, like delta-rs, everything that is not
    /// plain ASCII, so that no tool on the way needs to agree on an encoding.
    static func escape(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, byte in
            if isPlain(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%"
                result.append(hex[Int(byte >> 4)])
                result.append(hex[Int(byte & 15)])
            }
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "!"), UInt8(ascii: "~"), UInt8(ascii: "$"):
            true
        default: false
        }
    }
}
