import Glibc

/// A bound, listening TCP socket.
struct ListenSocket {
    let descriptor: CInt
    let port: Int

    /// `address` is a numeric IPv4 or IPv6 address; port 0 lets the system choose.
    init(address: String, port: Int) throws(HTTPError) {
        guard let bindPort = UInt16(exactly: port) else {
            throw .listenFailed(address: address, port: port, reason: "ports are 0 to 65535")
        }
        let descriptor: CInt
        if address.utf8.contains(UInt8(ascii: ":")) {
            var socketAddress = sockaddr_in6()
            socketAddress.sin6_family = sa_family_t(AF_INET6)
            socketAddress.sin6_port = bindPort.bigEndian
            guard inet_pton(AF_INET6, address, &socketAddress.sin6_addr) == 1 else {
                throw .listenFailed(address: address, port: port, reason: "not a numeric IP address")
            }
            descriptor = try Self.listen(AF_INET6, &socketAddress, address: address, port: port)
        } else {
            var socketAddress = sockaddr_in()
            socketAddress.sin_family = sa_family_t(AF_INET)
            socketAddress.sin_port = bindPort.bigEndian
            guard inet_pton(AF_INET, address, &socketAddress.sin_addr) == 1 else {
                throw .listenFailed(address: address, port: port, reason: "not a numeric IP address")
            }
            descriptor = try Self.listen(AF_INET, &socketAddress, address: address, port: port)
        }
        self.descriptor = descriptor
        self.port = Self.boundPort(descriptor) ?? port
    }

    private static func listen<Address>(_ family: CInt, _ socketAddress: inout Address, address: String, port: Int) throws(HTTPError) -> CInt {
        func failure(_ code: CInt) -> HTTPError { .listenFailed(address: address, port: port, reason: describeErrno(code)) }
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw failure(errno) }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let bound = withUnsafePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) }
        }
        guard bound == 0, Glibc.listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw failure(code)
        }
        return descriptor
    }

    private static func boundPort(_ descriptor: CInt) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { return nil }
        return withUnsafePointer(to: &storage) { pointer in
            // The port is at the same place for both families.
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
        }
    }
}

/// The numeric address of a peer, without the port; empty when the family is unknown.
func numericAddress(_ address: UnsafePointer<sockaddr>?) -> String {
    guard let address else { return "" }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    switch CInt(address.pointee.sa_family) {
    case AF_INET:
        address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
            var source = pointer.pointee.sin_addr
            inet_ntop(AF_INET, &source, &buffer, socklen_t(buffer.count))
        }
    case AF_INET6:
        address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
            var source = pointer.pointee.sin6_addr
            inet_ntop(AF_INET6, &source, &buffer, socklen_t(buffer.count))
        }
    default: return ""
    }
    return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
}
