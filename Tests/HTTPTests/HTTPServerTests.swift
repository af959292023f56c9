import Base
import Glibc
import HTTP
import Testing

/// The server against plain sockets, so that what is on the wire is under the test's control.
struct HTTPServerTests {
    @Test func answersWithWhatTheHandlerSaw() async throws {
        let server = try HTTPServer { request in
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
            return .text("\(request.method) \(request.path) [\(query)] \(request.headers["x-a"] ?? "-") \(request.body.text) \(request.remoteAddress)")
        }
        let client = try WireClient(port: server.port)
        client.send("POST /a%2Fb/c?x=1+2&y=%2B&z HTTP/1.1\r\nHost: h\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello")
        let response = await client.receive(until: "127.0.0.1")
        #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(response.hasSuffix("\r\n\r\nPOST /a%2Fb/c [x=1 2;y=+;z=] b hello 127.0.0.1"))

        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
        let head = await client.receive(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"), "the connection is kept alive")
        await server.stop()
    }

    @Test(arguments: [true, false])
    func refusesBodiesAboveTheLimit(declared: Bool) async throws {
        var options = HTTPServer.Options()
        options.maximumBodySize = 10
        let server = try HTTPServer(options: options) { _ in .text("handled") }
        let client = try WireClient(port: server.port)
        if declared {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")
            #expect(await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 413"))
        } else {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n")
            #expect(await client.receive(until: "\r\n\r\n") == "", "the connection is closed")
        }
        await server.stop()
    }

    @Test func streamsChunksAsTheyComeAndNoticesTheClientLeaving() async throws {
        let stream = ScriptedStream()
        let server = try HTTPServer { _ in ServerResponse(status: 200, body: .stream(stream)) }
        let client = try WireClient(port: server.port)
        client.send("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n")
        stream.push("one")
        #expect(await client.receive(until: "one\r\n").contains("Transfer-Encoding: chunked"))
        stream.push("two")
        #expect(await client.receive(until: "two\r\n") == "3\r\ntwo\r\n")
        #expect(!stream.isClosed)
        client.close()
        await stream.waitUntilClosed()
        await server.stop()
    }

    @Test func endsAStreamWithItsLastChunk() async throws {
        let stream = ScriptedStream()
        let server = try HTTPServer { _ in ServerResponse(status: 200, body: .stream(stream)) }
        let client = try WireClient(port: server.port)
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        stream.push(String(repeating: "x", count: 100_000))
        stream.finish()
        let response = await client.receive(until: "0\r\n\r\n")
        #expect(response.count(where: { $0 == "x" }) == 100_000)
        await stream.waitUntilClosed()
        await server.stop()
    }

    @Test func stopEndsStreamsCleanlyAndFreesThePort() async throws {
        var options = HTTPServer.Options()
        options.stopGracePeriod = .seconds(120)
        let stream = ScriptedStream()
        let server = try HTTPServer(options: options) { _ in ServerResponse(status: 200, body: .stream(stream)) }
        let client = try WireClient(port: server.port)
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        stream.push("one")
        _ = await client.receive(until: "one\r\n")
        let started = ContinuousClock.now
        await server.stop()
        #expect(ContinuousClock.now - started < options.stopGracePeriod / 2, "a stream is told to end, not waited for")
        #expect(await client.receive(until: "\u{0}").hasPrefix("0\r\n"), "the last chunk is sent")
        #expect(stream.isClosed)
        let next = try HTTPServer(port: server.port) { _ in .text("") }
        await next.stop()
        await next.stop()
    }

    @Test func stopDoesNotWaitForAHandlerThatNeverAnswers() async throws {
        var options = HTTPServer.Options()
        options.stopGracePeriod = .milliseconds(100)
        let stream = ScriptedStream()
        let server = try HTTPServer(options: options) { _ in
            stream.push("called")
            try? await Task.sleep(for: .seconds(3600))
            return .text(Task.isCancelled ? "cancelled" : "")
        }
        let client = try WireClient(port: server.port)
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = await stream.next()
        await server.stop()
        #expect(await client.receive(until: "\u{0}") == "")
    }

    @Test func servesManyStreamsAtOnce() async throws {
        let streams = (0..<200).map { _ in ScriptedStream() }
        let server = try HTTPServer { request in
            guard let index = Int(request.pathSegments.first ?? ""), streams.indices.contains(index) else { return .text("", status: 404) }
            return ServerResponse(status: 200, body: .stream(streams[index]))
        }
        let clients = try streams.indices.map { index in
            let client = try WireClient(port: server.port)
            client.send("GET /\(index) HTTP/1.1\r\nHost: h\r\n\r\n")
            return client
        }
        for round in 0..<3 {
            for (index, stream) in streams.enumerated() { stream.push("<\(index).\(round)>") }
            for (index, client) in clients.enumerated() {
                #expect(await client.receive(until: "<\(index).\(round)>\r\n").hasSuffix("<\(index).\(round)>\r\n"))
            }
        }
        clients.forEach { $0.close() }
        for stream in streams { await stream.waitUntilClosed() }
        await server.stop()
    }

    @Test(arguments: [("127.0.0.1", 70000), ("localhost", 0), ("192.0.2.1", 0)])
    func saysWhyItCannotListen(address: String, port: Int) {
        #expect(throws: HTTPError.self) { _ = try HTTPServer(address: address, port: port) { _ in .text("") } }
    }

    @Test func twoServersCannotShareAPort() async throws {
        let server = try HTTPServer { _ in .text("") }
        do {
            _ = try HTTPServer(port: server.port) { _ in .text("") }
            Issue.record("both listen on port \(server.port)")
        } catch {
            #expect("\(error)" == "cannot listen on 127.0.0.1 port \(server.port): Address already in use; choose another address or port")
        }
        await server.stop()
    }
}
