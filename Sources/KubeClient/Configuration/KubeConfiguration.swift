import Base
import HTTP

/// Where an API server is, and who we are to it.
public struct KubeConfiguration: Sendable, Hashable {
    /// PEM bytes, in hand or in a file that is read again now and then.
    public enum Material: Sendable, Hashable, CustomStringConvertible {
        case inline(Bytes)
        case file(String)

        public var description: String {
            switch self {
            case .inline(let bytes): bytes.description
            case .file(let path): path
            }
        }

        func read() throws(KubeError) -> Bytes {
            switch self {
            case .inline(let bytes): bytes
            case .file(let path): try FileContents.read(path)
            }
        }
    }

    /// What requests carry beside a client certificate. Its description shows no secret.
    public enum Credentials: Sendable, Hashable, CustomStringConvertible {
        case none
        case token(String)
        /// Read again once a minute, and when the server refuses the token.
        case tokenFile(String)
        case basic(user: String, password: String)
        /// Asked for when they are needed and when they have expired; may be a client certificate.
        case exec(ExecPlugin)

        public var description: String {
            switch self {
            case .none: "none"
            case .token: "a token"
            case .tokenFile(let path): "the token in \(path)"
            case .basic(let user, _): "user \(user)"
            case .exec(let plugin): plugin.description
            }
        }
    }

    /// Scheme, host and port, and a path prefix if there is one; no slash at the end.
    public var server: String
    /// Where objects are looked for if nothing else is said.
    public var namespace: String
    public var credentials: Credentials
    public var certificateAuthority: Material?
    public var clientCertificate: Material?
    public var clientKey: Material?
    /// The name in the server's certificate, where it is not the server's host.
    public var tlsServerName: String?
    public var insecureSkipTLSVerify: Bool
    /// `http://`, `https://` or `socks5://`, for every host. nil: as the environment says (`HTTPS_PROXY`, `NO_PROXY`), which never speaks of this machine itself.
    public var proxyURL: String?
    /// Whom to act as, beside who we are.
    public var impersonation: Impersonation?

    public init(server: String, namespace: String = "default", credentials: Credentials = .none) {
        self.server = server.hasSuffix("/") ? String(server.dropLast()) : server
        self.namespace = namespace
        self.credentials = credentials
        insecureSkipTLSVerify = false
    }

    var readsTLSFiles: Bool {
        [certificateAuthority, clientCertificate, clientKey].contains { material in
            if case .file = material { true } else { false }
        }
    }

    var proxy: HTTPClientConfiguration.Proxy {
        guard let proxyURL else { return isOnThisMachine ? .direct : .environment }
        // As Go has it, the proxy looks names up.
        let resolving = proxyURL.hasPrefix("socks5://") ? "socks5h://\(proxyURL.dropFirst("socks5://".count))" : proxyURL
        return .url(resolving, bypass: "")
    }

    /// Go's programs, and so all of Kubernetes', reach these without a proxy whatever the environment says.
    private var isOnThisMachine: Bool {
        let authority = server.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" }
        if authority.hasPrefix("[") { return authority.hasPrefix("[::1]") }
        let host = authority.prefix { $0 != ":" }
        return host == "localhost" || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// - Parameter given: by a program; where it has a certificate, that counts.
    func tls(_ given: ExecCredential?) throws(KubeError) -> TLSConfiguration {
        var tls = TLSConfiguration(caPEM: try certificateAuthority?.read(), serverName: tlsServerName, insecure: insecureSkipTLSVerify)
        if let certificate = given?.certificate {
            (tls.certPEM, tls.keyPEM) = (certificate, given?.key)
        } else {
            (tls.certPEM, tls.keyPEM) = (try clientCertificate?.read(), try clientKey?.read())
        }
        return tls
    }
}
