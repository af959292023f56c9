import Base
import CCurl

/// Turns a request and a client's configuration into curl's options.
struct TransferOptions {
    let request: HTTPRequest
    let configuration: HTTPClientConfiguration

    /// Lists that curl reads during the transfer; whoever owns the transfer frees them after it.
    struct Lists {
        var headers: UnsafeMutablePointer<curl_slist>?
        var connectTo: UnsafeMutablePointer<curl_slist>?

        mutating func free() {
            curl_slist_free_all(headers)
            curl_slist_free_all(connectTo)
            self = Lists()
        }
    }

    func apply(to easy: UnsafeMutableRawPointer) throws(HTTPError) -> Lists {
        try validate()
        let isTLS = request.url.prefix(8).lowercased() == "https://"
        levee_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        levee_curl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        levee_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        levee_curl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        levee_curl_set_string(easy, CURLOPT_USERAGENT, configuration.userAgent)
        // Notices dead peers under a silent watch.
        levee_curl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
        levee_curl_set_long(easy, CURLOPT_TCP_KEEPIDLE, 30)
        levee_curl_set_long(easy, CURLOPT_TCP_KEEPINTVL, 15)
        let useHTTP2 = configuration.http2 && isTLS
        levee_curl_set_long(easy, CURLOPT_HTTP_VERSION, useHTTP2 ? Int(CURL_HTTP_VERSION_2TLS) : Int(CURL_HTTP_VERSION_1_1))
        // Waits for the first connection to tell whether it multiplexes, instead of opening one per request meanwhile.
        levee_curl_set_long(easy, CURLOPT_PIPEWAIT, useHTTP2 ? 1 : 0)
        if let size = configuration.bufferSize {
            levee_curl_set_long(easy, CURLOPT_BUFFERSIZE, size)
            levee_curl_set_long(easy, CURLOPT_UPLOAD_BUFFERSIZE, size)
        }
        if request.usesFreshConnection { levee_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1) }
        if configuration.acceptsCompression { levee_curl_set_string(easy, CURLOPT_ACCEPT_ENCODING, "gzip") }
        applyTimeouts(easy)
        applyProxy(easy)
        applyMethodAndBody(easy)
        levee_curl_set_string(easy, CURLOPT_URL, request.url)
        if isTLS { try applyTLS(easy) }
        var lists = Lists(headers: headerList(), connectTo: nil)
        if isTLS, let serverName = configuration.tls.serverName { applyServerName(serverName, easy, &lists) }
        levee_curl_set_pointer(easy, CURLOPT_HTTPHEADER, lists.headers)
        return lists
    }

    /// curl asks for and checks the name in the URL: so the URL gets the server's name, and the connection goes to the host that stood there.
    private func applyServerName(_ serverName: String, _ easy: UnsafeMutableRawPointer, _ lists: inout Lists) {
        let rest = request.url.dropFirst("https://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let afterBracket = authority.lastIndex(of: "]") ?? authority.startIndex
        let colon = authority[afterBracket...].lastIndex(of: ":")
        let host = authority[..<(colon ?? authority.endIndex)]
        let port = colon.map { String(authority[authority.index(after: $0)...]) } ?? "443"
        levee_curl_set_string(easy, CURLOPT_URL, "https://\(serverName):\(port)\(rest.dropFirst(authority.count))")
        lists.connectTo = curl_slist_append(nil, "::\(host):\(port)")
        levee_curl_set_pointer(easy, CURLOPT_CONNECT_TO, lists.connectTo)
        if request.headers["Host"] == nil { lists.headers = curl_slist_append(lists.headers, "Host: \(authority)") }
    }

    private func validate() throws(HTTPError) {
        let isToken = { (text: String) in !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") } }
        guard isToken(request.method) else { throw .invalidRequest(url: request.label, reason: "the method is no HTTP token") }
        guard request.url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw .invalidRequest(url: request.label, reason: "the URL has spaces or control characters; percent-encode them")
        }
        for field in request.headers {
            // A line break in a value would smuggle another header in. The value may be a credential: only the name is shown.
            guard isToken(field.name), !field.value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else {
                throw .invalidRequest(url: request.label, reason: "the header \(field.name.debugDescription) has a line break or an invalid name")
            }
        }
    }

    private func applyTimeouts(_ easy: UnsafeMutableRawPointer) {
        levee_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, configuration.connectTimeout.wholeMilliseconds))
        if let timeout = request.timeout { levee_curl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, timeout.wholeMilliseconds)) }
        if let idle = request.idleTimeout {
            levee_curl_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
            levee_curl_set_long(easy, CURLOPT_LOW_SPEED_TIME, max(1, idle.wholeMilliseconds / 1000))
        }
    }

    private func applyProxy(_ easy: UnsafeMutableRawPointer) {
        switch configuration.proxy {
        case .environment: break
        case .direct: levee_curl_set_string(easy, CURLOPT_PROXY, "")
        case .url(let url, let bypass):
            levee_curl_set_string(easy, CURLOPT_PROXY, url)
            levee_curl_set_string(easy, CURLOPT_NOPROXY, bypass)
        }
    }

    private func applyMethodAndBody(_ easy: UnsafeMutableRawPointer) {
        let size: Int64?
        switch request.body {
        case .none where request.method == "HEAD":
            levee_curl_set_long(easy, CURLOPT_NOBODY, 1)
            return
        case .none where ["POST", "PUT", "PATCH"].contains(request.method): size = 0
        case .none:
            levee_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method)
            return
        case .bytes(let bytes): size = Int64(bytes.count)
        case .pieces(let pieces): size = pieces.reduce(0) { $0 + Int64($1.count) }
        case .stream(_, let length): size = length
        }
        levee_curl_set_long(easy, CURLOPT_UPLOAD, 1)
        levee_curl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(size ?? -1))
        levee_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method)
    }

    private func applyTLS(_ easy: UnsafeMutableRawPointer) throws(HTTPError) {
        let tls = configuration.tls
        levee_curl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let ca = tls.caPEM {
            set(easy, CURLOPT_CAINFO_BLOB, ca)
            // The built-in directory of public authorities would be trusted beside the given ones.
            levee_curl_set_string(easy, CURLOPT_CAPATH, nil)
        }
        if tls.insecure {
            levee_curl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0)
            levee_curl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0)
        }
        switch (tls.certPEM, tls.keyPEM) {
        case (let certificate?, let key?):
            set(easy, CURLOPT_SSLCERT_BLOB, certificate)
            levee_curl_set_string(easy, CURLOPT_SSLCERTTYPE, "PEM")
            set(easy, CURLOPT_SSLKEY_BLOB, key)
            levee_curl_set_string(easy, CURLOPT_SSLKEYTYPE, "PEM")
        case (nil, nil): break
        default: throw .invalidRequest(url: request.label, reason: "a client certificate and its key are needed together")
        }
    }

    private func set(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ bytes: Bytes) {
        _ = bytes.withUnsafeBytes { levee_curl_set_blob(easy, option, $0.baseAddress, $0.count) }
    }

    private func headerList() -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for field in request.headers {
            // "Name;" is curl's spelling of an empty value; "Name:" would remove the header.
            list = curl_slist_append(list, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        // Waiting for "100 Continue" costs a round trip, and a second where the server doesn't know it.
        if request.headers["Expect"] == nil { list = curl_slist_append(list, "Expect:") }
        return list
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int { Int(clamping: wholeMicroseconds / 1000) }
}
