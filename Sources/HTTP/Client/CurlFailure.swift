import CCurl

extension HTTPError {
    /// What curl's result code says, with its own text where it has one.
    static func fromCurl(_ code: CURLcode, url: String, text: String, wasSent: Bool) -> HTTPError {
        let reason = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return .invalidRequest(url: url, reason: reason)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY: return .connectionFailed(url: url, reason: reason)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CLIENTCERT, CURLE_SSL_INVALIDCERTSTATUS:
            return .tlsFailed(url: url, reason: reason)
        case CURLE_OPERATION_TIMEDOUT:
            // A time-out while connecting is a failed connection: nothing was sent.
            return wasSent ? .timedOut(url: url, reason: reason) : .connectionFailed(url: url, reason: reason)
        default:
            // TLS 1.3 servers refuse a client's certificate only after the handshake, by an alert.
            return reason.contains("alert") ? .tlsFailed(url: url, reason: reason) : .interrupted(url: url, reason: reason)
        }
    }
}
