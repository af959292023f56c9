import Base
import Foundation

/// A proxy, by HTTP or SOCKS 5, that tells what it was asked for and answers each request itself, with an object.
final class ScriptedProxy: Sendable {
    let port: Int
    private let listener: CInt
    private let log = Lock<[String]>([])

    struct SocketFailed: Error { let errno: CInt }

    init() throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 ? getsockname(listener, $0, &length) : -1
            }
        }
        guard status == 0 else { throw SocketFailed(errno: errno) }
        port = Int(UInt16(bigEndian: address.sin_port))
        let log = log
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread {
                    Self.serve(connection, log)
                    close(connection)
                }
            }
        }
    }

    deinit { stop() }

    func stop() { shutdown(listener, CInt(SHUT_RDWR)) }

    /// Request lines, and where SOCKS was to lead to.
    var seen: [String] { log.withLock { $0 } }

    private static func serve(_ connection: CInt, _ log: Lock<[String]>) {
        guard let first = receive(connection) else { return }
        guard first.first == 5 else { return answer(first, connection, log) }
        // No authentication; the way is open at once.
        send([5, 0], connection)
        guard let request = receive(connection), request.count > 7 else { return }
        let isName = request[3] == 3
        let host = isName ? String(decoding: request[5..<(5 + Int(request[4]))], as: UTF8.self) : "an address"
        log.withLock { $0.append("socks \(host):\(Int(request[request.count - 2]) << 8 | Int(request[request.count - 1]))") }
        send([5, 0, 0, 1, 0, 0, 0, 0, 0, 0], connection)
        if let head = receive(connection) { answer(head, connection, log) }
    }

    private static func answer(_ head: [UInt8], _ connection: CInt, _ log: Lock<[String]>) {
        let line = String(decoding: head.prefix { $0 != 0x0D }, as: UTF8.self)
        log.withLock { $0.append(line) }
        if line.hasPrefix("CONNECT") { return send(Array("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".utf8), connection) }
        let body = JSON.encode(.configMap("a", version: 1))
        let text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        send(Array(text.utf8), connection)
    }

    private static func receive(_ connection: CInt) -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 8192)
        let count = recv(connection, &chunk, chunk.count, 0)
        return count > 0 ? Array(chunk.prefix(count)) : nil
    }

    private static func send(_ bytes: [UInt8], _ connection: CInt) {
        _ = bytes.withUnsafeBytes { Foundation.send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }
}
