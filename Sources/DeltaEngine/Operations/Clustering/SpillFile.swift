import Base
import Columnar
import Glibc

/// Where sorted runs wait until they are read again: memory, or a file of the scratch directory that has no name, so that nothing is left of it
/// whenever the process ends.
final class SpillFile: Sendable {
    /// A stretch of it.
    struct Extent: Sendable {
        let offset: Int64
        let length: Int
    }

    private enum Storage: Sendable {
        case memory(Lock<[Bytes]>)
        case file(FileHandle)
    }

    private struct FileHandle: Sendable {
        let descriptor: SharedDescriptor
        let directory: String
        let threads: Int
        let executor: BlockingExecutor
        let end = Counter()
    }

    /// Closed when the last of its users goes.
    private final class SharedDescriptor: Sendable {
        let file: FileDescriptor

        init(_ file: consuming FileDescriptor) { self.file = file }
    }

    private final class Counter: Sendable {
        private let value = Lock<Int64>(0)

        /// Takes the next so many bytes; returns where they begin.
        func take(_ count: Int) -> Int64 {
            value.withLock { value in
                defer { value += Int64(count) }
                return value
            }
        }
    }

    private let storage: Storage

    /// In memory.
    init() { storage = .memory(Lock([])) }

    /// In a file. Throws ``DeltaError/scratch(directory:reason:)``.
    init(directory: String, threads: Int) throws(DeltaError) {
        do throws(SystemError) {
            let file = try Self.open(directory)
            storage = .file(
                FileHandle(
                    descriptor: SharedDescriptor(file), directory: directory, threads: threads,
                    executor: BlockingExecutor(threads: max(2, threads), name: "levee-scratch")))
        } catch {
            throw .scratch(directory: directory, reason: error.message)
        }
    }

    /// An empty one of the same kind. Throws ``DeltaError/scratch(directory:reason:)``.
    func another() throws(DeltaError) -> SpillFile {
        switch storage {
        case .memory: SpillFile()
        case let .file(handle): try SpillFile(directory: handle.directory, threads: handle.threads)
        }
    }

    private static func open(_ directory: String) throws(SystemError) -> FileDescriptor {
        let path = "\(directory)/.levee-\(UUID.v4())"
        let file = try FileDescriptor(opening: path, flags: O_CREAT | O_EXCL | O_RDWR, mode: 0o600)
        // From here on nothing is left of it, however the process ends.
        unlink(path)
        return file
    }

    /// Throws ``DeltaError/scratch(directory:reason:)``.
    func append(_ bytes: Bytes) async throws -> Extent {
        switch storage {
        case let .memory(blocks):
            // The number of the block stands for its place.
            return blocks.withLock { blocks in
                blocks.append(bytes)
                return Extent(offset: Int64(blocks.count - 1), length: bytes.count)
            }
        case let .file(handle):
            let offset = handle.end.take(bytes.count)
            try await run(handle) { descriptor throws(SystemError) in
                try bytes.withUnsafeBytes { bytes throws(SystemError) in
                    var done = 0
                    while let base = bytes.baseAddress, done < bytes.count {
                        let count = retryingInterrupts { pwrite(descriptor, base + done, min(bytes.count - done, 1 << 30), off_t(offset) + off_t(done)) }
                        guard count > 0 else { throw .last("write") }
                        done += count
                    }
                }
            }
            return Extent(offset: offset, length: bytes.count)
        }
    }

    /// Parts of what was appended, `range` counted from the extent's start.
    func read(_ parts: [(extent: Extent, range: Range<Int>)]) async throws -> [Bytes] {
        switch storage {
        case let .memory(blocks):
            return blocks.withLock { blocks in parts.map { blocks[Int($0.extent.offset)].slice($0.range) ?? .empty } }
        case let .file(handle):
            return try await run(handle) { descriptor throws(SystemError) in
                var read: [Bytes] = []
                for part in parts {
                    let bytes = try Bytes(capacity: part.range.count) { target throws(SystemError) in
                        var done = 0
                        while let base = target.baseAddress, done < target.count {
                            let offset = off_t(part.extent.offset) + off_t(part.range.lowerBound + done)
                            let count = retryingInterrupts { pread(descriptor, base + done, target.count - done, offset) }
                            guard count > 0 else { throw count < 0 ? .last("read") : SystemError(code: EIO, call: "read") }
                            done += count
                        }
                        return done
                    }
                    read.append(bytes)
                }
                return read
            }
        }
    }

    private func run<Result: Sendable>(_ handle: FileHandle, _ body: @Sendable (Int32) throws(SystemError) -> Result) async throws -> Result {
        do {
            return try await handle.executor.run { try body(handle.descriptor.file.number) }
        } catch let error as SystemError {
            throw DeltaError.scratch(directory: handle.directory, reason: error.message)
        }
    }
}
