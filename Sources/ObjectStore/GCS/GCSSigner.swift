import Base
import HTTP

/// Gives requests their access token.
final class GCSSigner: RequestSigner {
    private let tokens: CredentialCache<AnyCredentialSource<BearerToken>>?

    /// - Parameter source: nil for buckets that anybody may read.
    init(source: AnyCredentialSource<BearerToken>?, clock: any WallClock) { tokens = source.map { CredentialCache($0, clock: clock) } }

    func sign(_ request: inout RemoteRequest, at time: Timestamp) async throws {
        // An upload in progress is its own permission, and no token goes where its address leads.
        guard let tokens, request.url["upload_id"] == nil else { return }
        request.headers["Authorization"] = "Bearer \(try await tokens.credential().token)"
    }

    func wasRefused(_ failure: ServerFailure, at time: Timestamp) async -> Bool { await tokens?.refused({ _ in true }, isSame: ==) ?? false }
}
