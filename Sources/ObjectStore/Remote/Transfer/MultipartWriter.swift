import Base

/// How a backend takes a large object.
struct MultipartRules: Sendable {
    /// Of all parts but the last, as long as there are fewer than a thousand; later ones grow, so that the largest object fits. S3 takes none that is smaller.
    var partSize = 5 << 20
    var largestPart = 1 << 30
    var maximumParts = 10_000
    /// Parts under way at once; 1 where they must come in order.
    var parallelParts = 4

    /// The size of a part, counted from 1.
    func size(ofPart number: Int) -> Int {
        let doublings = min(max(0, number - 1) / 1000, 20)
        return min(partSize << doublings, largestPart)
    }
}

/// What a backend does for one object that is written in pieces.
protocol MultipartTarget: Sendable {
    var rules: MultipartRules { get }
    /// For messages: `s3://bucket/key`.
    var name: String { get }
    /// A whole object in one request, only where none is there; throws ``ObjectStoreError/alreadyExists(path:)``.
    func putWhole(_ bytes: Bytes) async throws
    /// Begins an upload that shows nothing until it is complete.
    func begin() async throws -> any MultipartUpload
}

protocol MultipartUpload: Sendable {
    /// Sends one part; returns what the service wants to hear of it at the end (an ETag, a block's id).
    func upload(_ part: MultipartPart) async throws -> String
    /// Makes the object visible, only where none is there; throws ``ObjectStoreError/alreadyExists(path:)``.
    func complete(_ receipts: [String], size: Int64) async throws
    /// Removes all parts. Called once, after no part is under way any more, in a task that is not cancelled.
    func abort() async
}

struct MultipartPart: Sendable {
    /// From 1.
    let number: Int
    let offset: Int64
    /// Its content, one after the other.
    let pieces: [Bytes]
    /// In bytes.
    let size: Int
    /// No part comes behind it. The last part is never empty.
    let isLast: Bool
}

/// What will be a part: large pieces as they came, small ones copied together.
private struct PartBuffer: ~Copyable {
    /// A piece of so many bytes is kept. Smaller ones may be views on much larger memory, all of which would be kept with them.
    private static let worthKeeping = 1 << 20

    private var pieces: [Bytes] = []
    private var small = BytesBuilder()
    private(set) var count = 0

    /// - Parameter limit: how large the part may become.
    mutating func append(_ bytes: Bytes, limit: Int) {
        if bytes.count >= Self.worthKeeping {
            close()
            pieces.append(bytes)
        } else {
            if small.count + bytes.count > Self.worthKeeping { close() }
            // An object may be of a few bytes altogether.
            if small.count == 0 { small.reserve(count == 0 ? bytes.count : min(limit - count, Self.worthKeeping)) }
            bytes.withUnsafeBytes { small.append(contentsOf: $0) }
        }
        count += bytes.count
    }

    private mutating func close() {
        if small.count > 0 { pieces.append(small.take()) }
    }

    mutating func take() -> [Bytes] {
        close()
        defer { (pieces, count) = ([], 0) }
        return pieces
    }
}

/// Writes an object in parts, several under way at once; one that fits into a part is put in one request. Holds one part more than are under way.
actor MultipartWriter: ObjectWriter {
    private let target: any MultipartTarget
    private var buffer = PartBuffer()
    private var upload: (any MultipartUpload)?
    /// Parts under way, in order. One that is done keeps nothing but its receipt.
    private var running: [Task<String, any Error>] = []
    private var receipts: [String] = []
    private var offset: Int64 = 0
    private var hasEnded = false

    init(_ target: any MultipartTarget) { self.target = target }

    func write(_ bytes: Bytes) async throws {
        try Task.checkCancellation()
        guard !hasEnded else { throw ended() }
        var rest = bytes
        while !rest.isEmpty {
            let size = target.rules.size(ofPart: nextPart)
            // Only once there is more: the last part must not be empty.
            if buffer.count >= size { try await sendPart(isLast: false) }
            let limit = target.rules.size(ofPart: nextPart)
            let taken = rest.prefix(limit - buffer.count)
            buffer.append(taken, limit: limit)
            rest = rest.dropFirst(taken.count)
        }
    }

    func finish() async throws {
        try Task.checkCancellation()
        guard !hasEnded else { throw ended() }
        do {
            if upload == nil, buffer.count <= target.rules.size(ofPart: 1) {
                try await target.putWhole(Self.joined(buffer.take()))
            } else {
                try await sendPart(isLast: true)
                while !running.isEmpty { try await awaitOldest() }
                try await upload?.complete(receipts, size: offset)
            }
            hasEnded = true
        } catch {
            await abort()
            throw error
        }
    }

    func abort() async {
        guard !hasEnded else { return }
        hasEnded = true
        _ = buffer.take()
        for part in running { part.cancel() }
        for part in running { _ = await part.result }
        running = []
        if let upload {
            // Not in this task, which may be cancelled.
            await Task { await upload.abort() }.value
        }
    }

    private func sendPart(isLast: Bool) async throws {
        let upload: any MultipartUpload
        if let begun = self.upload {
            upload = begun
        } else {
            upload = try await target.begin()
            self.upload = upload
        }
        guard nextPart <= target.rules.maximumParts else {
            throw ObjectStoreError.failed(
                path: target.name, operation: "writing", message: "the object has more than \(target.rules.maximumParts) parts; write smaller files",
                retryable: false)
        }
        while running.count >= target.rules.parallelParts { try await awaitOldest() }
        let size = buffer.count
        let part = MultipartPart(number: nextPart, offset: offset, pieces: buffer.take(), size: size, isLast: isLast)
        offset += Int64(size)
        running.append(Task { try await upload.upload(part) })
    }

    private static func joined(_ pieces: [Bytes]) -> Bytes {
        if pieces.count <= 1 { return pieces.first ?? .empty }
        var whole = BytesBuilder(capacity: pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { piece.withUnsafeBytes { whole.append(contentsOf: $0) } }
        return whole.take()
    }

    private var nextPart: Int { receipts.count + running.count + 1 }

    private func awaitOldest() async throws {
        guard let oldest = running.first else { return }
        receipts.append(try await value(of: oldest))
        running.removeFirst()
    }

    /// A part's receipt; the part is cancelled with the caller.
    private func value(of part: Task<String, any Error>) async throws -> String {
        try await withTaskCancellationHandler {
            try await part.value
        } onCancel: {
            part.cancel()
        }
    }

    private func ended() -> ObjectStoreError {
        .failed(path: target.name, operation: "writing", message: "the writer has ended", retryable: false)
    }
}
