import Base
import COpenSSL

/// Message digests and what is made of them, by OpenSSL's libcrypto.
enum Digest {
    enum Algorithm: Sendable {
        case sha256, md5

        fileprivate var function: OpaquePointer? {
            switch self {
            case .sha256: EVP_sha256()
            case .md5: EVP_md5()
            }
        }
    }

    /// Of all pieces, one after the other. Nil where the library refuses the algorithm (MD5 in a FIPS configuration).
    static func of(_ pieces: [Bytes], _ algorithm: Algorithm) -> [UInt8]? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, algorithm.function, nil) == 1 else { return nil }
        for piece in pieces {
            guard piece.withUnsafeBytes({ EVP_DigestUpdate(context, $0.baseAddress, $0.count) }) == 1 else { return nil }
        }
        var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &result, &length) == 1 else { return nil }
        return Array(result.prefix(Int(length)))
    }

    static func sha256(_ pieces: [Bytes]) -> [UInt8] { of(pieces, .sha256) ?? [] }

    static func sha256(_ text: String) -> [UInt8] { sha256([Bytes(text)]) }

    static func hmacSHA256(key: [UInt8], _ text: String) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        var text = text
        let done = text.withUTF8 { bytes in
            key.withUnsafeBufferPointer { HMAC(EVP_sha256(), $0.baseAddress, Int32($0.count), bytes.baseAddress, bytes.count, &result, &length) }
        }
        return done == nil ? [] : result
    }
}

extension Sequence<UInt8> {
    /// In lower case, as signatures have it.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Base 64 with the alphabet and padding of RFC 4648, section 4.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<Swift.min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                text.append(place <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything but the alphabet's letters with the right padding.
    static func decode(_ text: String) -> [UInt8]? {
        let letters = Array(text.utf8)
        guard letters.count % 4 == 0 else { return nil }
        let padding = letters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(letters.count / 4 * 3)
        for start in stride(from: 0, to: letters.count, by: 4) {
            var bits: UInt32 = 0
            for (place, letter) in letters[start..<start + 4].enumerated() {
                if start + place >= letters.count - padding {
                    bits <<= 6
                    continue
                }
                let value: UInt8
                switch letter {
                case 0x41...0x5A: value = letter - 0x41
                case 0x61...0x7A: value = letter - 0x61 + 26
                case 0x30...0x39: value = letter - 0x30 + 52
                case 0x2B: value = 62
                case 0x2F: value = 63
                default: return nil
                }
                bits = bits << 6 | UInt32(value)
            }
            bytes += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)]
        }
        return Array(bytes.dropLast(padding))
    }
}
