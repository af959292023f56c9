import Base
import TestSupport
import Testing

@Suite struct JSONParsingTests {
    static let values: [(text: String, expected: JSONValue)] = [
        ("null", JSONValue.null), ("true", true), (" false\n", false), ("0", 0), ("-0", 0), ("-17", -17),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("18446744073709551616", .double(18_446_744_073_709_551_616)),
        ("1.0", 1.0), ("0.1", 0.1), ("-2.5e3", -2500.0), ("1E+2", 100.0), ("1e-7", 1e-7), ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ("0.1234567890123456789", 0.1234567890123456789),
        ("2.2250738585072011e-308", .double(Double(sign: .plus, exponent: -1023, significand: 1.9999999999999996))),
        ("5e-324", .double(.leastNonzeroMagnitude)), ("1e-400", 0.0),
        ("\"\"", ""), (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9\u20AC\uD83D\uDE00""#, "é€😀"), ("\"é😀\"", "é😀"),
        ("[]", []), ("[1, [2], {}]", [1, [2], [:]]), (#"{"a":1,"b":{"c":[null]}}"#, ["a": 1, "b": ["c": [.null]]]), (#"{"a":1,"a":2}"#, ["a": 2]),
    ]

    @Test(arguments: values)
    func reads(text: String, expected: JSONValue) throws {
        #expect(try JSON.parse(text) == expected)
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "True", "nan", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x10", "1 2", "[1,]", "[,1]", "[1 2]", "[",
        "[1", "]", "{", "{\"a\"",
        "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{\"a\" 1}", "[}", "{]", "\"", "\"a", "\"\\", "\"\\\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12G4\"",
        "\"\\uD800\"", "\"\\uD800x\"", "\"\\uD800\\u0041\"", "\"\\uDC00\"", "\"\n\"", "\"\u{0}\"", "'a'", "// c\n1", "1e999", "\u{FEFF}1", "[1]x", "{\"a\":1}}",
    ])
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try JSON.parse(text) }
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
        ] as [[UInt8]])
    func refusesInvalidUTF8(content: [UInt8]) {
        let plain = Bytes([0x22] + content + [0x22])
        #expect(throws: JSONError.invalidUTF8(offset: 1)) { try JSON.parse(plain) }
        let escaped = Bytes(Array("\"\\n".utf8) + content + [0x22])
        #expect(throws: JSONError.invalidUTF8(offset: 1)) { try JSON.parse(escaped) }
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
    func boundsNesting(open: String) throws {
        let deep = String(repeating: open, count: 100_000)
        #expect(throws: JSONError.self) { try JSON.parse(deep) }
        let allowed = String(repeating: "[", count: JSON.maximumDepth) + String(repeating: "]", count: JSON.maximumDepth)
        _ = try JSON.parse(allowed)
        #expect(throws: JSONError.tooDeep(offset: JSON.maximumDepth)) { try JSON.parse("[" + allowed + "]") }
    }

    @Test func messagesNameOffsetAndFinding() {
        #expect(throws: JSONError.malformed(offset: 6, reason: "expected a value, found `}`")) { try JSON.parse("{\"a\": }") }
        #expect("\(JSONError.malformed(offset: 6, reason: "expected a value, found `}`"))" == "byte 6: expected a value, found `}`")
    }

    @Test func everyTruncationAndFlipIsAnErrorOrAValue() throws {
        let text = Array(#"{"add":{"path":"a=\u00e9/b.parquet","size":12345678901,"stats":"{\"n\":1}","f":-1.5e-3,"tags":[true,false,null]}}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSON.parse(Bytes(Array(text[..<length]))) }
        }
        let random = SeededRandomSource(seed: 7)
        for _ in 0..<20_000 {
            var damaged = text
            damaged[random.integer(below: damaged.count)] = UInt8(truncatingIfNeeded: random.next())
            _ = try? JSON.parse(Bytes(damaged))
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func roundTrips(seed: UInt64) throws {
        let random = RandomJSON(seed: seed)
        for _ in 0..<300 {
            let value = random.value()
            #expect(try JSON.parse(JSON.encode(value)) == value, "seed \(seed)")
            #expect(try JSON.parse(JSON.encodeBytes(value, pretty: true)) == value, "seed \(seed)")
        }
    }
}

@Suite struct JSONWritingTests {
    static let values: [(value: JSONValue, text: String)] = [
        (JSONValue.integer(.min), "-9223372036854775808"), (0.1, "0.1"), (1.0, "1.0"), (1e300, "1e+300"), (.double(.nan), "\"NaN\""),
        (.double(-.infinity), "\"-Infinity\""),
        ("a/b\u{1}\u{1f}\"\\\n\u{7f}é", "\"a/b\\u0001\\u001f\\\"\\\\\\n\u{7f}é\""), ([], "[]"), ([:], "{}"),
        (["b": 1, "a": [1, .null]], #"{"b":1,"a":[1,null]}"#),
    ]

    @Test(arguments: values)
    func writes(value: JSONValue, expected: String) {
        #expect(JSON.encode(value) == expected)
    }

    @Test func indentsByTwo() {
        #expect(JSON.encode(["a": [1, ["b": [:]]], "c": []], pretty: true) == "{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n  \"c\": []\n}")
    }
}

@Suite struct JSONValueTests {
    @Test func keepsOrderAndComparesWithout() {
        var object: JSONObject = ["z": 1, "a": 2]
        object["m"] = 3
        object["z"] = 9
        #expect(object.keys == ["z", "a", "m"])
        #expect(object == ["a": 2, "m": 3, "z": 9])
        #expect(object.hashValue == (["a": 2, "m": 3, "z": 9] as JSONObject).hashValue)
        object["a"] = nil
        #expect(object.keys == ["z", "m"])
        #expect(object["a"] == nil)
    }

    @Test func manyMembersCanBeFoundSetAndRemoved() {
        var object = JSONObject()
        for index in 0..<1000 { object["key\(index)"] = .integer(Int64(index)) }
        for index in stride(from: 0, to: 1000, by: 2) { object.removeValue(forKey: "key\(index)") }
        #expect(object.count == 500)
        #expect(object["key998"] == nil)
        #expect(object["key999"] == 999)
        #expect(object.keys.first == "key1")
    }

    @Test(arguments: [2, 50])
    func keysAreComparedByTheirBytes(members: Int) throws {
        // é as one scalar, and as e with an accent: equal for Swift, two names for everybody else.
        let text = "{\((0..<members).map { "\"k\($0)\":0," }.joined())\"\u{E9}\":1,\"e\u{301}\":2}"
        let value = try JSON.parse(text)
        #expect(value.objectValue?.count == members + 2)
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
    }

    @Test func nestedMembersAreSetInPlace() {
        var value: JSONValue = ["metadata": ["name": "a"]]
        value["metadata"]?["labels"] = ["x": "y"]
        value["status"] = ["phase": "Running"]
        value["metadata"]?["name"] = nil
        value["missing"]?["x"] = 1
        #expect(value == ["metadata": ["labels": ["x": "y"]], "status": ["phase": "Running"]])
        #expect(value.value(at: ["metadata", "labels", "x"])?.stringValue == "y")
        #expect(([1, 2] as JSONValue)[1] == 2)
        #expect(([1, 2] as JSONValue)[2] == nil)
    }
}
