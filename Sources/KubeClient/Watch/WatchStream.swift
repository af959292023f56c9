import Base
import HTTP

/// What to watch, and from where on.
public struct WatchOptions: Sendable, Hashable {
    public var labelSelector: String?
    public var fieldSelector: String?
    /// Events behind this version; nil: the current objects first, as ADDED events.
    public var resourceVersion: String?
    /// When the server ends the watch; nil leaves it to the server.
    public var timeoutSeconds: Int?
    /// Objects without anything but their metadata.
    public var metadataOnly = false
    /// The current objects first, as ADDED events, then a bookmark that says that these were all (`initialEventsEnd`). Without ``resourceVersion``.
    public var beginsWithList: Bool

    public init(
        labelSelector: String? = nil, fieldSelector: String? = nil, resourceVersion: String? = nil, timeoutSeconds: Int? = nil, beginsWithList: Bool = false
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.resourceVersion = resourceVersion
        self.timeoutSeconds = timeoutSeconds
        self.beginsWithList = beginsWithList
    }

    var query: [(name: String, value: String)] {
        var query: [(name: String, value: String)] = [("watch", "true"), ("allowWatchBookmarks", "true")]
        if let labelSelector, !labelSelector.isEmpty { query.append(("labelSelector", labelSelector)) }
        if let fieldSelector, !fieldSelector.isEmpty { query.append(("fieldSelector", fieldSelector)) }
        if let resourceVersion { query.append(("resourceVersion", resourceVersion)) }
        if beginsWithList { query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")] }
        if let timeoutSeconds { query.append(("timeoutSeconds", "\(timeoutSeconds)")) }
        return query
    }
}

/// A watch in progress: events are pulled by one reader. Dropping it, or cancelling the reading task, ends it.
public final class WatchStream: Sendable {
    /// An object is at most a few megabytes; a line beyond this is no event.
    private static let maximumLine = 64 << 20

    private let body: HTTPResponseBody
    private let request: String
    private let framer = Lock(LineFramer(limit: maximumLine))

    init(body: HTTPResponseBody, request: String) {
        self.body = body
        self.request = request
    }

    /// The next event; nil when the server has ended the watch, as it does regularly. A line that was cut off is dropped: the next watch brings its event again.
    public func next() async throws(KubeError) -> WatchEvent<Resource>? {
        while true {
            let line: Bytes?
            do throws(LineFramer.LineTooLong) {
                line = try framer.withLock { framer throws(LineFramer.LineTooLong) in try framer.next() }
            } catch {
                throw .unexpectedResponse(request: request, reason: "a line of more than \(Self.maximumLine) bytes")
            }
            if let line {
                if line.isBlank { continue }
                return try WatchEvent.parse(line, request: request)
            }
            let piece: Bytes?
            do throws(HTTPError) {
                piece = try await body.next()
            } catch {
                throw .transport(error)
            }
            guard let piece else { return nil }
            framer.withLock { $0.append(piece) }
        }
    }

    public func cancel() { body.cancel() }
}

extension Bytes {
    var isBlank: Bool { withUnsafeBytes { $0.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 } } }
}

extension KubeClient {
    /// Starts a watch. `namespace` nil means all of them.
    public func watch(_ gvr: GroupVersionResource, namespace: String? = nil, _ options: WatchOptions = WatchOptions()) async throws(KubeError) -> WatchStream {
        var request = KubeRequest(path: KubeRequest.path(gvr, namespace: namespace), query: options.query)
        if options.metadataOnly { request.accept = KubeRequest.metadataOnly("PartialObjectMetadata") }
        return WatchStream(body: try await stream(request), request: request.label)
    }
}
