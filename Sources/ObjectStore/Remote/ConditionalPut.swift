import Base

/// Puts an object only where none is, so that exactly one of any number of racing writers wins, whatever becomes of requests and answers on their way.
///
/// A request whose answer was lost is never simply sent again, and a refusal is never simply believed: it may be the doing of our own earlier attempt, or
/// of a proxy or client library that sent the request twice. In both cases the object is read back to see whose it is.
struct ConditionalPut: Sendable {
    enum Outcome: Sendable, Hashable {
        case written
        /// Another's object is there.
        case taken
    }

    enum Ownership: Sendable, Hashable {
        case absent, ours, others
    }

    let client: RemoteClient
    /// Statuses that say an object is there already.
    var takenStatuses: Set<Int> = [412]
    /// Of other refusals, those that say so too: where a service has one status for many things.
    var isTaken: @Sendable (ServerFailure) -> Bool = { _ in false }

    /// - Parameters:
    ///   - request: the put with its condition.
    ///   - owner: reads the object back and compares it with what was to be written.
    func run(_ request: RemoteRequest, owner: () async throws -> Ownership) async throws -> Outcome {
        let session = client.session()
        var request = request
        request.replay = .onlyIfNotActedUpon
        request.answers.formUnion(takenStatuses)
        while true {
            let failure: RemoteFailure
            do {
                let response = try await client.send(request, in: session)
                guard takenStatuses.contains(response.status) else { return .written }
                failure = RemoteFailure(
                    operation: request.operation, target: request.target,
                    cause: .server(ServerFailure(status: response.status, message: "an object was there that is gone now")), attempts: 1, mayHaveActed: false)
            } catch let refusal as RemoteFailure where refusal.server.map(isTaken) ?? false {
                failure = refusal
            } catch let ambiguous as RemoteFailure where ambiguous.mayHaveActed && ambiguous.isTransient {
                // The wait comes first: a request that is still on its way settles meanwhile, and a busy server is not asked at once.
                var giveUp: RemoteFailure?
                do { try await session.waitForNextAttempt(after: ambiguous) } catch let last as RemoteFailure { giveUp = last }
                switch try await owner() {
                case .ours: return .written
                case .others: return .taken
                case .absent: if let giveUp { throw giveUp }
                }
                continue
            }
            switch try await owner() {
            case .ours: return .written
            case .others: return .taken
            // Deleted since. Its name was taken when we came, but nobody has it now: try for it again.
            case .absent: try await session.waitForNextAttempt(after: failure)
            }
        }
    }
}

/// Marks an object with who wrote it, so that two writers of the same bytes can be told apart.
enum WriteToken {
    /// Of an object's user metadata, behind the service's own prefix (`x-amz-meta-`).
    static let metadataName = "levee-write"

    static func make(_ random: any RandomSource) -> String { "\(UUID(bits: UInt128(random.next()) << 64 | UInt128(random.next())))" }

    /// Whose object it is: by its token where it carries one, else by its bytes.
    static func owner(token: String, found: String?, sameBytes: Bool) -> ConditionalPut.Ownership {
        if let found { return found == token ? .ours : .others }
        return sameBytes ? .ours : .others
    }
}
