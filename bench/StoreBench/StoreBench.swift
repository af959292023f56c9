import Base
import Glibc
import ObjectStore

/// Levee's side of `make bench-store`: moves objects or lists them, and prints one line of JSON with what it took.
///
///     StoreBench get|put ENDPOINT COUNT                     objects of 64 MB, eight requests in flight
///     StoreBench list-s3|list-azure|list-gcs ENDPOINT COUNT  a listing's keys
@main
struct StoreBench {
    static let objectSize: Int64 = 64 << 20
    static let partSize: Int64 = 7 << 20

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count == 3, let count = Int(arguments[2]) else { return print("usage: StoreBench get|put|list-s3|list-azure|list-gcs ENDPOINT COUNT") }
        let (command, endpoint) = (arguments[0], arguments[1])
        let store = try open(command, endpoint)
        let before = processTime()
        let started = ContinuousClock.now
        let moved =
            switch command {
            case "get": try await get(store, count)
            case "put": try await put(store, count)
            default: try await list(store)
            }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        print("{\"seconds\": \(seconds), \"cpu\": \(processTime() - before), \"moved\": \(moved), \"rssMB\": \(usage().ru_maxrss >> 10)}")
    }

    private static func open(_ command: String, _ endpoint: String) throws -> any ObjectStore {
        let (options, location) =
            switch command {
            case "list-azure": (["account_name": "account", "account_key": "a2V5", "azure_endpoint": "\(endpoint)/account"], "az://lake/")
            case "list-gcs": (["google_base_url": endpoint, "google_skip_signature": "true"], "gs://lake/")
            default: (["endpoint": endpoint, "access_key_id": "AKIA", "secret_access_key": "bench"], "s3://lake/")
            }
        let all = StoreOptions(options.merging(["allow_http": "true"]) { $1 }, usesAmbientIdentity: false)
        return try StoreFactory(executor: BlockingExecutor(threads: 2, name: "bench"), options: all).open(TableLocation(location))
    }

    private static func get(_ store: any ObjectStore, _ count: Int) async throws -> Int64 {
        let parts = (0..<count).flatMap { object in stride(from: 0, to: objectSize, by: Int(partSize)).map { (object, $0) } }
        let sizes = try await concurrentMap(parts, limit: 8) { object, start in
            Int64(try await store.get(try ObjectPath("object-\(object)"), range: start..<min(start + partSize, objectSize)).count)
        }
        return sizes.reduce(0, +)
    }

    /// Two writers of four parts each, of megabytes that are new each time.
    private static func put(_ store: any ObjectStore, _ count: Int) async throws -> Int64 {
        let piece = Bytes((0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 4) })
        try await concurrentForEach(Array(0..<count), limit: 2) { object in
            let writer = try await store.write(try ObjectPath("written-\(getpid())-\(object)"))
            for _ in 0..<(objectSize >> 20) { try await writer.write(piece.withUnsafeBytes { Bytes(copying: $0) }) }
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

    private static func usage() -> rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    /// Seconds of all threads.
    private static func processTime() -> Double {
        let usage = usage()
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}
