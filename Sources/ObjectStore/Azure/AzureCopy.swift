import Base
import HTTP

extension AzureService {
    /// Copy Blob within one account, which needs no other right than the account's own. Between accounts the service would need a signature that somebody gave
    /// out for the source.
    func copy(_ source: String, of other: AzureService, sizeInBytes: Int64, to key: String, target: String) async throws -> Bool {
        guard other.container.account == container.account, other.container.endpoint == container.endpoint, !refusesCopies.withLock({ $0 }) else {
            return false
        }
        var request = request("copy", "copying", "PUT", key, target: target)
        // The signature, where that is the credential, has to go for the source as well.
        request.headers["x-ms-copy-source"] = other.container.url(source).adding(try await signer.signature()).string
        do {
            try await conditionally(request, key)
        } catch let failure as RemoteFailure {
            switch failure.server?.status {
            // The source; what is gone is told better by who reads it.
            case 404: return false
            case 400, 401, 403, 405, 501:
                refusesCopies.withLock { $0 = true }
                return false
            default: throw failure
            }
        }
        do {
            try await waitForCopy(key, target: target)
        } catch {
            await Task { await self.giveUpCopy(key, target: target) }.value
            throw error
        }
        return true
    }

    /// Within an account a copy is mostly done when it is answered; the service may take its time all the same.
    private func waitForCopy(_ key: String, target: String) async throws {
        var wait = Duration.milliseconds(50)
        while true {
            let headers = try await look(key, target: target).headers
            switch headers["x-ms-copy-status"] {
            case nil, "success": return
            case "pending":
                try await client.clock.sleep(for: wait)
                wait = min(wait * 2, .seconds(5))
            case let status?:
                throw ObjectStoreError.failed(
                    path: target, operation: "copying",
                    message: "the service says \(status.shownShort(40)): \((headers["x-ms-copy-status-description"] ?? "no reason").shownShort(200))",
                    retryable: true)
            }
        }
    }

    /// A blob that is being copied to cannot be removed before.
    private func giveUpCopy(_ key: String, target: String) async {
        guard let headers = try? await look(key, target: target).headers, headers["x-ms-copy-status"] == "pending", let id = headers["x-ms-copy-id"] else {
            return
        }
        var request = request("abort-copy", "copying", "PUT", key, target: target, query: [("comp", "copy"), ("copyid", id)])
        request.headers["x-ms-copy-action"] = "abort"
        _ = try? await client.send(request)
    }
}

extension AzureSigner {
    /// The parameters of a shared access signature, where that is what lets requests in.
    fileprivate func signature() async throws -> [(String, String)] {
        guard case let .signature(items, _) = try await credential() else { return [] }
        return items.map { ($0.name, $0.value) }
    }
}
