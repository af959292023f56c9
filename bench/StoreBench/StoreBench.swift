import Base
import Glibc
import ObjectStore

/// Levee's side of `make bench-store`: moves objects, and prints one line of JSON with what it took.
///
///     StoreBench serve                       a loopback S3 server in memory; prints its address, ends with its standard input
///     StoreBench get|put ENDPOINT COUNT      objects of 64 MB, eight requests in flight
///     StoreBench list ENDPOINT               the listing's keys
@main
struct StoreBench {
    static let objectSize: Int64 = 64 << 20
    static let partSize: Int64 = 7 << 20

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let command = arguments.first else { return print("usage: StoreBench serve | get ENDPOINT COUNT | put ENDPOINT COUNT | list ENDPOINT") }
        if command == "serve" { return try await LoopbackS3.serve() }
        let rest = Array(arguments.dropFirst())
        let options = StoreOptions(
            ["endpoint": rest.first ?? "", "allow_http": "true", "access_key_id": "AKIA", "secret_access_key": "bench"], usesAmbientIdentity: false)
        let store = try StoreFactory(executor: BlockingExecutor(threads: 2, name: "bench"), options: options).open(TableLocation("s3://lake/"))
        let count = rest.count > 1 ? Int(rest[1]) ?? 1 : 1
        let started = ContinuousClock.now
        let moved =
            switch command {
            case "get": try await get(store, count)
            case "put": try await put(store, count)
            default: try await list(store)
            }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        print("{\"seconds\": \(seconds), \"moved\": \(moved), \"rssMB\": \(peakMemory() >> 20)}")
    }

    private static func get(_ store: any ObjectStore, _ count: Int) async throws -> Int64 {
        let parts = (0..<count).flatMap { object in stride(from: 0, to: objectSize, by: Int(partSize)).map { (object, $0) } }
        let sizes = try await concurrentMap(parts, limit: 8) { object, start in
            Int64(try await store.get(try ObjectPath("object-\(object)"), range: start..<min(start + partSize, objectSize)).count)
        }
        return sizes.reduce(0, +)
    }

    /// Two writers of four parts each.
    private static func put(_ store: any ObjectStore, _ count: Int) async throws -> Int64 {
        let piece = Bytes((0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 4) })
        try await concurrentForEach(Array(0..<count), limit: 2) { object in
            let writer = try await store.write(try ObjectPath("written-\(getpid())-\(object)"))
            for _ in 0..<(objectSize >> 20) { try await writer.write(piece) }
            try await writer.finish()
        }
        return Int64(count) * objectSize
    }

    private static func list(_ store: any ObjectStore) async throws -> Int64 {
        let listing = store.list(prefix: "listed/", startAfter: nil)
        var count: Int64 = 0
        while let page = try await listing.next() { count += Int64(page.count) }
        return count
    }

    private static func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}
