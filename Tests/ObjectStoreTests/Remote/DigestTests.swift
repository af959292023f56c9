import Base
import Testing

@testable import ObjectStore

@Suite struct DigestTests {
    @Test func digestsAreThoseOfTheStandards() {
        #expect(Digest.sha256("abc").hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest.sha256([Bytes("a"), .empty, Bytes("bc")]) == Digest.sha256("abc"))
        #expect(Digest.of([], .md5)?.hexadecimal == "d41d8cd98f00b204e9800998ecf8427e")
        let mac = Digest.hmacSHA256(key: Array("Jefe".utf8), "what do ya want for nothing?")
        #expect(mac.hexadecimal == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("\u{FF}\u{FF}", "w7/Dvw==")])
    func base64IsThatOfTheStandard(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
    }

    @Test(arguments: ["A", "AA", "A===", "====", "Zg=a", "Z g=", "Zg==Zg==", "Zm9\u{2028}"])
    func whatIsNoBase64IsRefused(text: String) { #expect(Base64.decode(text) == nil) }
}
