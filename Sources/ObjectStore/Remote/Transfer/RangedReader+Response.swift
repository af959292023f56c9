import Base
import HTTP

extension RangedReader.Part {
    /// What a 2xx response to a ranged read brought.
    ///
    /// - Parameter name: of the object, for messages.
    init(_ response: RemoteResponse, of name: String) throws(ObjectStoreError) {
        let tag = response.headers["ETag"]
        guard response.status == 206 else {
            self = .bytes(response.body, start: 0, size: Int64(response.body.count), tag: tag)
            return
        }
        let header = response.headers["Content-Range"]
        guard let range = header.flatMap(ContentRange.init), let start = range.start, let size = range.size else {
            throw .failed(
                path: name, operation: "reading",
                message: "the server sent part of the object and did not say which (Content-Range: \(header?.shownShort(80) ?? "none"))", retryable: true)
        }
        self = .bytes(response.body, start: start, size: size, tag: tag)
    }
}
