/// Builds a response's head from the lines that curl hands over, interim (1xx) responses skipped, trailers ignored.
struct ResponseHeadParser {
    private var head = HTTPResponseHead(status: 0, headers: HTTPHeaders())
    private var size = 0
    private var completed: HTTPResponseHead?
    private(set) var isComplete = false

    /// Takes one line with its line break. False where the head grows beyond `limit` bytes.
    mutating func append(_ line: UnsafeRawBufferPointer, limit: Int) -> Bool {
        if isComplete { return true }
        size += line.count
        guard size <= limit else { return false }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            let status = text.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0.prefix(3)) }
            head = HTTPResponseHead(status: status ?? 0, headers: HTTPHeaders())
        } else if text.utf8.allSatisfy({ $0.isLineSpace }) {
            if head.status >= 200 {
                isComplete = true
                completed = head
            }
        } else if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            head.headers.append(name: String(text[..<colon]), value: text[text.utf8.index(after: colon)...].trimmedLineSpace)
        }
        return true
    }

    /// The head, once.
    mutating func takeCompleted() -> HTTPResponseHead? {
        defer { completed = nil }
        return completed
    }
}

extension UInt8 {
    fileprivate var isLineSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0A }
}

extension Substring {
    fileprivate var trimmedLineSpace: String {
        let start = utf8.firstIndex { !$0.isLineSpace } ?? endIndex
        guard start < endIndex, let last = utf8.lastIndex(where: { !$0.isLineSpace }) else { return "" }
        return String(self[start...last])
    }
}
