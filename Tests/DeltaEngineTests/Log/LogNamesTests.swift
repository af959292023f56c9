import Base
import ObjectStore
import Testing

@testable import DeltaEngine

@Suite struct LogNamesTests {
    @Test(
        arguments: [
            ("00000000000000000007.json", .commit(version: 7)), ("00000000000000000007.crc", .checksum(version: 7)),
            ("00000000000000000010.checkpoint.parquet", .classicCheckpoint(version: 10)),
            ("00000000000000000010.checkpoint.0000000002.0000000003.parquet", .checkpointPart(version: 10, part: 2, of: 3)),
            ("00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", .uuidCheckpoint(version: 10, isJSON: true)),
            ("00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet", .uuidCheckpoint(version: 10, isJSON: false)),
            ("00000000000000000004.00000000000000000006.compacted.json", .compactedCommits(from: 4, to: 6)),
            ("00000000000000000006.00000000000000000004.compacted.json", nil), ("0000000000000000007.json", nil), ("000000000000000000007.json", nil),
            ("99999999999999999999.json", nil), ("0000000000000000000x.json", nil), ("+0000000000000000007.json", nil), ("_last_checkpoint", nil),
            ("00000000000000000007.json.tmp", nil), ("00000000000000000010.checkpoint.0000000004.0000000003.parquet", nil),
            ("00000000000000000010.checkpoint.0000000000.0000000003.parquet", nil), ("00000000000000000010.checkpoint.json", nil), ("", nil),
        ] as [(String, LogFileName?)])
    func names(text: String, expected: LogFileName?) {
        #expect(LogFileName(text[...]) == expected)
    }

    @Test func pathsSortAsVersionsDo() {
        #expect(LogFileName.commitPath(12) == "_delta_log/00000000000000000012.json")
        #expect(LogFileName.classicCheckpointPath(.max) == "_delta_log/09223372036854775807.checkpoint.parquet")
        #expect(LogFileName.listingStart(12) < LogFileName.commitPath(12))
    }

    @Test(arguments: [
        ("x=A%2FA/f g%.parquet", "x=A%252FA/f%20g%25.parquet"), ("é:#?", "%C3%A9%3A%23%3F"), ("part-0_1.c000~!'()*,;$&+@=", "part-0_1.c000~!'()*,;$&+@="),
    ])
    func pathsAreEscapedAsURIs(object: String, encoded: String) throws {
        let path = DataPath(try ObjectPath(object))
        #expect(path.encoded == encoded)
        #expect(path.decoded == object)
        #expect(try path.object(in: InMemoryStore()).string == object)
    }

    @Test(arguments: [
        ("file:///data/t/a%20b", true), ("s3a://b/k", true), ("/data/t/x", true), ("a:b", true), ("a/b:c", false), ("1a:b", false), (":x", false),
        ("a%3Ab", false), ("", false),
    ])
    func absolutePaths(encoded: String, isAbsolute: Bool) {
        #expect(DataPath(encoded: encoded).isAbsolute == isAbsolute)
    }

    @Test(
        arguments: [
            ("file:///data/a%20b/x%2Fy", "x/y"), ("file:/data/a%20b/p", "p"), ("/data/a%20b/p", "p"), ("/data/other/p", nil), ("s3://data/a%20b/p", nil),
            ("../p", nil), ("a/../../p", nil), ("%2e%2e/p", nil), ("p%00", nil), ("%FF", nil), ("", nil),
        ] as [(String, String?)])
    func objectsStayBelowTheRoot(encoded: String, expected: String?) {
        let store = LocalStore(root: "/data/a b", executor: BlockingExecutor(threads: 1, name: "names"))
        #expect((try? DataPath(encoded: encoded).object(in: store))?.string == expected)
    }

    @Test func pathsOfOneFileAreEqual() {
        #expect(DataPath(encoded: "a%20b") == DataPath(encoded: "a b"))
        #expect(DataPath(encoded: "a%20b").hashValue == DataPath(encoded: "a b").hashValue)
        // Composed and decomposed letters are different names.
        #expect(DataPath(encoded: "\u{e9}") != DataPath(encoded: "e\u{301}"))
    }

    @Test func z85GoesBothWays() {
        let bytes: [UInt8] = (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        #expect(Z85.decode(Z85.encode(bytes).utf8) == bytes)
        #expect(Z85.encode([0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]) == "HelloWorld")
        for text in ["Hell", "Hello\"orld", "#####"] { #expect(Z85.decode(text.utf8) == nil) }
    }
}
