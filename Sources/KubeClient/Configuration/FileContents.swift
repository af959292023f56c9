import Base
import Glibc

/// Small files of configuration, read whole.
enum FileContents {
    private static let limit = 16 << 20

    static func read(_ path: String) throws(KubeError) -> Bytes {
        func failure(_ code: CInt) -> KubeError { .invalidConfiguration(source: path, reason: "cannot be read: \(String(cString: strerror(code)))") }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(errno) }
        defer { close(file) }
        var builder = BytesBuilder()
        while true {
            var count = 0
            builder.append(upTo: 64 << 10) { buffer in
                count = Glibc.read(file, buffer.baseAddress, buffer.count)
                return count
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(errno)
            }
            if count == 0 { return builder.take() }
            guard builder.count <= limit else {
                throw .invalidConfiguration(source: path, reason: "is larger than \(limit) bytes; this is no configuration file")
            }
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
