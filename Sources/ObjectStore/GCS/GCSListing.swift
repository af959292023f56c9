import Base
import HTTP

/// Lists objects page by page; the service's order is that of the names' bytes.
final class GCSListing: ObjectListing {
    private struct State {
        var pageToken: String?
        var isAtEnd = false
    }

    private let service: GCSService
    /// Of the store, within the bucket; empty or with a slash at its end.
    private let root: String
    private let prefix: String
    private let startAfter: String?
    private let target: String
    private let pageSize: Int
    // One caller at a time; the lock is never held while a page is fetched.
    private let state = Lock(State())

    init(service: GCSService, root: String, prefix: String, startAfter: String?, target: String, pageSize: Int) {
        self.service = service
        self.root = root
        self.prefix = prefix
        self.startAfter = startAfter
        self.target = target
        self.pageSize = pageSize
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
        var query = [("prefix", root + prefix), ("maxResults", "\(pageSize)"), ("fields", "nextPageToken,items(name,size,updated)")]
        // Inclusive, other than what is asked for here; left out again below.
        if let startAfter { query.append(("startOffset", root + startAfter)) }
        if let token = state.withLock({ $0.pageToken }) { query.append(("pageToken", token)) }
        var request = service.request("list", "listing", "GET", target: target, path: service.bucket.path(), query: query)
        request.expectedResponseSize = 256 << 10
        let answer: JSONValue
        do {
            let response = try await service.client.send(request)
            do { answer = try JSON.parse(response.body) } catch {
                throw RemoteFailure(operation: request.operation, target: target, cause: .badResponse("\(error)"), attempts: 1, mayHaveActed: false)
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
            guard let entry = GCSEntry(item), entry.name.utf8.starts(with: root.utf8) else {
                throw ObjectStoreError.failed(
                    path: target, operation: "listing", message: "the server listed an object without name, size or time", retryable: true)
            }
            let relative = String(entry.name.utf8.dropFirst(root.utf8.count)) ?? ""
            // Names that are no path (`a//b`, or `a/` as consoles make folders) are no object that anybody could ask for.
            guard let path = try? ObjectPath(relative), startAfter.map({ $0.utf8.lexicographicallyPrecedes(relative.utf8) }) ?? true else { continue }
            infos.append(ObjectInfo(path: path, sizeInBytes: entry.size, modified: entry.modified))
        }
        return infos
    }
}
