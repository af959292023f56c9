import Base
import HTTP

/// How Azure Storage speaks of failures: a code in a header and in an XML body.
struct AzureDialect: RemoteDialect {
    func failure(of response: HTTPResponse, to request: RemoteRequest) -> ServerFailure? {
        guard !(200..<300).contains(response.status) else { return nil }
        return Self.failure(status: response.status, headers: response.headers, body: response.body)
    }

    static func failure(status: Int, headers: HTTPHeaders, body: Bytes) -> ServerFailure {
        let (code, message) = errorDocument(body)
        var failure = ServerFailure(
            status: status, code: headers["x-ms-error-code"] ?? code, message: message, requestID: headers["x-ms-request-id"], headers: headers)
        switch (status, failure.code) {
        case (503, "ServerBusy"?): failure.kind = .throttled
        // A lease or a lock of the service's own that passes.
        case (409, "ContainerBeingDeleted"?), (409, "OperationTimedOut"?): failure.kind = .transient
        case (401, _), (403, "AuthenticationFailed"?): failure.kind = .refusedSignature
        default: break
        }
        failure.isAboutContainer = failure.code == "ContainerNotFound" || failure.code == "FilesystemNotFound" || failure.code == "ResourceNotFound"
        return failure
    }

    /// The message's first line: what follows repeats the request's id and the time.
    private static func errorDocument(_ body: Bytes) -> (code: String?, message: String?) {
        var code: String?
        var message: String?
        var reader = XMLReader(body)
        guard !body.isEmpty, (try? reader.root()) == "Error" else { return (nil, nil) }
        try? reader.forEachChild { reader, name throws(XMLError) in
            switch name {
            case "Code": code = try reader.textOfElement()
            case "Message": message = try reader.textOfElement().prefix { $0 != "\n" && $0 != "\r\n" }.description
            // AuthenticationErrorDetail says what was signed; it is long, and no help to whom the message goes.
            default: try reader.skipElement()
            }
        }
        return (code, message)
    }
}
