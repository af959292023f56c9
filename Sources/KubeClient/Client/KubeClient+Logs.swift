import Base
import HTTP

/// Which part of a container's log.
public struct LogOptions: Sendable, Hashable {
    /// May be nil where the pod has one container.
    public var container: String?
    /// Keeps the stream open for lines to come, until the container ends.
    public var follow: Bool
    /// The log of the container's previous run.
    public var previous: Bool
    /// Each line starts with its time.
    public var timestamps: Bool
    public var tailLines: Int?
    public var sinceSeconds: Int?
    public var limitBytes: Int?

    public init(
        container: String? = nil, follow: Bool = false, previous: Bool = false, timestamps: Bool = false, tailLines: Int? = nil, sinceSeconds: Int? = nil,
        limitBytes: Int? = nil
    ) {
        self.container = container
        self.follow = follow
        self.previous = previous
        self.timestamps = timestamps
        self.tailLines = tailLines
        self.sinceSeconds = sinceSeconds
        self.limitBytes = limitBytes
    }

    var query: [(name: String, value: String)] {
        var query: [(name: String, value: String)] = []
        if let container { query.append(("container", container)) }
        for (name, isSet) in [("follow", follow), ("previous", previous), ("timestamps", timestamps)] where isSet { query.append((name, "true")) }
        for (name, value) in [("tailLines", tailLines), ("sinceSeconds", sinceSeconds), ("limitBytes", limitBytes)] {
            if let value { query.append((name, "\(value)")) }
        }
        return query
    }
}

/// A log, line by line, as it is written.
public final class LogLines: Sendable, AsyncSequence {
    /// Longer lines come in parts.
    private static let maximumLine = 1 << 20

    private let body: HTTPResponseBody
    private let framer = Lock(LineFramer(limit: maximumLine))

    init(body: HTTPResponseBody) { self.body = body }

    /// The next line without its line break, invalid UTF-8 repaired; nil at the log's end.
    public func next() async throws(KubeError) -> String? {
        while true {
            let (line, isFull) = framer.withLock { framer in
                do throws(LineFramer.LineTooLong) {
                    return (try framer.next(), false)
                } catch {
                    return (framer.takePartial(), true)
                }
            }
            if let line { return line.text }
            if isFull { continue }
            let piece: Bytes?
            do throws(HTTPError) {
                piece = try await body.next()
            } catch {
                throw .transport(error)
            }
            guard let piece else { return framer.withLock { $0.takePartial() }?.text }
            framer.withLock { $0.append(piece) }
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        let lines: LogLines

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(KubeError) -> String? { try await lines.next() }

        public mutating func next() async throws(KubeError) -> String? { try await lines.next() }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(lines: self) }
}

extension KubeClient {
    /// A pod's log.
    public func logs(_ pod: ObjectKey, _ options: LogOptions = LogOptions()) async throws(KubeError) -> LogLines {
        let path = KubeRequest.path(Pod.gvr, namespace: pod.namespace, name: pod.name, subresource: "log")
        return LogLines(body: try await stream(KubeRequest(path: path, query: options.query, accept: "*/*")))
    }
}
