import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Tables whose files have deletion vectors, read and rewritten.
@Suite struct DeletionVectorTests {
    /// A table of files of ten rows each, ids ascending, whose protocol allows vectors.
    private func table(files: Int) async throws -> (DataFixture, [AddFile]) {
        let data = try await DataFixture()
        for file in 0..<files { try await data.append((file * 10)..<(file * 10 + 10)) }
        let version = try await data.table.latestVersion()
        try await put(
            data, LogFileName.commitPath(version + 1),
            #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#)
        let adds = try await data.table.snapshot().files.map(\.add)
        return (data, adds.sorted { $0.modificationTime < $1.modificationTime })
    }

    private func put(_ data: DataFixture, _ path: String, _ text: String) async throws {
        try await data.store.put(ObjectPath(path), Bytes(text + "\n"), mode: .overwrite)
    }

    /// Commits that the file has this vector now.
    private func mark(_ data: DataFixture, _ file: AddFile, _ vector: DeletionVectorDescriptor) async throws {
        var marked = file
        marked.deletionVector = vector
        let remove = RemoveFile(file, deletionTimestamp: data.clock.now(), dataChange: true)
        let version = try await data.table.latestVersion() + 1
        try await put(data, LogFileName.commitPath(version), [Action.remove(remove), .add(marked)].map { JSON.encode($0.json) }.joined(separator: "\n"))
    }

    private static let uuid = "ab^-aqEH.-t@S}K{vb[*k^"
    private static let vectorFile = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"

    @Test(arguments: RoaringFixture.Kind.allCases) func rowsOfInlineVectorsAreLeftOut(kind: RoaringFixture.Kind) async throws {
        let (data, files) = try await table(files: 3)
        try await mark(data, files[1], RoaringFixture.inline([0, 3, 4, 9], as: kind))
        let expected = (0..<30).filter { ![10, 13, 14, 19].contains($0) }.map(Int64.init)
        #expect(try await data.ids() == expected)
        #expect(try await data.table.snapshot().files.numRecords == 26)
        // And it stays so through the rewriting of the files, whose result has no vector.
        _ = try await OptimizeOperation(table: data.table).run()
        let optimized = try await data.table.snapshot()
        #expect(optimized.numFiles == 1)
        #expect(!optimized.files.hasDeletionVectors)
        #expect(optimized.files.numRecords == 26)
        #expect(try await data.ids() == expected)
    }

    @Test func vectorsInFilesAreFoundByUUIDAndByPath() async throws {
        let (data, files) = try await table(files: 2)
        let vectors = [RoaringFixture.serialize([1, 2]), RoaringFixture.serialize([0, 1, 2, 3, 4, 5, 6, 7])]
        let (bytes, offsets) = RoaringFixture.file(vectors)
        try await data.store.put(ObjectPath(Self.vectorFile), Bytes(bytes), mode: .overwrite)
        try await mark(
            data, files[0],
            DeletionVectorDescriptor(storageType: "u", pathOrInlineDv: Self.uuid, offset: offsets[0], sizeInBytes: Int32(vectors[0].count), cardinality: 2))
        try await mark(
            data, files[1],
            DeletionVectorDescriptor(
                storageType: "p", pathOrInlineDv: "memory:///" + Self.vectorFile, offset: offsets[1], sizeInBytes: Int32(vectors[1].count), cardinality: 8))
        #expect(try await data.ids() == [0, 3, 4, 5, 6, 7, 8, 9, 18, 19])
        // Conditions and limits look at what is left.
        let reader = try TableReader(
            table: data.table, snapshot: try await data.table.snapshot(), options: ReadOptions(columns: ["id"], condition: "id < 5 or id > 15", limit: 4))
        var rows = 0
        while let batch = try await reader.next() { rows += batch.rowCount }
        #expect(rows == 4)
    }

    @Test func filesWithoutARowLeftGoAwayInARewrite() async throws {
        let (data, files) = try await table(files: 2)
        for file in files { try await mark(data, file, RoaringFixture.inline(Array(0..<10))) }
        #expect(try await data.ids() == [])
        let result = try await OptimizeOperation(table: data.table).run()
        #expect(result.metrics.numFilesRemoved == 2)
        #expect(result.metrics.numFilesAdded == 0)
        #expect(try await data.table.snapshot().numFiles == 0)
        #expect(try await data.ids() == [])
    }

    @Test func aVectorThatIsDamagedIsAnErrorAndNoRowIsRead() async throws {
        let vector = RoaringFixture.serialize([1, 2])
        let (whole, offsets) = RoaringFixture.file([vector, vector])
        let good = DeletionVectorDescriptor(
            storageType: "u", pathOrInlineDv: Self.uuid, offset: offsets[1], sizeInBytes: Int32(vector.count), cardinality: 2)
        func changed(_ change: (inout DeletionVectorDescriptor) -> Void) -> DeletionVectorDescriptor {
            var descriptor = good
            change(&descriptor)
            return descriptor
        }
        var flipped = whole
        flipped[whole.count - 8] ^= 1
        var future = whole
        future[0] = 2
        let cases: [(String, [UInt8], DeletionVectorDescriptor)] = [
            ("checksum", flipped, good), ("ends too early", Array(whole.dropLast()), good), ("the log says 3", whole, changed { $0.cardinality = 3 }),
            ("the log says", whole, changed { $0.sizeInBytes = 20 }), ("size is", whole, changed { $0.sizeInBytes = -1 }),
            ("offset is", whole, changed { $0.offset = -4 }), ("format version 2", future, changed { $0.offset = 1 }),
            (
                "the log says", whole,
                changed {
                    $0.storageType = "i"; $0.pathOrInlineDv = "wi5b="; $0.offset = nil
                }
            ),
            (
                "base 85", whole,
                changed {
                    $0.storageType = "i"; $0.pathOrInlineDv = "wi5b"; $0.offset = nil
                }
            ),
        ]
        for (expected, bytes, descriptor) in cases {
            let store = InMemoryStore()
            try await store.put(ObjectPath(Self.vectorFile), Bytes(bytes), mode: .overwrite)
            let error = await #expect(throws: DeltaError.self) { try await DeletionVectorReader(files: TableFiles(store)).read(descriptor) }
            guard case let .corruptDeletionVector(_, reason)? = error else {
                Issue.record("\(expected): \(String(describing: error))")
                continue
            }
            #expect(reason.contains(expected), "\(reason)")
        }
        let (data, files) = try await table(files: 2)
        try await mark(data, files[0], RoaringFixture.inline([3, 10]))
        await #expect(throws: DeltaError.self) { try await data.ids() }
        await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: data.table).run() }
    }
}

@Suite struct DeletedRowsTests {
    private static let spread: [Int64] = [0, 3, 65_535, 65_536, 200_000] + Array(300_000..<310_000) + [8_589_934_592, 8_589_934_601]

    /// The rows of one vector that another has not, against sets.
    @Test(arguments: RoaringFixture.Kind.allCases, RoaringFixture.Kind.allCases)
    func subtractingLeavesTheRowsThatTheOtherHasNot(left: RoaringFixture.Kind, right: RoaringFixture.Kind) throws {
        let random = SeededRandomSource(seed: 7)
        for round in 0..<20 {
            let mine = Self.spread.filter { _ in random.integer(below: 3) > 0 }
            let theirs = (Self.spread + [70_000]).filter { _ in random.integer(below: 3) > round % 3 }
            let difference = try RoaringFormat.parse(Bytes(RoaringFixture.serialize(mine, as: left)))
                .subtracting(try RoaringFormat.parse(Bytes(RoaringFixture.serialize(theirs, as: right))))
            let expected: [Int64] = Set(mine).subtracting(theirs).sorted()
            let near: [Int64] = expected.filter { $0 < 400_000 }
            let far: Range<Int64> = 8_589_934_592..<8_589_934_700
            #expect(difference.count == Int64(expected.count), "round \(round)")
            #expect(difference.rows(in: 0..<400_000).map { Int64($0) } == near, "round \(round)")
            #expect(difference.count(in: far) == Int64(expected.count - near.count), "round \(round)")
        }
    }
}
