import Base
import HTTP

/// Objects of a prefix in order, page by page.
///
/// A listing of many pages is split at its directories: those ahead are asked for while the ones before are read, so that a table of many partitions is
/// not listed one answer after the other. Few pages wait in memory, however long the listing.
final class S3Listing: ObjectListing {
    private let listing: ListingPages

    init(pages: S3Pages, prefix: String, startAfter: String?) {
        listing = ListingPages(pages, prefix: pages.root + prefix, startAfter: startAfter.flatMap { $0.isEmpty ? nil : pages.root + $0 })
    }

    func next() async throws -> [ObjectInfo]? { try await listing.next() }
}

/// One page of a listing.
struct S3Page: Sendable {
    var objects: [ObjectInfo] = []
    /// Where objects were left out for lying in a directory: those, each ending with the delimiter.
    var prefixes: [String] = []
    /// The last key or prefix the server named, whether or not it can be an object of ours: where the next page starts.
    var last: String?
    var isTruncated = false
    var token: String?
}

/// Asks for pages.
struct S3Pages: Sendable {
    let bucket: S3Bucket
    /// What comes before a path in its key.
    let root: String
    /// Keys a page.
    var size = 1000

    func page(prefix: String, startAfter: String?, token: String?, delimited: Bool) async throws -> S3Page {
        var query = [("list-type", "2"), ("prefix", prefix)]
        if size != 1000 { query.append(("max-keys", "\(size)")) }
        if delimited { query.append(("delimiter", "/")) }
        if let token {
            query.append(("continuation-token", token))
        } else if let startAfter, !startAfter.utf8.lexicographicallyPrecedes(prefix.utf8) {
            query.append(("start-after", startAfter))
        }
        var request = bucket.request("list", "listing", "GET", key: "", query: query)
        request.target = bucket.shown(prefix)
        // A thousand keys of a kilobyte, escaped.
        request.maximumResponseSize = 32 << 20
        request.expectedResponseSize = 512 << 10
        let response = try await bucket.send(request)
        do throws(XMLError) {
            return try page(in: response.body)
        } catch {
            throw ObjectStoreError.failed(path: request.target, operation: "listing", message: "\(error)", retryable: true)
        }
    }

    func page(in body: Bytes) throws(XMLError) -> S3Page {
        var reader = XMLReader(body)
        var page = S3Page()
        _ = try reader.root()
        try reader.forEachChild { (reader, name) throws(XMLError) in
            switch name {
            case "Contents": try object(&reader, &page)
            case "CommonPrefixes":
                try reader.forEachChild { (reader, name) throws(XMLError) in
                    guard name == "Prefix" else { return try reader.skipElement() }
                    let prefix = try reader.textOfElement()
                    page.prefixes.append(prefix)
                    page.last = later(page.last, prefix)
                }
            case "IsTruncated": page.isTruncated = try reader.textOfElement() == "true"
            case "NextContinuationToken": page.token = try reader.textOfElement()
            default: try reader.skipElement()
            }
        }
        return page
    }

    private func later(_ one: String?, _ other: String) -> String {
        guard let one else { return other }
        return one.utf8.lexicographicallyPrecedes(other.utf8) ? other : one
    }

    private func object(_ reader: inout XMLReader, _ page: inout S3Page) throws(XMLError) {
        var key = ""
        var size: Int64?
        var modified: Timestamp?
        try reader.forEachChild { (reader, name) throws(XMLError) in
            switch name {
            case "Key": key = try reader.textOfElement()
            case "Size": size = Int64(try reader.textOfElement())
            case "LastModified": modified = Timestamp(rfc3339: try reader.textOfElement())
            default: try reader.skipElement()
            }
        }
        page.last = later(page.last, key)
        // Markers of directories (`a/`), and keys that no path can name, are nobody's objects here.
        guard let size, let modified, key.utf8.starts(with: root.utf8), let path = try? ObjectPath(String(Substring(key.utf8.dropFirst(root.utf8.count))))
        else { return }
        page.objects.append(ObjectInfo(path: path, sizeInBytes: size, modified: modified))
    }
}

/// Pulls a listing's pages in order.
private actor ListingPages {
    private static let parallel = 8
    /// A listing is split where a page holds so few directories: where they hold little, asking for each would be slower than page after page.
    private static let directoriesPerPage = 5
    /// Sorts behind everything in a directory.
    private static let lastCharacter = "\u{10FFFF}"

    /// A part of the listing that is still to come.
    private enum Segment {
        case objects([ObjectInfo])
        /// A directory from its start; its first page may be on its way.
        case directory(String, first: Task<S3Page, any Error>?)
        /// What follows a key, or a page.
        case rest(prefix: String, startAfter: String?, token: String?)
        /// The same, by directory. `done`: the one that has been taken care of.
        case directories(prefix: String, startAfter: String?, token: String?, done: String?)
    }

    private let pages: S3Pages
    /// In order, the next one last.
    private var segments: [Segment]

    init(_ pages: S3Pages, prefix: String, startAfter: String?) {
        self.pages = pages
        segments = [.rest(prefix: prefix, startAfter: startAfter, token: nil)]
    }

    deinit {
        for case let .directory(_, task?) in segments { task.cancel() }
    }

    func next() async throws -> [ObjectInfo]? {
        try Task.checkCancellation()
        while let segment = segments.popLast() {
            switch segment {
            case let .objects(objects): return objects
            case let .directory(name, task):
                let page = try await value(of: task ?? first(name))
                try follow(page, prefix: name, maySplit: true)
                readAhead()
                if !page.objects.isEmpty { return page.objects }
            case let .rest(prefix, startAfter, token):
                let page = try await pages.page(prefix: prefix, startAfter: startAfter, token: token, delimited: false)
                try follow(page, prefix: prefix, maySplit: token == nil)
                if !page.objects.isEmpty { return page.objects }
            case let .directories(prefix, startAfter, token, done):
                let page = try await pages.page(prefix: prefix, startAfter: startAfter, token: token, delimited: true)
                if page.isTruncated {
                    let last = try place(behind: page, prefix)
                    segments.append(.directories(prefix: prefix, startAfter: last, token: page.token, done: done))
                }
                merge(page, without: done)
                readAhead()
            }
        }
        return nil
    }

    /// What comes behind a page of whole keys.
    private func follow(_ page: S3Page, prefix: String, maySplit: Bool) throws {
        guard page.isTruncated else { return }
        let last = try place(behind: page, prefix)
        guard maySplit, isWorthSplitting(page, prefix) else {
            segments.append(.rest(prefix: prefix, startAfter: last, token: page.token))
            return
        }
        guard let directory = Self.directory(of: last, below: prefix) else {
            segments.append(.directories(prefix: prefix, startAfter: last, token: nil, done: nil))
            return
        }
        segments.append(.directories(prefix: prefix, startAfter: directory + Self.lastCharacter, token: nil, done: directory))
        segments.append(.rest(prefix: directory, startAfter: last, token: nil))
    }

    /// The last key or directory of a page that is not the last one.
    private func place(behind page: S3Page, _ prefix: String) throws -> String {
        guard let last = page.last else {
            throw ObjectStoreError.failed(
                path: pages.bucket.shown(prefix), operation: "listing", message: "the server sent an empty page and says that more follow", retryable: true)
        }
        return last
    }

    private func isWorthSplitting(_ page: S3Page, _ prefix: String) -> Bool {
        var count = 0
        var current: String?
        for object in page.objects {
            let directory = Self.directory(of: pages.root + object.path.string, below: prefix)
            guard directory != nil, directory != current else { continue }
            current = directory
            count += 1
            if count > Self.directoriesPerPage { return false }
        }
        return true
    }

    /// The directory right below `prefix` that a key lies in, ending with a slash.
    private static func directory(of key: String, below prefix: String) -> String? {
        let rest = key.utf8.dropFirst(prefix.utf8.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return String(Substring(key.utf8[...slash]))
    }

    /// Objects and directories of a page, in one order.
    private func merge(_ page: S3Page, without done: String?) {
        var run: [ObjectInfo] = []
        var merged: [Segment] = []
        var directories = page.prefixes.filter { done.map($0.hasSameBytes) != true }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }[...]
        for object in page.objects {
            let key = pages.root + object.path.string
            while let directory = directories.first, directory.utf8.lexicographicallyPrecedes(key.utf8) {
                if !run.isEmpty { merged.append(.objects(run)) }
                run = []
                merged.append(.directory(directory, first: nil))
                directories.removeFirst()
            }
            run.append(object)
        }
        if !run.isEmpty { merged.append(.objects(run)) }
        merged += directories.map { .directory($0, first: nil) }
        segments += merged.reversed()
    }

    /// Asks for the first pages of the directories that come next.
    private func readAhead() {
        var asked = 0
        for index in segments.indices.reversed() where asked < Self.parallel {
            guard case let .directory(name, task) = segments[index] else { continue }
            asked += 1
            if task == nil { segments[index] = .directory(name, first: first(name)) }
        }
    }

    private func first(_ name: String) -> Task<S3Page, any Error> {
        Task { [pages] in try await pages.page(prefix: name, startAfter: nil, token: nil, delimited: false) }
    }

    private func value(of task: Task<S3Page, any Error>) async throws -> S3Page {
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}
