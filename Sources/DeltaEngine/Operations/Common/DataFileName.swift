import Base
import ObjectStore

/// Names of new data files: `region=eu/part-00003-6f0a….c000.zstd.parquet`, as Spark names them, with a fresh UUID each, so that no two writers
/// ever meet.
enum DataFileName {
    static func make(directory: String, sequence: Int, codec: String, random: any RandomSource) throws(ObjectStoreError) -> ObjectPath {
        let digits = String(sequence)
        let padded = String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
        return try ObjectPath("\(directory)part-\(padded)-\(UUID.v4(random)).c000.\(codec.isEmpty ? "" : codec + ".")parquet")
    }
}
