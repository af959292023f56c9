import Base
import Glibc
import HTTP

/// As much of S3 as the benchmark's clients ask for, fast enough not to be what is measured. Signatures are not looked at.
enum LoopbackS3 {
    private struct State {
        var objects: Set<String> = []
        var uploads = 0
    }

    static func serve() async throws {
        let state = Lock(State())
        let content = Bytes((0..<Int(StoreBench.objectSize)).map { UInt8(truncatingIfNeeded: $0 >> 3) })
        let pages = ListedKeys()
        var options = HTTPServer.Options()
        options.maximumBodySize = 128 << 20
        let server = try HTTPServer(options: options) { request in
            switch request.method {
            case "GET" where request.parameter("list-type") != nil: return pages.answer(request)
            case "GET": return range(of: content, request)
            case "HEAD":
                guard state.withLock({ $0.objects.contains(request.path) }) else { return ServerResponse(status: 404) }
                return ServerResponse(status: 200, headers: ["ETag": "\"e\""])
            case "POST" where request.query.contains { $0.name == "uploads" }:
                let id = state.withLock { state -> Int in
                    state.uploads += 1
                    return state.uploads
                }
                return .text("<InitiateMultipartUploadResult><UploadId>\(id)</UploadId></InitiateMultipartUploadResult>", contentType: "application/xml")
            case "POST":
                state.withLock { _ = $0.objects.insert(request.path) }
                return .text("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>", contentType: "application/xml")
            case "PUT":
                if request.parameter("partNumber") == nil {
                    let isNew = state.withLock { $0.objects.insert(request.path).inserted }
                    if !isNew, request.headers["If-None-Match"] == "*" { return ServerResponse(status: 412) }
                }
                return ServerResponse(status: 200, headers: ["ETag": "\"e\""])
            default: return ServerResponse(status: 204)
            }
        }
        print("http://127.0.0.1:\(server.port)")
        fflush(nil)
        while getchar() != EOF {}
        await server.stop()
    }

    private static func range(of content: Bytes, _ request: ServerRequest) -> ServerResponse {
        guard let header = request.headers["Range"], let dash = header.firstIndex(of: "-"), let start = Int(header[..<dash].dropFirst(6)) else {
            return ServerResponse(status: 200, headers: ["ETag": "\"e\""], body: .bytes(content))
        }
        let end = min((Int(header[header.index(after: dash)...]) ?? content.count - 1) + 1, content.count)
        guard start < end, let bytes = content.slice(start..<end) else { return ServerResponse(status: 416) }
        return ServerResponse(status: 206, headers: ["ETag": "\"e\"", "Content-Range": "bytes \(start)-\(end - 1)/\(content.count)"], body: .bytes(bytes))
    }
}

/// A hundred directories of a thousand keys, listed in pages, prepared: what is measured is the client.
private struct ListedKeys: Sendable {
    private let keys: [String]

    init() {
        keys = (0..<100).flatMap { directory in
            (0..<1000).map { "listed/day=\(1000 + directory)/part-\(100_000 + $0)-0123456789abcdef0123456789abcdef.snappy.parquet" }
        }
    }

    func answer(_ request: ServerRequest) -> ServerResponse {
        let prefix = request.parameter("prefix") ?? ""
        let after = request.parameter("continuation-token") ?? request.parameter("start-after") ?? ""
        let delimited = request.parameter("delimiter") != nil
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>lake</Name>"
        var count = 0
        var last = ""
        var index = lowerBound(max(prefix, after))
        while index < keys.count, count < 1000 {
            let key = keys[index]
            index += 1
            guard key.utf8.starts(with: prefix.utf8) else { break }
            if key <= after { continue }
            count += 1
            last = key
            if delimited, let slash = key.utf8.dropFirst(prefix.utf8.count).firstIndex(of: UInt8(ascii: "/")) {
                let directory = String(key.utf8[...slash]) ?? key
                text += "<CommonPrefixes><Prefix>\(directory)</Prefix></CommonPrefixes>"
                last = directory + "\u{10FFFF}"
                index = lowerBound(last)
            } else {
                text +=
                    "<Contents><Key>\(key)</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag>"
                text += "<Size>1048576</Size><StorageClass>STANDARD</StorageClass></Contents>"
            }
        }
        let more = count == 1000 && index < keys.count && keys[index].utf8.starts(with: prefix.utf8)
        text += "<KeyCount>\(count)</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>\(more)</IsTruncated>"
        if more { text += "<NextContinuationToken>\(last)</NextContinuationToken>" }
        return .text(text + "</ListBucketResult>", contentType: "application/xml")
    }

    private func lowerBound(_ key: String) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
