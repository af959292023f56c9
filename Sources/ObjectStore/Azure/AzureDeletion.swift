import Base
import HTTP

/// Many blobs are deleted 256 in one request, one by one where the service has no batches (OneLake, old appliances, a SAS without the right).
extension AzureService {
    static let largestBatch = 256

    func deleteBatch(_ targets: [BatchDeletion.Target], in session: RetrySession) async throws -> BatchDeletion.Answer {
        let request = try await batchRequest(targets)
        let response: RemoteResponse
        do {
            response = try await client.send(request, in: session)
        } catch let failure as RemoteFailure where Self.meansNoBatches(failure) {
            return .unsupported
        }
        return .answers(try BatchDeletion.answers(response, count: targets.count, place: { Int($0) }, failure: AzureDialect.failure))
    }

    private static func meansNoBatches(_ failure: RemoteFailure) -> Bool {
        guard let server = failure.server else { return false }
        switch server.status {
        case 400, 405, 501: return true
        // A SAS may let single blobs go and not have the right to a batch.
        case 403: return server.kind == .final
        default: return false
        }
    }

    private func batchRequest(_ targets: [BatchDeletion.Target]) async throws -> RemoteRequest {
        let boundary = "batch_\(WriteToken.make(client.random))"
        var text = ""
        for (place, target) in targets.enumerated() {
            var part = request("delete", "deleting", "DELETE", target.key, target: target.name)
            // Each part is signed by itself.
            do {
                try await signer.signPart(&part, at: client.clock.now())
            } catch let error as CredentialsError {
                throw RemoteFailure(
                    operation: "deleting", target: target.name, cause: .credentials(error.message, retryable: error.isRetryable), attempts: 1,
                    mayHaveActed: false)
            }
            let query = PercentEncoding.query(part.url.query.map { (name: $0.name, value: $0.value) })
            text += "--\(boundary)\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: \(place)\r\n\r\n"
            text += "DELETE \(part.url.path)\(query.isEmpty ? "" : "?\(query)") HTTP/1.1\r\n"
            for field in part.headers { text += "\(field.name): \(field.value)\r\n" }
            text += "Content-Length: 0\r\n\r\n"
        }
        text += "--\(boundary)--\r\n"
        var request = request("delete_batch", "deleting", "POST", "", target: targets[0].name, query: [("restype", "container"), ("comp", "batch")])
        request.headers["Content-Type"] = "multipart/mixed; boundary=\(boundary)"
        request.body = RemoteBody(Bytes(text))
        return request
    }
}
