import Base
import HTTP

/// Deletes many objects by batches of requests in one request each, with an answer for every object; one by one where the service has no batches.
struct BatchDeletion: Sendable {
    struct Target: Sendable {
        let key: String
        /// For messages.
        let name: String
    }

    struct Failure: Sendable {
        /// Among those that were to be deleted.
        let index: Int
        let error: ObjectStoreError
    }

    enum Answer: Sendable {
        /// For each, in order: nil where it is gone.
        case answers([ServerFailure?])
        /// The service takes no batches, or not from us.
        case unsupported
    }

    private static let parallelBatches = 4
    private static let parallelSingles = 32

    let service: any RemoteService

    /// Those that could not be deleted, in order.
    func run(_ targets: [Target]) async throws -> [Failure] {
        let indexed = targets.enumerated().map { Indexed(index: $0.offset, target: $0.element) }
        guard indexed.count > 1, service.usesBatches.withLock({ $0 }) else { return try await singly(indexed) }
        let limit = type(of: service).largestBatch
        let batches = stride(from: 0, to: indexed.count, by: limit).map { Array(indexed[$0..<min($0 + limit, indexed.count)]) }
        return try await concurrentMap(batches, limit: Self.parallelBatches) { try await delete($0) }.flatMap { $0 }
    }

    private struct Indexed: Sendable {
        let index: Int
        let target: Target
    }

    private func singly(_ targets: [Indexed]) async throws -> [Failure] {
        try await concurrentMap(targets, limit: Self.parallelSingles) { item -> Failure? in
            do {
                try await service.delete(item.target.key, target: item.target.name)
                return nil
            } catch let failure as RemoteFailure {
                return Failure(index: item.index, error: failure.storeError)
            }
        }
        .compactMap { $0 }
    }

    /// One batch, again for those of its objects whose failure may pass.
    private func delete(_ targets: [Indexed]) async throws -> [Failure] {
        let session = service.client.session()
        var failures: [Failure] = []
        var rest = targets
        while !rest.isEmpty {
            guard case let .answers(answers) = try await service.deleteBatch(rest.map(\.target), in: session) else {
                service.usesBatches.withLock { $0 = false }
                return failures + (try await singly(rest))
            }
            var again: [Indexed] = []
            var passing: RemoteFailure?
            for (item, answer) in zip(rest, answers) {
                guard let answer, answer.status != 404 || answer.isAboutContainer else { continue }
                let failure = failure(item, .server(answer), attempts: session.failures + 1)
                if failure.isTransient {
                    again.append(item)
                    passing = failure
                } else {
                    failures.append(Failure(index: item.index, error: failure.storeError))
                }
            }
            rest = again
            guard let passing else { break }
            do {
                try await session.waitForNextAttempt(after: passing)
            } catch let last as RemoteFailure {
                failures += rest.map { Failure(index: $0.index, error: failure($0, last.cause, attempts: session.failures).storeError) }
                break
            }
        }
        return failures.sorted { $0.index < $1.index }
    }

    private func failure(_ item: Indexed, _ cause: RemoteFailure.Cause, attempts: Int) -> RemoteFailure {
        RemoteFailure(operation: "deleting", target: item.target.name, cause: cause, attempts: attempts, mayHaveActed: false)
    }

    /// Reads a batch's response, a multipart message of responses.
    ///
    /// - Parameters:
    ///   - place: which request a part's `Content-ID` answers.
    ///   - failure: what an error response says.
    static func answers(
        _ response: RemoteResponse, count: Int, place: (String) -> Int?, failure: (Int, HTTPHeaders, Bytes) -> ServerFailure
    ) throws -> [ServerFailure?] {
        func unusable(_ reason: String) -> RemoteFailure {
            RemoteFailure(
                operation: "deleting", target: "a batch of objects", cause: .badResponse("the answer to a batch: \(reason)"), attempts: 1, mayHaveActed: true)
        }
        guard let parts = MultipartMessage.parts(response.body, contentType: response.headers["Content-Type"]) else {
            throw unusable("it is no whole multipart message")
        }
        var answers: [Int: ServerFailure?] = [:]
        for part in parts {
            guard let inner = MultipartMessage.response(part.content) else { throw unusable("a part is no response") }
            let said = (200..<300).contains(inner.status) ? nil : failure(inner.status, inner.headers, inner.body)
            guard let index = part.headers["Content-ID"].flatMap(place), (0..<count).contains(index) else {
                // Without an id a part speaks of the batch as a whole.
                throw unusable(said?.summary ?? "a part answers none of the requests")
            }
            answers[index] = .some(said)
        }
        guard answers.count == count else { throw unusable("\(count - answers.count) of \(count) requests are not answered") }
        return (0..<count).map { answers[$0] ?? nil }
    }
}
