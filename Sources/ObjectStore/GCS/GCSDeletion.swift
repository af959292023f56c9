import Base
import HTTP

/// Many objects are deleted 100 in one request, one by one where the service has no batches.
extension GCSService {
    static let largestBatch = 100

    func deleteBatch(_ targets: [BatchDeletion.Target], in session: RetrySession) async throws -> BatchDeletion.Answer {
        let boundary = "batch_\(WriteToken.make(client.random))"
        var text = ""
        for (place, target) in targets.enumerated() {
            text += "--\(boundary)\r\nContent-Type: application/http\r\nContent-ID: <\(place)>\r\n\r\n"
            text += "DELETE \(bucket.path(target.key)) HTTP/1.1\r\n\r\n\r\n"
        }
        text += "--\(boundary)--\r\n"
        var request = request("delete_batch", "deleting", "POST", target: targets[0].name, path: "/batch/storage/v1")
        request.headers["Content-Type"] = "multipart/mixed; boundary=\(boundary)"
        request.body = RemoteBody(Bytes(text))
        let response: RemoteResponse
        do {
            response = try await client.send(request, in: session)
        } catch let failure as RemoteFailure where [400, 404, 405, 501].contains(failure.server?.status) {
            return .unsupported
        }
        return .answers(try BatchDeletion.answers(response, count: targets.count, place: Self.batchPlace, failure: GCSDialect.failure))
    }

    /// Of `<response-7>`.
    private static func batchPlace(_ identifier: String) -> Int? {
        guard let dash = identifier.lastIndex(of: "-") else { return nil }
        return Int(identifier[identifier.index(after: dash)...].prefix { $0 != ">" })
    }
}
