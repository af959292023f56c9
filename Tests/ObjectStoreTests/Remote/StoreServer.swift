import Base
import Foundation
import HTTP
import ObjectStore
import TestSupport
import Testing

/// One of the test servers of `Tests/Interop/servers`, as a process that ends with this one.
final class StoreServer: Sendable {
    /// What the server says of itself: addresses and credentials.
    let facts: JSONValue
    private let process: Process
    /// Held open: the server ends when it closes.
    private let input: Pipe
    private let client: HTTPClient

    private struct Failed: Error { let reason: String }

    /// - Parameter module: `azure` or `gcs`.
    init(_ module: String, _ arguments: String...) throws {
        let repository = #filePath.split(separator: "/").prefix { $0 != "Tests" }.joined(separator: "/")
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-m", "servers.\(module)", "--with-parent"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/\(repository)/Tests/Interop")
        input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n") {
            guard let byte = try output.fileHandleForReading.read(upToCount: 1)?.first else { throw Failed(reason: "the server \(module) did not start") }
            line.append(byte)
        }
        facts = try JSON.parse(Bytes(line))
        client = try HTTPClient()
    }

    deinit { process.terminate() }

    func fact(_ name: String) -> String { facts[name]?.stringValue ?? "" }

    /// The next requests that match fail, see `Fault` in servers/web.py.
    func fail(_ match: String, _ options: [String: JSONValue]) async throws {
        var fault: JSONValue = ["match": .string(match)]
        for (name, value) in options { fault[name] = value }
        _ = try await control("faults", .array([fault]))
    }

    /// `METHOD path?query status` of the requests that match a regular expression.
    func requests(_ match: String) async throws -> [String] {
        try await control("requests?match=\(PercentEncoding.encode(match))", nil).arrayValue?.compactMap(\.stringValue) ?? []
    }

    func forget() async throws { _ = try await control("forget", [:]) }

    func configure(_ values: JSONValue) async throws { _ = try await control("configure", values) }

    @discardableResult
    func control(_ what: String, _ body: JSONValue?, at address: String? = nil) async throws -> JSONValue {
        let request = HTTPRequest(
            method: body == nil ? "GET" : "POST", url: "\(address ?? fact("control"))/-/\(what)", body: body.map { .bytes(JSON.encodeBytes($0)) } ?? .none)
        let response = try await client.execute(request)
        guard (200..<300).contains(response.status) else { throw Failed(reason: "\(what): \(response.status)") }
        return response.body.isEmpty ? .null : try JSON.parse(response.body)
    }

    /// Puts objects, each with a break of the connection at another byte of the answer or of the request: every one is there once and as it was written, and
    /// its writer knows. With LEVEE_SOAK=1 at every byte, else at some of them.
    ///
    /// - Parameter match: the requests that put an object.
    static func breakCommits(on server: StoreServer, _ store: any ObjectStore, match: String) async throws {
        let step = environmentVariable("LEVEE_SOAK") == "1" ? 1 : 13
        let faults =
            stride(from: 0, to: 600, by: step).map { ("sent", $0) } + stride(from: 0, to: 40, by: step).map { ("read", $0) }
        var expected: [String: String] = [:]
        for (fault, position) in faults {
            let name = "\(fault)-\(position)"
            expected[name] = "the content of \(name), some bytes long"
            try await server.fail(match, [fault: .integer(Int64(position))])
            try await store.put(try ObjectPath(name), Bytes(expected[name] ?? ""), mode: .ifAbsent)
        }
        let found = try await store.list(prefix: "", startAfter: nil).all().map(\.path)
        #expect(Set(found.map(\.string)) == Set(expected.keys) && found.count == expected.count)
        for path in found {
            let text = try await store.get(path).text
            #expect(text == expected[path.string])
        }
        try await server.forget()
    }

    /// Whether this machine can run the servers; said on standard output where not, so that tests can skip.
    static let isAvailable: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", "import sys; assert sys.version_info >= (3, 10)"]
        process.standardError = FileHandle.nullDevice
        let isThere = (try? process.run()) != nil
        if isThere { process.waitUntilExit() }
        if isThere, process.terminationStatus == 0 { return true }
        print("skipped: the object stores' test servers need Python 3.10")
        return false
    }()

    /// So many bytes, no page of which is like another.
    static func content(_ size: Int) -> Bytes {
        Bytes(capacity: size + 8) { target in
            var state: UInt64 = 42
            for offset in stride(from: 0, to: size, by: 8) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                target.storeBytes(of: state, toByteOffset: offset, as: UInt64.self)
            }
            return size
        }
    }

    /// A number that no other caller gets, for places of a test's own.
    static func nextNumber() -> Int {
        numbers.withLock {
            $0 += 1; return $0
        }
    }
    private static let numbers = Lock(0)
}
