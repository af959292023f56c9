import Base
import HTTP
import TestSupport
import Testing

struct HTTPClientTLSTests {
    private static let certificates = Result { try TestCertificates() }

    private func server(clientAuthorities: Bytes? = nil) throws -> HTTPServer {
        let certificates = try Self.certificates.get()
        var options = HTTPServer.Options()
        options.tls = ServerTLS(certificatePEM: certificates.serverCertificate, keyPEM: certificates.serverKey, clientAuthoritiesPEM: clientAuthorities)
        return try HTTPServer(options: options) { .text("\($0.headers["Host"] ?? "-") \($0.body.text)") }
    }

    private func client(_ tls: TLSConfiguration) throws -> HTTPClient {
        var configuration = HTTPClientConfiguration()
        configuration.tls = tls
        configuration.http2 = true
        return try HTTPClient(configuration: configuration)
    }

    @Test func trustsTheGivenAuthorityOnly() async throws {
        let certificates = try Self.certificates.get()
        let server = try server()
        let url = "https://127.0.0.1:\(server.port)/"
        let trusted = try await client(TLSConfiguration(caPEM: certificates.authority)).execute(HTTPRequest(url: url))
        #expect(trusted.body.text == "127.0.0.1:\(server.port) ")
        let other = try TestCertificates(organization: "other").authority
        for tls in [TLSConfiguration(), TLSConfiguration(caPEM: other), TLSConfiguration(caPEM: Bytes("no PEM"))] {
            let failure = try await client(tls).failure(HTTPRequest(url: url))
            guard case .tlsFailed = failure else { return #expect(Bool(false), "\(String(describing: failure))") }
        }
        #expect(try await client(TLSConfiguration(insecure: true)).execute(HTTPRequest(url: url)).status == 200)
        await server.stop()
    }

    @Test func checksTheServerNameThatIsAskedFor() async throws {
        let certificates = try Self.certificates.get()
        let server = try server()
        let url = "https://127.0.0.1:\(server.port)/path?x=y"
        let named = try client(TLSConfiguration(caPEM: certificates.authority, serverName: "levee.test"))
        #expect(try await named.execute(HTTPRequest(url: url)).body.text == "127.0.0.1:\(server.port) ", "the Host header stays the URL's")
        let wrong = try await client(TLSConfiguration(caPEM: certificates.authority, serverName: "elsewhere.test")).failure(HTTPRequest(url: url))
        guard case .tlsFailed = wrong else { return #expect(Bool(false), "\(String(describing: wrong))") }
        await server.stop()
    }

    @Test func showsItsCertificate() async throws {
        let certificates = try Self.certificates.get()
        let server = try server(clientAuthorities: certificates.authority)
        let url = "https://127.0.0.1:\(server.port)/"
        let tls = TLSConfiguration(caPEM: certificates.authority, certPEM: certificates.clientCertificate, keyPEM: certificates.clientKey)
        #expect(try await client(tls).execute(HTTPRequest(method: "PUT", url: url, body: .bytes(Bytes("b")))).body.text.hasSuffix(" b"))
        let half = try await client(TLSConfiguration(caPEM: certificates.authority, certPEM: certificates.clientCertificate)).failure(HTTPRequest(url: url))
        guard case .invalidRequest = half else { return #expect(Bool(false), "\(String(describing: half))") }
        let mismatched = try await client(
            TLSConfiguration(caPEM: certificates.authority, certPEM: certificates.clientCertificate, keyPEM: certificates.serverKey)
        ).failure(HTTPRequest(url: url))
        guard case .tlsFailed = mismatched else { return #expect(Bool(false), "\(String(describing: mismatched))") }
        await server.stop()
    }

    @Test func anUnusableServerCertificateIsAnError() {
        var options = HTTPServer.Options()
        options.tls = ServerTLS(certificatePEM: Bytes("no PEM"), keyPEM: Bytes("no PEM"))
        #expect(throws: HTTPError.self) { _ = try HTTPServer(options: options) { _ in .text("") } }
    }
}
