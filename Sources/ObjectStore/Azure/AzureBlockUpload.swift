import Base
import HTTP

/// A blob that is written in blocks: each is uploaded on its own, and the list of them at the end makes the blob.
struct AzureBlockTarget: MultipartTarget {
    let service: AzureService
    let key: String
    let name: String

    var rules: MultipartRules {
        var rules = MultipartRules(partSize: service.partSize)
        rules.maximumParts = 50_000
        return rules
    }

    func putWhole(_ bytes: Bytes) async throws {
        try await reportingStoreErrors { try await service.putIfAbsent(key, bytes, target: name) }
    }

    /// Costs nothing: blocks are known by the blob's name alone.
    func begin() async throws -> any MultipartUpload { AzureBlockUpload(service: service, key: key, name: name, id: service.client.random.next()) }
}

/// Blocks that no list has named yet are nobody's to see. The service has no way to remove them: it drops them a week after the last one came.
private struct AzureBlockUpload: MultipartUpload {
    let service: AzureService
    let key: String
    let name: String
    /// Sets these blocks apart from those of another writer of the same name.
    let id: UInt64

    func upload(_ part: MultipartPart) async throws -> String {
        let digits = String(part.number)
        // Ids of one blob's blocks have to be of one length.
        let block = Base64.encode(Array("\(id.hexadecimal)-\(String(repeating: "0", count: 6 - digits.utf8.count))\(digits)".utf8))
        var request = service.request("put_block", "writing", "PUT", key, target: name, query: [("comp", "block"), ("blockid", block)])
        request.headers["Content-Type"] = "application/octet-stream"
        request.body = RemoteBody(part.pieces)
        let sent = request
        return try await reportingStoreErrors {
            _ = try await service.client.send(sent)
            return block
        }
    }

    func complete(_ receipts: [String], size: Int64) async throws {
        var request = service.request("put_block_list", "writing", "PUT", key, target: name, query: [("comp", "blocklist")])
        request.headers["Content-Type"] = "application/xml"
        request.headers["x-ms-blob-content-type"] = "application/octet-stream"
        let blocks = receipts.map { "<Uncommitted>\($0)</Uncommitted>" }.joined()
        request.body = RemoteBody(Bytes("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\(blocks)</BlockList>"))
        let sent = request
        try await reportingStoreErrors { try await service.conditionally(sent, key) }
    }

    func abort() async {}
}

extension UInt64 {
    /// Sixteen digits.
    fileprivate var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
