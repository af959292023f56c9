import Base
import HTTP

/// Deletes many objects: by batches of 100 in one request each, one by one where the service has no batches.
struct GCSDeletion: Sendable {
    typealias Target = BatchDeletion.Target

    /// The service's limit.
    static let batchLimit = 100

    let service: GCSService

    /// Those that could not be deleted, in order.
    func run(_ targets: [Target]) async throws -> [BatchDeletion.Failure] {
        let batches = BatchDeletion(
            client: service.client, limit: Self.batchLimit, isSupported: service.usesBatches,
            batch: { targets, session in try await batch(targets, session) }, single: { try await service.delete($0.key, target: $0.name) })
        return try await batches.run(targets)
    }

    private func batch(_ targets: [Target], _ session: RetrySession) async throws -> BatchDeletion.Answer {
        let boundary = "batch_\(WriteToken.make(service.client.random))"
        var text = ""
        for (place, target) in targets.enumerated() {
            text += "--\(boundary)\r\nContent-Type: application/http\r\nContent-ID: <\(place)>\r\n\r\n"
            text += "DELETE \(service.bucket.path(target.key)) HTTP/1.1\r\n\r\n\r\n"
        }
        text += "--\(boundary)--\r\n"
        var request = service.request("delete_batch", "deleting", "POST", target: targets[0].name, path: "/batch/storage/v1")
        request.headers["Content-Type"] = "multipart/mixed; boundary=\(boundary)"
        request.body = RemoteBody(Bytes(text))
        let response: RemoteResponse
        do {
            response = try await service.client.send(request, in: session)
        } catch let failure as RemoteFailure where [400, 404, 405, 501].contains(failure.server?.status) {
            return .unsupported
        }
        return .answers(try BatchDeletion.answers(response, count: targets.count, place: Self.place, failure: GCSDialect.failure))
    }

    /// Of `<response-7>`.
    private static func place(_ identifier: String) -> Int? {
        guard let dash = identifier.lastIndex(of: "-") else { return nil }
        return Int(identifier[identifier.index(after: dash)...].prefix { $0 != ">" })
    }
}
