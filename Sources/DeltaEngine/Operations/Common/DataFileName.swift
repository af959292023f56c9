import Base
import ObjectStore

/// Names of new data files: `region=eu/part-00003-6f0a….c000.zstd.parquet`, as Spark names them, with a fresh UUID each, so that no two writers
/// ever meet.
enum DataFileName {
    enum Kind: Sendable {
        case data
        /// Rows for the change data feed, in a directory of their own: `_change_data/region=eu/cdc-00000-….c000.zstd.parquet`.
        case changes
    }

    static func make(_ kind: Kind = .data, directory: String, sequence: Int, codec: String, random: any RandomSource) throws(ObjectStoreError) -> ObjectPath {
        let digits = String(sequence)
        let padded = String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
        let start = kind == .data ? "\(directory)part" : "_change_data/\(directory)cdc"
        return try ObjectPath("\(start)-\(padded)-\(UUID.v4(random)).c000.\(codec.isEmpty ? "" : codec + ".")parquet")
    }
}
