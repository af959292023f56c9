import Base

/// How a backend takes a large object.
struct MultipartRules: Sendable {
    /// Of all parts but the last, as long as there are fewer than a thousand; later ones grow, so that the largest object fits.
    var partSize = 8 << 20
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
    private var parts: [Task<String, any Error>] = []
    private var firstUnfinished = 0
    private var offset: Int64 = 0
    private var hasEnded = false

    init(_ target: any MultipartTarget) { self.target = target }

    func write(_ bytes: Bytes) async throws {
        try Task.checkCancellation()
        guard !hasEnded else { throw ended() }
        var rest = bytes
        while !rest.isEmpty {
            let size = target.rules.size(ofPart: parts.count + 1)
            // Only once there is more: the last part must not be empty.
            if buffer.count >= size { try await sendPart(isLast: false) }
            let taken = rest.prefix(target.rules.size(ofPart: parts.count + 1) - buffer.count)
            if buffer.count == 0 { buffer.reserve(max(taken.count, parts.isEmpty ? 0 : target.rules.size(ofPart: parts.count + 1))) }
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
                var receipts: [String] = []
                for part in parts { receipts.append(try await value(of: part)) }
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
        for part in parts { part.cancel() }
        for part in parts { _ = await part.result }
        parts = []
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
        guard parts.count < target.rules.maximumParts else {
            throw ObjectStoreError.failed(
                path: target.name, operation: "writing", message: "the object has more than \(target.rules.maximumParts) parts; write smaller files",
                retryable: false)
        }
        while parts.count - firstUnfinished >= target.rules.parallelParts {
            _ = try await value(of: parts[firstUnfinished])
            firstUnfinished += 1
        }
        let part = MultipartPart(number: parts.count + 1, offset: offset, bytes: buffer.take(), isLast: isLast)
        offset += Int64(part.bytes.count)
        parts.append(Task { try await upload.upload(part) })
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
