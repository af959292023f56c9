import Base
import ObjectStore

/// Cuts an object into whole lines, a few megabytes at a time.
final class LineReader: @unchecked Sendable {
    // Safe to share: the source that owns it has one caller at a time.
    private let store: any ObjectStore
    private let path: ObjectPath
    private let size: Int64
    private let chunkSize: Int
    private var offset: Int64 = 0
    /// The start of a line whose end has not been read yet.
    private var remainder = BytesBuilder()

    /// A longer line is no row but a mistake (a JSON array over the whole file, say), and would take unbounded memory.
    static let longestLine = 64 << 20

    init(store: any ObjectStore, path: ObjectPath, chunkSize: Int = 4 << 20) async throws {
        self.store = store
        self.path = path
        self.chunkSize = chunkSize
        size = try await store.head(path).sizeInBytes
    }

    /// The next bytes up to and with a line break, or up to the end of the object; nil behind it.
    func next() async throws -> Bytes? {
        while offset < size {
            let end = min(size, offset + Int64(chunkSize))
            let chunk = try await store.get(path, range: offset..<end)
            guard chunk.count == Int(end - offset) else { throw DeltaError.invalidData(source: path.string, reason: "it became shorter while it was read") }
            offset = end
            let lastBreak = chunk.withUnsafeBytes { bytes in bytes.lastIndex(of: UInt8(ascii: "\n")) }
            guard let lastBreak else {
                chunk.withUnsafeBytes { remainder.append(contentsOf: $0) }
                if remainder.count > Self.longestLine {
                    throw DeltaError.invalidData(
                        source: path.string, reason: "a line is longer than \(Self.longestLine >> 20) MiB; it must have one row on each line")
                }
                continue
            }
            let whole = chunk.prefix(lastBreak + 1)
            let rest = chunk.dropFirst(lastBreak + 1)
            guard remainder.count > 0 else {
                rest.withUnsafeBytes { remainder.append(contentsOf: $0) }
                return whole
            }
            whole.withUnsafeBytes { remainder.append(contentsOf: $0) }
            let lines = remainder.take()
            rest.withUnsafeBytes { remainder.append(contentsOf: $0) }
            return lines
        }
        return remainder.count > 0 ? remainder.take() : nil
    }
}
