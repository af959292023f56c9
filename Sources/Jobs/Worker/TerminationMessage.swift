import Base
import Glibc

/// The file whose content Kubernetes shows as the container's termination message.
enum TerminationMessage {
    /// Writes all of it. The file may be there already, as Kubernetes mounts it.
    static func write(_ text: String, to path: String) throws(SystemError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .last("open") }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .last("write")
            }
            bytes = bytes.dropFirst(written)
        }
    }
}
