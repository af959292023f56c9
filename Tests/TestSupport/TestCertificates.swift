import Base
import Glibc

/// A certificate authority with a server certificate for `localhost`, `levee.test` and 127.0.0.1 and a client certificate, made by the openssl command.
public struct TestCertificates: Sendable {
    public let authority: Bytes
    public let serverCertificate: Bytes
    public let serverKey: Bytes
    public let clientCertificate: Bytes
    public let clientKey: Bytes

    public struct OpenSSLFailed: Error { public let arguments: [String] }

    /// - Parameters:
    ///   - organization: Goes into the subjects, so that sets can be told apart.
    ///   - serverNames: What the server's certificate is for.
    ///   - serverDays: How long that is valid; -1 for one that has expired.
    public init(organization: String = "levee", serverNames: String = "DNS:localhost,DNS:levee.test,IP:127.0.0.1", serverDays: Int = 2) throws {
        var template = Array("/tmp/levee-certificates-XXXXXX\0".utf8CString.dropLast())
        guard mkdtemp(&template) != nil else { throw OpenSSLFailed(arguments: ["mkdtemp"]) }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? run(["/bin/rm", "-rf", directory]) }
        let path = { (name: String) in "\(directory)/\(name)" }
        func newKey(_ name: String) throws {
            try run(["/usr/bin/openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("\(name).key")])
        }
        func certificate(_ name: String, extensions: String, days: Int = 2) throws {
            try newKey(name)
            try run(["/usr/bin/openssl", "req", "-new", "-key", path("\(name).key"), "-subj", "/O=\(organization)/CN=\(name)", "-out", path("\(name).csr")])
            write(extensions, to: path("\(name).ext"))
            try run([
                "/usr/bin/openssl", "x509", "-req", "-in", path("\(name).csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"), "-CAcreateserial",
                "-days", "\(days)", "-extfile", path("\(name).ext"), "-out", path("\(name).crt"),
            ])
        }
        try newKey("ca")
        try run([
            "/usr/bin/openssl", "req", "-x509", "-new", "-key", path("ca.key"), "-subj", "/O=\(organization)/CN=test authority", "-days", "2",
            "-out", path("ca.crt"),
        ])
        try certificate("server", extensions: "subjectAltName=\(serverNames)\n", days: serverDays)
        try certificate("client", extensions: "extendedKeyUsage=clientAuth\n")
        authority = read(path("ca.crt"))
        serverCertificate = read(path("server.crt"))
        serverKey = read(path("server.key"))
        clientCertificate = read(path("client.crt"))
        clientKey = read(path("client.key"))
    }
}

private func run(_ arguments: [String]) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    var strings: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { strings.forEach { free($0) } }
    var process = pid_t()
    var status: CInt = -1
    guard posix_spawn(&process, arguments[0], &actions, nil, &strings, environ) == 0, waitpid(process, &status, 0) == process, status == 0 else {
        throw TestCertificates.OpenSSLFailed(arguments: arguments)
    }
}

private func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
}

private func read(_ path: String) -> Bytes {
    guard let file = fopen(path, "r") else { return .empty }
    defer { fclose(file) }
    return Bytes(capacity: 65536) { fread($0.baseAddress, 1, $0.count, file) }
}
