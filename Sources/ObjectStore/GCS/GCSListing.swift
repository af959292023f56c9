import Base
import HTTP

/// Lists objects page by page; the service's order is that of the names' bytes.
final class GCSListing: ObjectListing {
    private struct State {
        var pageToken: String?
        var isAtEnd = false
    }

    private let service: GCSService
    private let range: ListedRange
    // One caller at a time; the lock is never held while a page is fetched.
    private let state = Lock(State())

    init(service: GCSService, _ range: ListedRange) {
        self.service = service
        self.range = range
    }

    func next() async throws -> [ObjectInfo]? {
        try Task.checkCancellation()
        while !state.withLock({ $0.isAtEnd }) {
            let infos = try await page()
            if !infos.isEmpty { return infos }
        }
        return nil
    }

    private func page() async throws -> [ObjectInfo] {
        var query = [("prefix", range.root + range.prefix), ("maxResults", "\(range.pageSize)"), ("fields", "nextPageToken,items(name,size,updated)")]
        // Inclusive, other than what is asked for here; left out again below.
        if let startAfter = range.startAfter { query.append(("startOffset", range.root + startAfter)) }
        if let token = state.withLock({ $0.pageToken }) { query.append(("pageToken", token)) }
        var request = service.request("list", "listing", "GET", target: range.target, path: service.bucket.path(), query: query)
        request.expectedResponseSize = 256 << 10
        let answer: JSONValue
        do {
            let response = try await service.client.send(request)
            do { answer = try JSON.parse(response.body) } catch {
                throw RemoteFailure(operation: request.operation, target: range.target, cause: .badResponse("\(error)"), attempts: 1, mayHaveActed: false)
            }
        } catch let failure as RemoteFailure {
            throw failure.storeError
        }
        state.withLock {
            $0.pageToken = answer["nextPageToken"]?.stringValue
            $0.isAtEnd = $0.pageToken == nil
        }
        return try infos(answer["items"]?.arrayValue ?? [])
    }

    private func infos(_ items: [JSONValue]) throws -> [ObjectInfo] {
        var infos: [ObjectInfo] = []
        infos.reserveCapacity(items.count)
        for item in items {
            guard let entry = GCSEntry(item) else {
                throw ObjectStoreError.failed(
                    path: range.target, operation: "listing", message: "the server listed an object without name, size or time", retryable: true)
            }
            guard let path = range.path(entry.name) else { continue }
            infos.append(ObjectInfo(path: path, sizeInBytes: entry.size, modified: entry.modified))
        }
        return infos
    }
}
