import Testing

@testable import DeltaEngine

@Test(
    arguments: [
        ([], []), ([10], []), ([10, 20], [[0, 1]]), ([100, 10, 20], [[1, 2]]), ([60, 60, 60], []), ([60, 30, 60, 30], [[0, 1], [2, 3]]),
        ([60, 60, 30, 30], [[0, 2], [1, 3]]), ([99, 1], [[0, 1]]), ([150, 150], []), ([0, 0, 0], [[0, 1, 2]]), ([-5, 100, 7], [[0, 2]]),
    ] as [([Int64], [[Int]])])
func filesAreBinnedInOrder(sizes: [Int64], expected: [[Int]]) {
    #expect(BinPacking(targetFileSize: 100).bins(sizes: sizes) == expected)
}

@Test func everyBinOfManyFilesFitsAndNoFileIsTwice() {
    var state: UInt64 = 42
    let sizes = (0..<5000).map { _ -> Int64 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int64(state >> 33) % 120
    }
    let bins = BinPacking(targetFileSize: 100).bins(sizes: sizes)
    #expect(bins.allSatisfy { bin in bin.count > 1 && bin == bin.sorted() && bin.reduce(0) { $0 + sizes[$1] } <= 100 })
    let files = bins.flatMap { $0 }
    #expect(Set(files).count == files.count)
    #expect(files.allSatisfy { sizes[$0] < 100 })
}
