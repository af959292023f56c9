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

        public var description: String {
            switch self {
            case .none: "none"
            case .token: "a token"
            case .tokenFile(let path): "the token in \(path)"
            case .basic(let user, _): "user \(user)"
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
    public var proxyURL: String?

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

    func tls() throws(KubeError) -> TLSConfiguration {
        TLSConfiguration(
            caPEM: try certificateAuthority?.read(), certPEM: try clientCertificate?.read(), keyPEM: try clientKey?.read(), serverName: tlsServerName,
            insecure: insecureSkipTLSVerify)
    }
}
