import Glibc

/// A TCP client that sends and shows bytes as they are.
final class WireClient: @unchecked Sendable {
    private let descriptor: CInt
    private var buffered: [UInt8] = []

    struct ConnectFailed: Error { let errno: CInt }

    init(port: Int) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard status == 0 else { throw ConnectFailed(errno: Glibc.errno) }
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// What arrives up to and with `marker`; less when the server closes or is silent for five seconds.
    func receive(until marker: String) async -> String {
        let end = Array(marker.utf8)
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            if let position = buffered.firstRange(of: end) {
                let text = String(decoding: buffered[..<position.upperBound], as: UTF8.self)
                buffered.removeFirst(position.upperBound)
                return text
            }
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &chunk, chunk.count, CInt(MSG_DONTWAIT))
            if count > 0 {
                buffered += chunk.prefix(count)
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) || ContinuousClock.now > deadline {
                defer { buffered = [] }
                return String(decoding: buffered, as: UTF8.self)
            } else {
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    func close() { Glibc.close(descriptor) }
}
