import Base
import CGnuTLS
import Glibc
import HTTP

/// What makes this cluster the same one after a restart: its token, its certificate and its port. Clients send credentials over TLS only, so TLS it is.
struct ClusterIdentity {
    let token: String
    let certificate: String
    private let key: String
    /// Where it listened the last time.
    let port: Int?
    private let dataDirectory: String

    var tls: ServerTLS { ServerTLS(certificatePEM: Bytes(certificate), keyPEM: Bytes(key)) }

    init(dataDirectory: String, now: Timestamp) throws(StorageError) {
        self.dataDirectory = dataDirectory
        let path = "\(dataDirectory)/identity.json"
        if let content = try StateFiles.read(path), let json = try? JSON.parse(Bytes(content)), let token = json["token"]?.stringValue,
            let certificate = json["certificate"]?.stringValue, let key = json["key"]?.stringValue
        {
            self.token = token
            self.certificate = certificate
            self.key = key
            port = json["port"]?.intValue.flatMap { Int(exactly: $0) }
            return
        }
        // From the system whatever the test's source of randomness is: it is a secret.
        let secret = SystemRandomSource()
        token = (0..<4).map { _ in String(secret.next(), radix: 36) }.joined()
        (certificate, key) = try Self.makeCertificate(now)
        port = nil
    }

    private static func makeCertificate(_ now: Timestamp) throws(StorageError) -> (certificate: String, key: String) {
        var certificate: UnsafeMutablePointer<CChar>?
        var key: UnsafeMutablePointer<CChar>?
        defer {
            free(certificate)
            free(key)
        }
        let code = levee_make_loopback_certificate("levee-dev", Int(now.seconds), &certificate, &key)
        guard code == 0, let certificate, let key else { throw .certificate(reason: String(cString: levee_gnutls_error(code))) }
        return (String(cString: certificate), String(cString: key))
    }

    /// Writes the kubeconfig and remembers the port; returns the kubeconfig's path.
    func write(port: Int, address: String) throws(StorageError) -> String {
        let identity: JSONValue = [
            "token": .string(token), "port": .integer(Int64(port)), "certificate": .string(certificate), "key": .string(key),
        ]
        try StateFiles.replace("\(dataDirectory)/identity.json", Array(JSON.encode(identity, pretty: true).utf8), mode: 0o600)
        let path = "\(dataDirectory)/kubeconfig"
        let text = """
            apiVersion: v1
            kind: Config
            clusters:
            - name: levee-dev
              cluster:
                server: \(address)
                certificate-authority-data: \(Base64.encode(Array(certificate.utf8)))
            users:
            - name: levee-dev
              user:
                token: \(token)
            contexts:
            - name: levee-dev
              context:
                cluster: levee-dev
                user: levee-dev
                namespace: default
            current-context: levee-dev

            """
        try StateFiles.replace(path, Array(text.utf8), mode: 0o600)
        return path
    }
}
