import Base
import HTTP

/// MIME's multipart bodies (RFC 2046, section 5.1), as batches of requests have them.
enum MultipartMessage {
    struct Part: Sendable {
        var headers: HTTPHeaders
        var content: Bytes
    }

    /// Nil where the body is not what the content type says, or is cut.
    static func parts(_ body: Bytes, contentType: String?) -> [Part]? {
        guard let contentType, let boundary = boundary(contentType), !boundary.isEmpty, boundary.utf8.count <= 200 else { return nil }
        let delimiter = Array("--\(boundary)".utf8)
        var parts: [Part] = []
        var isComplete = false
        body.withUnsafeBytes { buffer in
            var begin: Int?
            var position = 0
            while position + delimiter.count <= buffer.count {
                // A delimiter stands at the beginning of a line.
                guard buffer[position..<position + delimiter.count].elementsEqual(delimiter) else {
                    position = (buffer[position...].firstIndex(of: 0x0A) ?? buffer.count) + 1
                    continue
                }
                if let begin {
                    // The line end before a delimiter is the delimiter's.
                    var end = max(begin, position - 1)
                    if end > begin, buffer[end - 1] == 0x0D { end -= 1 }
                    let (headers, content) = split(body.dropFirst(begin).prefix(end - begin))
                    parts.append(Part(headers: fields(headers), content: content))
                }
                position += delimiter.count
                if position + 1 < buffer.count, buffer[position] == UInt8(ascii: "-"), buffer[position + 1] == UInt8(ascii: "-") {
                    isComplete = true
                    return
                }
                position = (buffer[position...].firstIndex(of: 0x0A) ?? buffer.count) + 1
                begin = position
            }
        }
        return isComplete ? parts : nil
    }

    /// A part that is an HTTP response.
    static func response(_ content: Bytes) -> HTTPResponse? {
        let (head, body) = split(content)
        guard let line = head.first, line.hasPrefix("HTTP/") else { return nil }
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, let status = Int(words[1]), (100..<600).contains(status) else { return nil }
        return HTTPResponse(status: status, headers: fields(head.dropFirst()), body: body)
    }

    private static func boundary(_ contentType: String) -> String? {
        guard contentType.lowercased().hasPrefix("multipart/") else { return nil }
        for parameter in contentType.split(separator: ";").dropFirst() {
            let text = String(parameter).trimmingWhiteSpace
            guard text.lowercased().hasPrefix("boundary=") else { continue }
            let value = text.dropFirst("boundary=".count)
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count >= 2 ? String(value.dropFirst().dropLast()) : String(value)
        }
        return nil
    }

    /// The lines before the first empty one, and what follows it.
    private static func split(_ message: Bytes) -> (head: [String], rest: Bytes) {
        var lines: [String] = []
        var position = 0
        message.withUnsafeBytes { buffer in
            while position < buffer.count {
                let end = buffer[position...].firstIndex(of: 0x0A) ?? buffer.count
                var line = buffer[position..<end]
                if line.last == 0x0D { line = line.dropLast() }
                position = min(end + 1, buffer.count)
                if line.isEmpty { return }
                lines.append(String(decoding: line, as: UTF8.self))
            }
        }
        return (lines, message.dropFirst(position))
    }

    private static func fields(_ lines: some Sequence<String>) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers.append(name: String(line[..<colon]).trimmingWhiteSpace, value: String(line[line.index(after: colon)...]).trimmingWhiteSpace)
        }
        return headers
    }
}
