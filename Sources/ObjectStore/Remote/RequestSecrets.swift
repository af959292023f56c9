import Base
import HTTP

/// What of a signed request would let others in, to be kept out of messages.
struct RequestSecrets: Sendable {
    private static let headers = ["Authorization", "X-Amz-Security-Token", "X-Amz-Server-Side-Encryption-Customer-Key", "X-Aws-Ec2-Metadata-Token"]
    private static let parameters: Set<String> = [
        "sig", "upload_id", "X-Amz-Signature", "X-Amz-Security-Token", "client_secret", "client_assertion", "assertion", "subject_token", "refresh_token",
        "WebIdentityToken", "access_token",
    ]
    /// What is shorter is no secret, and could be part of any word.
    private static let shortest = 8

    /// The longest first: one may be part of another.
    private let values: [String]

    init(_ request: RemoteRequest) {
        var values: [String] = []
        for name in Self.headers {
            guard let value = request.headers[name] else { continue }
            values.append(value)
            // `Bearer TOKEN`, `SharedKey account:SIGNATURE`, `…, Signature=SIGNATURE`
            if let last = value.split(whereSeparator: { " :".contains($0) }).last { values.append(String(last)) }
            if let signature = value.components(after: "Signature=") { values.append(signature) }
        }
        var pairs = request.url.query.map { ($0.name, $0.value) }
        if request.headers["Content-Type"] == "application/x-www-form-urlencoded", let form = request.body.pieces.first {
            pairs += form.text.split(separator: "&").compactMap { pair in
                pair.firstIndex(of: "=").map { (String(pair[..<$0]), PercentEncoding.decode(String(pair[pair.index(after: $0)...]))) }
            }
        }
        for (name, value) in pairs where Self.parameters.contains(name) { values += [value, PercentEncoding.encode(value)] }
        self.values = Set(values.filter { $0.utf8.count >= Self.shortest }).sorted { $0.utf8.count > $1.utf8.count }
    }

    func removed(from text: String) -> String { values.reduce(text) { $0.replacing($1, with: "…") } }
}

extension String {
    fileprivate func components(after marker: String) -> String? { firstRange(of: marker).map { String(self[$0.upperBound...]) } }
}
