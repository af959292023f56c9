import Base

/// How a backend takes a large object.
struct MultipartRules: Sendable {
    /// Of all parts but the last, as long as there are fewer than a thousand; later ones grow, so that the largest object fits.
    ///
    /// A little less than the largest blocks of memory that ``Bytes`` keeps for reuse: fresh ones cost more time than their transfer does (`make bench-store`).
    var partSize = 7 << 20
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
    let bytes: Bytes
    /// No part comes behind it. The last part is never empty.
    let isLast: Bool
}

/// Writes an object in parts, several under way at once; one that fits into a part is put in one request. Holds one part more than are under way.
actor MultipartWriter: ObjectWriter {
    private let target: any MultipartTarget
    private var buffer = BytesBuilder()
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
            let taken = rest.prefix(target.rules.size(ofPart: nextPart) - buffer.count)
            if buffer.count == 0 { buffer.reserve(max(taken.count, nextPart == 1 ? 0 : target.rules.size(ofPart: nextPart))) }
            taken.withUnsafeBytes { buffer.append(contentsOf: $0) }
            rest = rest.dropFirst(taken.count)
        }
    }

    func finish() async throws {
        try Task.checkCancellation()
        guard !hasEnded else { throw ended() }
        do {
            if upload == nil, buffer.count <= target.rules.size(ofPart: 1) {
                try await target.putWhole(buffer.take())
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
        let part = MultipartPart(number: nextPart, offset: offset, bytes: buffer.take(), isLast: isLast)
        offset += Int64(part.bytes.count)
        running.append(Task { try await upload.upload(part) })
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
