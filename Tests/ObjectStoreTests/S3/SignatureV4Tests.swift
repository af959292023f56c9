import Base
import Foundation
import HTTP
import Testing

@testable import ObjectStore

@Suite struct SignatureV4Tests {
    /// What AWS' documentation shows ("Authenticating Requests", examples of S3): GET with a range, PUT, list; and the chunked upload.
    static let credentials = AWSCredentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", sessionToken: nil, expires: nil)

    static func signature() throws -> SignatureV4 {
        let time = try #require(Timestamp(rfc3339: "2013-05-24T00:00:00Z"))
        return SignatureV4(credentials: credentials, region: "us-east-1", service: "s3", time: time)
    }

    static func request(_ method: String, _ path: String, _ query: [(String, String)] = []) -> RemoteRequest {
        let url = RemoteURL(scheme: "https", authority: "examplebucket.s3.amazonaws.com", path: path).adding(query)
        return RemoteRequest(verb: "", operation: "", target: "", method: method, url: url)
    }

    @Test func signaturesAreThoseOfTheDocumentation() throws {
        let signature = try Self.signature()
        var get = Self.request("GET", "/test.txt")
        get.headers["Range"] = "bytes=0-9"
        #expect(signature.sign(&get, payload: SignatureV4.emptyPayload) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        var list = Self.request("GET", "/", [("max-keys", "2"), ("prefix", "J")])
        #expect(signature.sign(&list, payload: SignatureV4.emptyPayload) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func botocoreSignsRandomRequestsTheSame() throws {
        guard FileManager.default.isExecutableFile(atPath: S3TestServer.python) else { return print("skipped: \(S3TestServer.python) is not there") }
        let seed = ProcessInfo.processInfo.environment["LEVEE_SEED"] ?? "20261121"
        let process = Process()
        process.executableURL = URL(filePath: S3TestServer.python)
        process.arguments = ["\(S3TestServer.repository)/Tests/Interop/sigv4_vectors.py", seed, "2000"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let lines = output.fileHandleForReading.readDataToEndOfFile().split(separator: 10)
        process.waitUntilExit()
        #expect(lines.count == 2000)
        for line in lines {
            let vector = try JSON.parse(Bytes(Array(line)))
            func text(_ name: String) -> String { vector[name]?.stringValue ?? "" }
            let signature = SignatureV4(
                credentials: AWSCredentials(
                    accessKeyID: text("accessKeyID"), secretAccessKey: text("secretAccessKey"), sessionToken: vector["sessionToken"]?.stringValue, expires: nil),
                region: text("region"), service: text("service"), time: try #require(Timestamp(rfc3339: text("time"))))
            let query = vector["query"]?.arrayValue?.map { ($0[0]?.stringValue ?? "", $0[1]?.stringValue ?? "") } ?? []
            let url = RemoteURL(scheme: "http", authority: text("authority"), path: S3Key.encoded(text("path"))).adding(query)
            #expect(url.string == text("url"))
            var request = RemoteRequest(verb: "", operation: "", target: "", method: text("method"), url: url)
            for header in vector["headers"]?.arrayValue ?? [] {
                request.headers.append(name: header[0]?.stringValue ?? "", value: header[1]?.stringValue ?? "")
            }
            signature.sign(&request, payload: text("payload"))
            #expect(request.headers["Authorization"] == text("authorization"), "seed \(seed): \(String(decoding: line, as: UTF8.self))")
        }
    }

    @Test func chunksAreSignedAsTheDocumentationShows() throws {
        // 66,560 bytes of `a` in chunks of 64 KiB.
        let signature = try Self.signature()
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
        let first = signature.chunkSignature(previous: seed, chunk: Bytes(String(repeating: "a", count: 65536)))
        #expect(first == "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648")
        let second = signature.chunkSignature(previous: first, chunk: Bytes(String(repeating: "a", count: 1024)))
        #expect(second == "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
        #expect(signature.chunkSignature(previous: second, chunk: .empty) == "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
    }

    @Test(arguments: [0, 1, 262_143, 262_144, 262_145, 524_288, 1_000_000])
    func framedBodiesAreAsLongAsTheySay(count: Int) async throws {
        let content = Bytes((0..<count).map { UInt8(truncatingIfNeeded: $0) })
        let framing = ChunkedPayload.framing(
            [content.prefix(count / 3), content.dropFirst(count / 3)], count: count, signature: try Self.signature(), seed: "")
        let stream = framing.makeStream()
        var framed: [UInt8] = []
        while let piece = try await stream.next() { framed += piece.array }
        #expect(Int64(framed.count) == framing.length)
        var payload: [UInt8] = []
        var rest = framed[...]
        while let end = rest.firstIndex(of: 13) {
            let size = Int(String(decoding: rest[..<end], as: UTF8.self).prefix { $0 != ";" }, radix: 16) ?? 0
            payload += rest[(end + 2)..<(end + 2 + size)]
            rest = rest[(end + 4 + size)...]
        }
        #expect(Bytes(payload) == content)
    }
}
