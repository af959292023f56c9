import Base
import HTTP

/// An object that is written in pieces: a resumable upload, whose pieces come one after the other and can be sent again from where the service has got to.
struct GCSUploadTarget: MultipartTarget {
    let service: GCSService
    let key: String
    let name: String

    var rules: MultipartRules {
        var rules = MultipartRules(partSize: service.partSize)
        rules.parallelParts = 1
        rules.maximumParts = 1_000_000
        rules.largestPart = 64 << 20
        return rules
    }

    func putWhole(_ bytes: Bytes) async throws {
        try await reportingStoreErrors { try await service.putIfAbsent(key, bytes, target: name) }
    }

    func begin() async throws -> any MultipartUpload {
        let token = WriteToken.make(service.client.random)
        let query = [("uploadType", "resumable"), ("ifGenerationMatch", "0"), ("fields", "generation")]
        var request = service.request("begin_upload", "writing", "POST", target: name, path: "/upload\(service.bucket.path())", query: query)
        request.headers["Content-Type"] = "application/json; charset=UTF-8"
        request.body = RemoteBody(JSON.encodeBytes(service.resource(key, token: token)))
        request.answers = [412]
        let sent = request
        let response = try await reportingStoreErrors { try await service.client.send(sent) }
        // An object is there already. It would turn the end of the upload down as well; only, nothing has been sent yet.
        guard response.status != 412 else { throw ObjectStoreError.alreadyExists(path: name) }
        guard let address = response.headers["Location"], let session = Self.session(address, of: service.bucket) else {
            throw ObjectStoreError.failed(path: name, operation: "writing", message: "the server began an upload and gave no address for it", retryable: true)
        }
        return GCSUpload(service: service, key: key, name: name, token: token, session: session)
    }

    /// The upload's address, on the host that we trust: only its path and its id are taken from what the server says.
    private static func session(_ address: String, of bucket: GCSBucket) -> RemoteURL? {
        guard let question = address.firstIndex(of: "?"), let base = RemoteURL(base: String(address[..<question])), base.path.hasPrefix("/") else { return nil }
        var url = bucket.endpoint
        url.path = base.path
        for pair in address[address.index(after: question)...].split(separator: "&") {
            let equals = pair.firstIndex(of: "=") ?? pair.endIndex
            let value = equals == pair.endIndex ? "" : String(pair[pair.index(after: equals)...])
            url.query.append(RemoteURL.QueryItem(name: PercentEncoding.decode(String(pair[..<equals])), value: PercentEncoding.decode(value)))
        }
        return url["upload_id"] == nil ? nil : url
    }
}

private struct GCSUpload: MultipartUpload {
    let service: GCSService
    let key: String
    let name: String
    let token: String
    /// Whoever has it can go on with the upload: it is in no message.
    let session: RemoteURL

    func upload(_ part: MultipartPart) async throws -> String {
        try await reportingStoreErrors {
            let end = part.offset + Int64(part.size)
            let retries = service.client.session()
            var position = part.offset
            while true {
                // The service may keep only the beginning of what it was sent, and after a broken connection it alone knows how much.
                let answer: RemoteResponse
                do {
                    answer = try await send(part, from: position, in: retries)
                } catch let failure as RemoteFailure where failure.server?.status == 404 || failure.server?.status == 410 {
                    // Not the object is gone, but the upload.
                    throw ObjectStoreError.failed(
                        path: name, operation: "writing", message: "the service has dropped the upload (\(failure.summary)); write the object anew",
                        retryable: true)
                } catch let failure as RemoteFailure where failure.isTransient {
                    try await retries.waitForNextAttempt(after: failure)
                    answer = try await status(size: part.isLast ? end : nil, in: retries)
                }
                switch answer.status {
                case 308:
                    let received = Self.received(answer)
                    guard received >= part.offset, received <= end else {
                        throw incomplete("the server has \(received) bytes of an upload that is at \(part.offset)")
                    }
                    if received == end, !part.isLast { return "" }
                    if received <= position {
                        try await retries.waitForNextAttempt(after: incomplete("the server did not take what it was sent"))
                    }
                    position = received
                case 412:
                    // Of an earlier attempt's success, the answer to which was lost, the service may say this too.
                    guard case .ours = try await service.owner(key, token: token, target: name) else { throw ObjectStoreError.alreadyExists(path: name) }
                    return ""
                default:
                    guard part.isLast else { throw incomplete("the server ended an upload that was not complete") }
                    return ""
                }
            }
        }
    }

    /// The last piece makes the object visible.
    func complete(_ receipts: [String], size: Int64) async throws {}

    func abort() async {
        var request = request("DELETE", verb: "abort_upload")
        // How the service says that it is done.
        request.answers = [499, 404, 410]
        _ = try? await service.client.send(request)
    }

    private func request(_ method: String, verb: String) -> RemoteRequest {
        RemoteRequest(verb: verb, operation: "writing", target: name, method: method, url: session)
    }

    private func send(_ part: MultipartPart, from position: Int64, in retries: RetrySession) async throws -> RemoteResponse {
        var request = request("PUT", verb: "put_part")
        let rest = RemoteBody(part.pieces).dropFirst(Int(position - part.offset))
        let end = part.offset + Int64(part.size)
        request.headers["Content-Range"] =
            rest.count == 0 ? "bytes */\(part.isLast ? "\(end)" : "*")" : "bytes \(position)-\(end - 1)/\(part.isLast ? "\(end)" : "*")"
        request.headers["Content-Type"] = "application/octet-stream"
        request.body = rest
        // How much of it has come is asked before anything is sent again.
        request.replay = .onlyIfNotActedUpon
        request.answers = [308, 412]
        return try await service.client.send(request, in: retries)
    }

    /// How far the upload has got, or that it is done.
    private func status(size: Int64?, in retries: RetrySession) async throws -> RemoteResponse {
        var request = request("PUT", verb: "upload_status")
        request.headers["Content-Range"] = "bytes */\(size.map { "\($0)" } ?? "*")"
        request.answers = [308, 412]
        return try await service.client.send(request, in: retries)
    }

    /// Of `Range: bytes=0-42`; absent where nothing has come.
    private static func received(_ answer: RemoteResponse) -> Int64 {
        guard let range = answer.headers["Range"], let dash = range.lastIndex(of: "-"), let last = Int64(range[range.index(after: dash)...]), last < .max
        else { return 0 }
        return last + 1
    }

    private func incomplete(_ reason: String) -> RemoteFailure {
        RemoteFailure(operation: "writing", target: name, cause: .badResponse(reason), attempts: 1, mayHaveActed: true)
    }
}
