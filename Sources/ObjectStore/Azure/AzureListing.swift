import Base
import HTTP

/// List Blobs, page by page: directory entries left out, in the order that ``ObjectStore`` promises.
final class AzureListing: ObjectListing {
    private struct State {
        var marker: String?
        /// One that knows `startFrom`, where that is wanted; all pages of a listing by the same.
        var version: String?
        var order: ByteOrder?
        var ready: ArraySlice<ObjectInfo> = []
        var isAtEnd = false
    }

    /// The first service version that begins a listing where it is told to.
    private static let startFromVersion = "2026-02-06"
    /// Of what callers get at once.
    private static let portion = 1000

    private let service: AzureService
    private let range: ListedRange
    // One caller at a time; the lock is never held while a page is fetched.
    private let state: Lock<State>

    init(service: AzureService, _ range: ListedRange) {
        self.service = service
        self.range = range
        let wantsStart = range.startAfter != nil && service.knowsStartFrom.withLock { $0 }
        state = Lock(State(version: wantsStart ? Self.startFromVersion : nil))
    }

    func next() async throws -> [ObjectInfo]? {
        try Task.checkCancellation()
        while true {
            let portion = state.withLock { state -> [ObjectInfo]? in
                if state.ready.isEmpty { return state.isAtEnd ? [] : nil }
                defer { state.ready = state.ready.dropFirst(min(Self.portion, range.pageSize)) }
                return Array(state.ready.prefix(min(Self.portion, range.pageSize)))
            }
            if let portion { return portion.isEmpty ? nil : portion }
            try await fetch()
        }
    }

    private func fetch() async throws {
        let (marker, version) = state.withLock { ($0.marker, $0.version) }
        var query = [
            ("restype", "container"), ("comp", "list"), ("prefix", range.root + range.prefix), ("maxresults", "\(range.pageSize)"), ("include", "metadata"),
        ]
        if let marker { query.append(("marker", marker)) } else if let start { query.append(("startFrom", start)) }
        var request = service.request("list", "listing", "GET", "", target: range.target, query: query)
        request.headers["x-ms-version"] = version
        request.answers = [404]
        // Names of a thousand characters, each written as nine, are possible.
        request.maximumResponseSize = 128 << 20
        request.expectedResponseSize = 4 << 20
        do {
            let page = try await page(request)
            state.withLock { take(page, &$0) }
        } catch let failure as RemoteFailure where version != nil && failure.server?.status == 400 && failure.server?.code == "InvalidHeaderValue" {
            // An appliance or cloud of older make: it lists from the prefix's beginning, and what comes too early is left out here.
            service.knowsStartFrom.withLock { $0 = false }
            state.withLock { $0.version = nil }
            try await fetch()
        } catch let failure as RemoteFailure {
            throw failure.storeError
        }
    }

    private func page(_ request: RemoteRequest) async throws -> AzureListPage {
        let response = try await service.client.send(request)
        if response.status == 404 {
            let failure = AzureDialect.failure(status: 404, headers: response.headers, body: response.body)
            // A hierarchical namespace knows that nothing can be below what is a file, and says so in this way.
            guard failure.isAboutContainer else { return AzureListPage() }
            throw RemoteFailure(operation: request.operation, target: range.target, cause: .server(failure), attempts: 1, mayHaveActed: false)
        }
        do { return try AzureListPage(response.body) } catch {
            throw RemoteFailure(operation: request.operation, target: range.target, cause: .badResponse("\(error)"), attempts: 1, mayHaveActed: false)
        }
    }

    /// Where the service may begin: at or before the first name that is wanted, in byte order and in that of a hierarchical namespace, which lists `a/b`
    /// before `a-b`. The first byte that sorts before the slash is where the two part.
    private var start: String? {
        guard let startAfter = range.startAfter else { return nil }
        let safe = String(decoding: startAfter.utf8.prefix { $0 >= UInt8(ascii: "/") }, as: UTF8.self)
        return range.root + safe
    }

    private func take(_ page: AzureListPage, _ state: inout State) {
        state.marker = page.marker
        state.isAtEnd = page.marker == nil
        var infos: [ObjectInfo] = []
        infos.reserveCapacity(page.blobs.count)
        for blob in page.blobs where !blob.isDirectory {
            guard let path = range.path(blob.name) else { continue }
            infos.append(ObjectInfo(path: path, sizeInBytes: blob.size, modified: blob.modified))
        }
        if page.isHierarchical, state.order == nil { state.order = ByteOrder(prefix: range.prefix) }
        if state.order != nil {
            for info in infos { state.order?.add(info) }
            infos = state.order?.take(atEnd: state.isAtEnd) ?? []
        }
        state.ready = infos[...]
    }
}

/// Brings what a hierarchical namespace lists, directory by directory, into the order of the names' bytes.
///
/// The two differ where one name continues another with a byte before the slash: `a/x` comes before `a-b` there, and after it here. What is below a
/// directory is held until a name shows that no such sibling can follow; so memory is bounded by the largest directory tree below the listed one.
struct ByteOrder {
    private var held: [ObjectInfo] = []
    /// Of what is held, with its slash: a child of the listed directory.
    private var directory: String?
    private var ready: [ObjectInfo] = []
    /// The listed directory's name with its slash, in bytes.
    private let baseLength: Int

    /// - Parameter prefix: of all names.
    init(prefix: String) { baseLength = prefix.utf8.lastIndex(of: UInt8(ascii: "/")).map { prefix.utf8.distance(from: prefix.startIndex, to: $0) + 1 } ?? 0 }

    mutating func add(_ info: ObjectInfo) {
        let name = info.path.string
        if let directory, !(name.utf8.starts(with: directory.utf8) || isSibling(name, of: directory)) { release() }
        if directory == nil {
            guard let slash = name.utf8.dropFirst(baseLength).firstIndex(of: UInt8(ascii: "/")) else {
                ready.append(info)
                return
            }
            directory = String(name[...slash])
        }
        held.append(info)
    }

    /// What is in order by now.
    mutating func take(atEnd: Bool) -> [ObjectInfo] {
        if atEnd { release() }
        defer { ready = [] }
        return ready
    }

    /// `a-b` and `a-b/c` of `a/`.
    private func isSibling(_ name: String, of directory: String) -> Bool {
        let stem = directory.utf8.dropLast()
        return name.utf8.starts(with: stem) && (name.utf8.dropFirst(stem.count).first ?? 0xFF) < UInt8(ascii: "/")
    }

    private mutating func release() {
        ready += held.sorted { $0.path < $1.path }
        held = []
        directory = nil
    }
}
