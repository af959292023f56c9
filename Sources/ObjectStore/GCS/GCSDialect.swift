import Base
import HTTP

/// How Cloud Storage's JSON API speaks of failures.
struct GCSDialect: RemoteDialect {
    func failure(of response: HTTPResponse, to request: RemoteRequest) -> ServerFailure? {
        guard !(200..<300).contains(response.status) else { return nil }
        var failure = Self.failure(status: response.status, headers: response.headers, body: response.body)
        // There it is the upload's own id, with which anybody could go on with it.
        if request.url["upload_id"] != nil || request.url["uploadType"] == "resumable" { failure.requestID = nil }
        return failure
    }

    static func failure(status: Int, headers: HTTPHeaders, body: Bytes) -> ServerFailure {
        // Errors of media requests are plain text.
        let error = (try? JSON.parse(body))?["error"]
        let message = error?["message"]?.stringValue ?? (headers["Content-Type"]?.hasPrefix("text/") == true ? body.prefix(300).text : nil)
        let reason = error?["errors"]?[0]?["reason"]?.stringValue ?? error?["status"]?.stringValue
        var failure = ServerFailure(status: status, code: reason, message: message, requestID: headers["X-GUploader-UploadID"], headers: headers)
        switch (status, reason) {
        case (401, _): failure.kind = .refusedSignature
        case (403, "rateLimitExceeded"?), (403, "userRateLimitExceeded"?): failure.kind = .throttled
        default: break
        }
        failure.isAboutContainer = status == 404 && (message?.contains("bucket does not exist") ?? false)
        return failure
    }
}
