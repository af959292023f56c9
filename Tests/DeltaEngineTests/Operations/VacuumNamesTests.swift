import Testing

@testable import DeltaEngine

@Test(arguments: [
    ("part-0.parquet", false), ("_delta_log/00.json", true), ("_temporary/x", true), (".hidden", true), ("a/.crc", true), ("a/_SUCCESS", true),
    ("_change_data/cdc-1.parquet", false), ("_change_data/x=1/cdc-1.parquet", false), ("_p=1/part.parquet", false), ("_p=1/_x/part.parquet", true),
    ("_other=1/part.parquet", true), ("_sp%20ace=1/f", false), ("deletion_vector_x.bin", false), ("_delta_index/f", true), ("_change_data_x/f", true),
    ("_\u{301}x/f", true),
])
func hiddenNames(path: String, hidden: Bool) {
    #expect(VacuumNames(partitionColumns: ["_p", "_sp ace"]).isHidden(path) == hidden)
}

@Test func livePathsHoldWhatWasPutIn() {
    var live = LivePaths()
    for number in 0..<10_000 { live.insert("p=\(number % 7)/part-\(number).parquet") }
    live.insert("p=0/part-0.parquet")
    #expect(live.count == 10_000)
    #expect((0..<10_000).allSatisfy { live.contains("p=\($0 % 7)/part-\($0).parquet") })
    #expect((0..<10_000).allSatisfy { !live.contains("p=\($0 % 7)/part-\($0).orc") })
}
