import Base
import HTTP
import Testing

struct HTTPClientTests {
    @Test(arguments: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    func carriesMethodHeadersAndBodyBothWays(method: String) async throws {
        let server = try HTTPServer { request in
            var headers: HTTPHeaders = ["X-Seen": request.headers["X-Sent"] ?? "-"]
            headers.append(name: "X-Two", value: "a")
            headers.append(name: "X-Two", value: "b")
            return ServerResponse(status: 207, headers: headers, body: .bytes(Bytes("\(request.method) \(request.body.text)")))
        }
        let client = try HTTPClient()
        let url = "http://127.0.0.1:\(server.port)/a?b=c"
        let response = try await client.execute(HTTPRequest(method: method, url: url, headers: ["x-sent": "v"], body: .bytes(Bytes("body of é"))))
        #expect(response.status == 207)
        #expect(response.headers["x-seen"] == "v")
        #expect(response.headers.values("X-TWO") == ["a", "b"])
        #expect(response.body.text == "\(method) body of é")
        let without = try await client.execute(HTTPRequest(method: method, url: url))
        #expect(without.body.text == "\(method) ")
        await server.stop()
    }

    @Test func headHasNoBody() async throws {
        let server = try HTTPServer { _ in .text("twelve bytes") }
        let response = try await HTTPClient().execute(HTTPRequest(method: "HEAD", url: "http://127.0.0.1:\(server.port)/"))
        #expect(response.headers["content-length"] == "12")
        #expect(response.body.isEmpty)
        await server.stop()
    }

    @Test func doesNotFollowRedirects() async throws {
        let server = try HTTPServer { _ in ServerResponse(status: 302, headers: ["Location": "http://192.0.2.1/"]) }
        #expect(try await HTTPClient().execute(HTTPRequest(url: "http://127.0.0.1:\(server.port)/")).status == 302)
        await server.stop()
    }

    @Test func streamsARequestBodyOfUnknownLength() async throws {
        let server = try HTTPServer { request in
            .text("\(request.headers["Transfer-Encoding"] ?? "-") \(request.body.count) \(request.body.array.reduce(0) { $0 &+ Int($1) })")
        }
        let pieces = (0..<200).map { Bytes([UInt8](repeating: UInt8($0), count: 5000)) }
        let body = PiecewiseBody(pieces)
        let response = try await HTTPClient().execute(
            HTTPRequest(method: "PUT", url: "http://127.0.0.1:\(server.port)/", body: .stream(body, length: nil)))
        #expect(response.body.text == "chunked 1000000 \(5000 * (0..<200).reduce(0, +))")
        let sized = try await HTTPClient().execute(
            HTTPRequest(method: "PUT", url: "http://127.0.0.1:\(server.port)/", body: .stream(PiecewiseBody(pieces), length: 1_000_000)))
        #expect(sized.body.text.hasPrefix("- 1000000 "))
        await server.stop()
    }

    @Test func aFailingRequestBodyIsNamed() async throws {
        let server = try HTTPServer { _ in .text("") }
        let request = HTTPRequest(
            method: "PUT", url: "http://127.0.0.1:\(server.port)/x", body: .stream(PiecewiseBody([Bytes("a")], failing: true), length: nil))
        let error = await #expect(throws: HTTPError.self) { try await HTTPClient().execute(request) }
        guard case .requestBodyFailed = error else { return #expect(Bool(false), "\(String(describing: error))") }
        await server.stop()
    }

    @Test func aSlowReaderBoundsWhatIsBuffered() async throws {
        let source = EndlessStream()
        let server = try HTTPServer { _ in ServerResponse(status: 200, body: .stream(source)) }
        let response = try await HTTPClient().stream(HTTPRequest(url: "http://127.0.0.1:\(server.port)/"))
        _ = try await response.body.next()
        // Until the server is held up: nothing more is produced for a while, which is no busy machine's pause.
        var produced = -1
        var unchanged = 0
        for _ in 0..<200 where unchanged < 5 {
            unchanged = produced == source.produced ? unchanged + 1 : 0
            produced = source.produced
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(unchanged == 5, "the server is held up")
        // Socket buffers on both sides plus ours; without back-pressure it would be hundreds of megabytes by now.
        #expect(produced < 24 << 20, "\(produced) bytes")
        var read = 0
        while read < produced + (8 << 20), let piece = try await response.body.next() { read += piece.count }
        #expect(read >= produced + (8 << 20), "reading goes on after the pause")
        response.body.cancel()
        await source.waitUntilClosed()
        await server.stop()
    }

    @Test func cancellingTheTaskEndsTheTransfer() async throws {
        let stream = ScriptedStream()
        let server = try HTTPServer { _ in ServerResponse(status: 200, body: .stream(stream)) }
        let client = try HTTPClient()
        let url = "http://127.0.0.1:\(server.port)/"
        let task = Task {
            let response = try await client.stream(HTTPRequest(url: url))
            while try await response.body.next() != nil {}
        }
        stream.push("x")
        while stream.pulls < 2 { try await Task.sleep(for: .milliseconds(1)) }
        task.cancel()
        #expect(await task.result.failure as? HTTPError == .cancelled(url: "GET \(url)"))
        await stream.waitUntilClosed()
        #expect(stream.isClosed)
        await server.stop()
    }

    @Test func droppingAResponseEndsTheTransfer() async throws {
        let stream = ScriptedStream()
        let server = try HTTPServer { _ in ServerResponse(status: 200, body: .stream(stream)) }
        let client = try HTTPClient()
        stream.push("x")
        do {
            let response = try await client.stream(HTTPRequest(url: "http://127.0.0.1:\(server.port)/"))
            #expect(try await response.body.next()?.text == "x")
        }
        await stream.waitUntilClosed()
        #expect(stream.isClosed)
        await server.stop()
    }

    @Test func aTaskThatIsAlreadyCancelledSendsNothing() async throws {
        let client = try HTTPClient()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            _ = try await client.execute(HTTPRequest(url: "http://127.0.0.1:1/"))
        }
        task.cancel()
        #expect(await task.result.failure as? HTTPError == .cancelled(url: "GET http://127.0.0.1:1/"))
    }

    @Test func limitsHeadBodyAndTime() async throws {
        let server = try HTTPServer { request in
            switch request.path {
            case "/head": return ServerResponse(status: 200, headers: ["X": String(repeating: "x", count: 20_000)])
            case "/body": return .text(String(repeating: "x", count: 20_000))
            default:
                try? await Task.sleep(for: .seconds(30))
                return .text("")
            }
        }
        var configuration = HTTPClientConfiguration()
        configuration.maximumHeaderSize = 10_000
        configuration.maximumResponseSize = 10_000
        let client = try HTTPClient(configuration: configuration)
        let url = "http://127.0.0.1:\(server.port)"
        #expect(await client.failure(HTTPRequest(url: url + "/head")) == .responseTooLarge(url: "GET \(url)/head", limit: 10_000))
        #expect(await client.failure(HTTPRequest(url: url + "/body")) == .responseTooLarge(url: "GET \(url)/body", limit: 10_000))
        guard case .timedOut = await client.failure(HTTPRequest(url: url + "/slow", timeout: .milliseconds(200))) else {
            return #expect(Bool(false), "no time-out")
        }
        await server.stop()
    }

    @Test func tellsFailedConnectionsFromBrokenOnes() async throws {
        let client = try HTTPClient()
        let refused = await client.failure(HTTPRequest(url: "http://127.0.0.1:1/"))
        #expect(refused?.wasNeverSent == true, "\(String(describing: refused))")
        let unresolved = await client.failure(HTTPRequest(url: "http://does-not-exist.invalid/"))
        #expect(unresolved?.wasNeverSent == true, "\(String(describing: unresolved))")
        var options = HTTPServer.Options()
        options.stopGracePeriod = .zero
        let arrived = Lock(false)
        let server = try HTTPServer(options: options) { _ in
            arrived.withLock { $0 = true }
            try? await Task.sleep(for: .seconds(30))
            return .text("")
        }
        let url = "http://127.0.0.1:\(server.port)/"
        let broken = Task { await client.failure(HTTPRequest(url: url)) }
        for _ in 0..<5000 where !arrived.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
        await server.stop()
        let failure = await broken.value
        guard case .interrupted = failure else { return #expect(Bool(false), "\(String(describing: failure))") }
    }

    @Test(arguments: [
        HTTPRequest(url: "ftp://127.0.0.1/"), HTTPRequest(url: "http://127.0.0.1/a b"), HTTPRequest(method: "GE T", url: "http://127.0.0.1/"),
        HTTPRequest(url: "http://127.0.0.1/", headers: ["X": "a\r\nY: b"]), HTTPRequest(url: "http://127.0.0.1/", headers: ["X:Y": "a"]), HTTPRequest(url: ""),
    ])
    func refusesRequestsThatAreNone(request: HTTPRequest) async throws {
        guard case .invalidRequest = try await HTTPClient().failure(request) else { return #expect(Bool(false), "\(request.label) was sent") }
    }

    @Test func labelsShowNoSecrets() {
        #expect(HTTPRequest(url: "https://user:secret@host:1/path?sig=secret").label == "GET https://host:1/path")
    }

    @Test func manyRequestsShareFewConnections() async throws {
        let server = try HTTPServer { request in .text(request.path) }
        let loop = try HTTPClientLoop(maximumConnectionsPerHost: 4)
        let client = HTTPClient(configuration: HTTPClientConfiguration(), loop: loop)
        let port = server.port
        try await withThrowingTaskGroup { group in
            for index in 0..<500 {
                group.addTask {
                    let response = try await client.execute(HTTPRequest(url: "http://127.0.0.1:\(port)/\(index)"))
                    #expect(response.body.text == "/\(index)")
                }
            }
            try await group.waitForAll()
        }
        await server.stop()
    }

    @Test func reusesAConnectionThatTheServerHasClosed() async throws {
        var options = HTTPServer.Options()
        options.stopGracePeriod = .zero
        let first = try HTTPServer(options: options) { _ in .text("first") }
        let client = try HTTPClient()
        let url = "http://127.0.0.1:\(first.port)/"
        #expect(try await client.execute(HTTPRequest(method: "POST", url: url, body: .bytes(Bytes("b")))).body.text == "first")
        let port = first.port
        await first.stop()
        let second = try HTTPServer(port: port) { .text("second \($0.body.text)") }
        #expect(try await client.execute(HTTPRequest(method: "POST", url: url, body: .bytes(Bytes("b")))).body.text == "second b")
        await second.stop()
    }
}

extension HTTPClient {
    /// The error of a request that is expected to fail.
    func failure(_ request: HTTPRequest) async -> HTTPError? {
        do throws(HTTPError) {
            _ = try await execute(request)
            return nil
        } catch {
            return error
        }
    }
}

extension Result {
    var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}

/// A request body in given pieces, with an error behind them if asked.
private final class PiecewiseBody: RequestBodyStream {
    struct Failed: Error {}

    private let pieces: Lock<[Bytes]>
    private let failing: Bool

    init(_ pieces: [Bytes], failing: Bool = false) {
        self.pieces = Lock(pieces)
        self.failing = failing
    }

    func next() async throws -> Bytes? {
        await Task.yield()
        let piece = pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        if piece == nil && failing { throw Failed() }
        return piece
    }
}

/// Produces 64 KiB as often as it is asked.
private final class EndlessStream: ResponseStream {
    private struct State {
        var produced = 0
        var closed = false
    }

    private let state = Lock(State())
    private let piece = Bytes([UInt8](repeating: 7, count: 65536))

    var produced: Int { state.withLock { $0.produced } }

    func next() async -> Bytes? {
        state.withLock { $0.produced += piece.count }
        return piece
    }

    func closed() { state.withLock { $0.closed = true } }

    func waitUntilClosed() async {
        for _ in 0..<5000 where !state.withLock({ $0.closed }) { try? await Task.sleep(for: .milliseconds(1)) }
    }
}
