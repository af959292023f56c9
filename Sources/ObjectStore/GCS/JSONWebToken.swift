import Base
import COpenSSL

/// A signed assertion of who asks (RFC 7519), as Google's service accounts make them: RS256, by OpenSSL.
enum JSONWebToken {
    /// - Parameter keyPEM: an RSA private key, PKCS #8 or PKCS #1.
    static func signed(header: JSONValue, claims: JSONValue, keyPEM: String) throws(CredentialsError) -> String {
        let message = "\(base64URL(Array(JSON.encode(header).utf8))).\(base64URL(Array(JSON.encode(claims).utf8)))"
        return "\(message).\(base64URL(try signature(of: Array(message.utf8), keyPEM: keyPEM)))"
    }

    /// RFC 4648, section 5, without padding.
    static func base64URL(_ bytes: [UInt8]) -> String {
        let text = Base64.encode(bytes).utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func signature(of message: [UInt8], keyPEM: String) throws(CredentialsError) -> [UInt8] {
        guard let key = privateKey(keyPEM) else {
            ERR_clear_error()
            throw failed("private_key is no PEM-encoded private key without a passphrase")
        }
        defer { EVP_PKEY_free(key) }
        guard EVP_PKEY_is_a(key, "RSA") == 1 else { throw failed("private_key is no RSA key") }
        guard let context = EVP_MD_CTX_new() else { throw failed("no memory") }
        defer { EVP_MD_CTX_free(context) }
        var length = 0
        guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1, EVP_DigestSign(context, nil, &length, message, message.count) == 1 else {
            ERR_clear_error()
            throw failed("OpenSSL does not sign with private_key")
        }
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else {
            ERR_clear_error()
            throw failed("OpenSSL does not sign with private_key")
        }
        return Array(signature.prefix(length))
    }

    private static func privateKey(_ text: String) -> OpaquePointer? {
        var text = text
        // OpenSSL reads where the text lies, so all of it happens while it lies there.
        return text.withUTF8 { pem in
            guard let source = BIO_new_mem_buf(pem.baseAddress, Int32(clamping: pem.count)) else { return nil }
            defer { BIO_free(source) }
            // A key under a passphrase is refused; without this OpenSSL would ask on the terminal.
            return PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil)
        }
    }

    private static func failed(_ reason: String) -> CredentialsError {
        CredentialsError(message: "the service account's key cannot be used: \(reason); make a new key for the account", isRetryable: false)
    }
}
