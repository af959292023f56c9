import Base
import HTTP

extension GCSService {
    /// Rewrites an object to another name, of another bucket too: the service copies, in as many requests as it wants.
    func copy(_ source: String, of other: GCSService, sizeInBytes: Int64, to key: String, target: String) async throws -> Bool {
        guard other.bucket.endpoint == bucket.endpoint, !refusesCopies.withLock({ $0 }) else { return false }
        let token = WriteToken.make(client.random)
        let path = "\(other.bucket.path(source))/rewriteTo\(bucket.path(key).dropFirst("/storage/v1".count))"
        var rewriteToken: String?
        while true {
            var query = [("ifGenerationMatch", "0"), ("fields", "done,rewriteToken")]
            if let rewriteToken { query.append(("rewriteToken", rewriteToken)) }
            var request = request("copy", "copying", "POST", target: target, path: path, query: query)
            request.headers["Content-Type"] = "application/json; charset=UTF-8"
            request.body = RemoteBody(Bytes(JSON.encode(resource(key, token: token))))
            // 412: something is there; it may be the work of an attempt whose answer was lost.
            request.answers = [412]
            let response: RemoteResponse
            do {
                response = try await client.send(request)
            } catch let failure as RemoteFailure {
                switch failure.server?.status {
                case 404: return false
                case 400, 401, 403, 405, 501:
                    refusesCopies.withLock { $0 = true }
                    return false
                default: throw failure
                }
            }
            if response.status == 412 {
                guard try await owner(key, token: token, target: target) == .ours else { throw ObjectStoreError.alreadyExists(path: target) }
                return true
            }
            let answer = try? JSON.parse(response.body)
            if answer?["done"]?.boolValue == true { return true }
            guard let next = answer?["rewriteToken"]?.stringValue, !next.isEmpty else {
                throw RemoteFailure(
                    operation: request.operation, target: target, cause: .badResponse("it says neither that the copy is done nor how to go on"), attempts: 1,
                    mayHaveActed: true)
            }
            rewriteToken = next
        }
    }
}
