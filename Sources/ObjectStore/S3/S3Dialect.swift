import Base
import HTTP

/// How S3 speaks of failures: a small XML document, headers where the response has no body, and now and then an error under status 200.
struct S3Dialect: RemoteDialect {
    static let regionHeader = "x-amz-bucket-region"

    func failure(of response: HTTPResponse, to request: RemoteRequest) -> ServerFailure? {
        if (200..<300).contains(response.status) {
            // A completed upload answers before it knows how it ends.
            guard request.verb == "complete", let error = S3ErrorDocument(response.body), error.isError else { return nil }
            var failure = self.failure(response, error)
            failure.kind = error.code == "SlowDown" ? .throttled : .transient
            failure.mayHaveActed = true
            return failure
        }
        return failure(response, S3ErrorDocument(response.body))
    }

    private func failure(_ response: HTTPResponse, _ error: S3ErrorDocument?) -> ServerFailure {
        var failure = ServerFailure(
            status: response.status, code: error?.code, message: error?.message,
            requestID: error?.requestID ?? response.headers["x-amz-request-id"], headers: response.headers)
        if failure.headers[Self.regionHeader] == nil { failure.headers[Self.regionHeader] = error?.region }
        switch failure.code {
        case "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests",
            "BandwidthLimitExceeded",
            "RequestThrottled":
            failure.kind = .throttled
        case "RequestTimeout", "InternalError", "ServiceUnavailable", "RequestTimeoutException":
            failure.kind = .transient
            failure.mayHaveActed = true
        case "ConditionalRequestConflict", "OperationAborted":
            // Another request for the key is under way; this one was not carried out.
            failure.kind = .transient
            failure.mayHaveActed = false
        case "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired", "SignatureDoesNotMatch",
            "RequestTimeTooSkewed", "RequestExpired", "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect":
            failure.kind = .refusedSignature
        default: break
        }
        if response.status == 301 || response.status == 307 || response.status == 308 { failure.kind = .refusedSignature }
        // A response to HEAD has no code to tell.
        if response.status == 400, request(response, hasRegionOf: failure), failure.code == nil { failure.kind = .refusedSignature }
        return failure
    }

    private func request(_ response: HTTPResponse, hasRegionOf failure: ServerFailure) -> Bool { failure.headers[Self.regionHeader] != nil }
}

/// `<Error><Code>NoSuchKey</Code>…</Error>`, also inside STS' `<ErrorResponse>`.
struct S3ErrorDocument: Sendable {
    private(set) var code: String?
    private(set) var message: String?
    private(set) var requestID: String?
    private(set) var region: String?
    private(set) var objectSize: Int64?
    private(set) var isError = false

    /// Nil for what is no XML; a proxy's page of HTML, say.
    init?(_ body: Bytes) {
        guard !body.isEmpty, body.count <= 1 << 20 else { return nil }
        var reader = XMLReader(body)
        do throws(XMLError) {
            let root = try reader.root()
            isError = root == "Error" || root == "ErrorResponse"
            guard isError else { return }
            try read(&reader)
        } catch {
            return nil
        }
    }

    private mutating func read(_ reader: inout XMLReader) throws(XMLError) {
        while let event = try reader.next() {
            guard case let .start(name) = event else { continue }
            switch name {
            case "Code": code = try reader.textOfElement()
            case "Message": message = try reader.textOfElement()
            case "RequestId": requestID = try reader.textOfElement()
            case "Region": region = try reader.textOfElement()
            case "ActualObjectSize": objectSize = Int64(try reader.textOfElement())
            default: continue
            }
        }
    }
}
