import Base
import Testing

@testable import ObjectStore

@Suite struct RangedReaderTests {
    static let content = Bytes((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })

    final class Server: Sendable {
        let asked = Lock<[Range<Int64>]>([])
        let ignoresRanges: Bool

        init(ignoresRanges: Bool = false) { self.ignoresRanges = ignoresRanges }

        func fetch(_ range: Range<Int64>, of content: Bytes) -> RangedReader.Part {
            asked.withLock { $0.append(range) }
            let size = Int64(content.count)
            if ignoresRanges { return .bytes(content, start: 0, size: size, tag: "v1") }
            if range.lowerBound >= size { return .beyond(size: size) }
            let end = min(range.upperBound, size)
            return .bytes(content.slice(Int(range.lowerBound)..<Int(end)) ?? .empty, start: range.lowerBound, size: size, tag: "v1")
        }
    }

    static func reader(_ server: Server, _ content: Bytes = content) -> RangedReader {
        RangedReader(target: "x", limits: .init(gap: 100, partSize: 1000, parallel: 4)) { server.fetch($0, of: content) }
    }

    @Test(arguments: [false, true])
    func anyRangesComeBackAsTheyWereAskedFor(ignoresRanges: Bool) async throws {
        let random = SeededRandomSource(seed: 11)
        for _ in 0..<200 {
            let size = random.integer(below: 12) == 0 ? 0 : random.integer(below: 20_000)
            let content = Self.content.prefix(size)
            let ranges = (0..<random.integer(below: 8)).map { _ in
                let start = Int64(random.integer(below: size + 1))
                return start..<(start + Int64(random.integer(below: 5000)))
            }
            let parts = try await Self.reader(Server(ignoresRanges: ignoresRanges && size > 0), content).read(ranges)
            #expect(parts == ranges.map { content.slice(Int($0.lowerBound)..<min(Int($0.upperBound), size)) ?? .empty })
            #expect(try await Self.reader(Server(), content).read(nil) == content)
        }
    }

    @Test func nearRangesAreFetchedTogetherAndLargeOnesInParts() async throws {
        let server = Server()
        _ = try await Self.reader(server).read([500..<600, 0..<100, 150..<200, 10_000..<12_500])
        #expect(
            server.asked.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } } == [0..<200, 500..<600, 10_000..<11_000, 11_000..<12_000, 12_000..<12_500])
    }

    @Test func aRangeToTheEndOfAllIntegersAsksForNoMoreThanThereIs() async throws {
        let server = Server()
        let parts = try await Self.reader(server).read([99_000..<Int64.max])
        #expect(parts.map(\.count) == [1000])
        #expect(server.asked.withLock { $0.count } < 10)
    }

    @Test func aRangeBehindTheEndIsAnError() async throws {
        await #expect(throws: ObjectStoreError.invalidRange(path: "x", start: 100_001, size: 100_000)) {
            try await Self.reader(Server()).read([100_001..<100_002])
        }
        #expect(try await Self.reader(Server()).read([100_000..<100_002]) == [.empty])
    }

    @Test func anObjectThatChangesMeanwhileIsAnError() async throws {
        let count = Lock(0)
        let reader = RangedReader(target: "x", limits: .init(gap: 0, partSize: 10, parallel: 1)) { range in
            let tag = count.withLock { count -> String in
                count += 1
                return "\(count / 3)"
            }
            return .bytes(Bytes([UInt8](repeating: 0, count: range.count)), start: range.lowerBound, size: 100, tag: tag)
        }
        await #expect(throws: ObjectStoreError.self) { try await reader.read([0..<100]) }
        let short = RangedReader(target: "x") { .bytes(Bytes("abc"), start: $0.lowerBound, size: 100, tag: nil) }
        await #expect(throws: ObjectStoreError.self) { try await short.read([0..<10]) }
    }
}

@Suite struct MultipartWriterTests {
    /// Takes parts, fails where it is told to.
    final class Target: MultipartTarget {
        struct State {
            var whole: Bytes?
            var parts: [Int: MultipartPart] = [:]
            var completed: [String]?
            var aborts = 0
            var begun = 0
            var underWay = 0
            var mostUnderWay = 0
        }

        let rules = MultipartRules(partSize: 100, maximumParts: 50, parallelParts: 3)
        let name = "memory:///x"
        let state = Lock(State())
        let failing: Int?

        init(failing: Int? = nil) { self.failing = failing }

        func putWhole(_ bytes: Bytes) async throws { state.withLock { $0.whole = bytes } }

        func begin() async throws -> any MultipartUpload {
            state.withLock { $0.begun += 1 }
            return Upload(target: self)
        }

        struct Upload: MultipartUpload {
            let target: Target

            func upload(_ part: MultipartPart) async throws -> String {
                target.state.withLock {
                    $0.underWay += 1
                    $0.mostUnderWay = max($0.mostUnderWay, $0.underWay)
                }
                defer { target.state.withLock { $0.underWay -= 1 } }
                try await Task.sleep(for: .milliseconds(part.number % 3))
                if part.number == target.failing { throw ObjectStoreError.outOfSpace(path: "x") }
                target.state.withLock { $0.parts[part.number] = part }
                return "r\(part.number)"
            }

            func complete(_ receipts: [String], size: Int64) async throws { target.state.withLock { $0.completed = receipts } }
            func abort() async {
                target.state.withLock {
                    if $0.underWay == 0, !Task.isCancelled { $0.aborts += 1 }
                }
            }
        }
    }

    @Test(arguments: [0, 1, 99, 100, 101, 200, 201, 999, 1000])
    func objectsOfAnySizeArriveWhole(size: Int) async throws {
        let content = RangedReaderTests.content.prefix(size)
        let target = Target()
        let writer = MultipartWriter(target)
        let random = SeededRandomSource(seed: UInt64(size))
        var rest = content
        while !rest.isEmpty {
            let piece = rest.prefix(1 + random.integer(below: 250))
            try await writer.write(piece)
            rest = rest.dropFirst(piece.count)
        }
        try await writer.finish()
        await writer.abort()
        let state = target.state.withLock { $0 }
        if size <= 100 {
            #expect(state.whole == content && state.begun == 0)
        } else {
            let parts = state.parts.values.sorted { $0.number < $1.number }
            #expect(Bytes(parts.flatMap { $0.pieces.flatMap(\.array) }) == content)
            #expect(parts.dropLast().allSatisfy { $0.size == 100 && !$0.isLast })
            #expect(parts.last?.isLast == true && parts.last.map { $0.size > 0 } == true)
            #expect(state.completed == parts.map { "r\($0.number)" })
            #expect(state.mostUnderWay <= 3)
        }
        #expect(state.aborts == 0)
    }

    @Test(arguments: [1, 2, 5, 10])
    func aPartThatFailsAbortsTheUpload(failing: Int) async throws {
        let target = Target(failing: failing)
        let writer = MultipartWriter(target)
        await #expect(throws: ObjectStoreError.outOfSpace(path: "x")) {
            for _ in 0..<10 { try await writer.write(RangedReaderTests.content.prefix(100)) }
            try await writer.finish()
        }
        await writer.abort()
        await writer.abort()
        #expect(target.state.withLock { $0.aborts } == 1)
        #expect(target.state.withLock { $0.completed } == nil)
    }

    @Test func aCancelledWriterLeavesNothing() async throws {
        let target = Target()
        let writer = MultipartWriter(target)
        let task = Task {
            do {
                while true { try await writer.write(RangedReaderTests.content.prefix(60)) }
            } catch {
                await writer.abort()
                throw error
            }
        }
        try await Task.sleep(for: .milliseconds(5))
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(target.state.withLock { $0.aborts } == 1)
    }
}
