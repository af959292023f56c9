import TestSupport
import Testing

@testable import Base

@Suite struct YAMLParsingTests {
    /// Held against `kubectl patch --local -o json`, 1.32.
    static let scalars: [(text: String, expected: JSONValue)] = [
        ("~", .null), ("null", .null), ("Null", .null), ("nUll", "nUll"), ("true", true), ("True", true), ("tRue", "tRue"), ("yes", true), ("On", true),
        ("off", false), ("n", false),
        ("0", 0), ("-17", -17), ("+5", 5), ("010", 8), ("0o10", 8), ("0x1F", 31), ("-0x1f", -31), ("0b101", 5), ("1_000", 1000), ("09", 9.0), ("0o9", "0o9"),
        ("0x", "0x"), ("1e3", 1000.0),
        ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("-1.5e-3", -0.0015), (".inf", .double(.infinity)), ("-.INF", .double(-.infinity)), ("1.2.3", "1.2.3"),
        ("1:30", "1:30"), ("22:00", "22:00"),
        ("2026-04-11", "2026-04-11"), ("2026-04-11T02:00:00Z", "2026-04-11T02:00:00Z"), ("256Mi", "256Mi"), ("+", "+"), ("--5", "--5"),
        ("0x-5", "0x-5"), (".", "."), ("_1", "_1"),
        ("9223372036854775807", .integer(.max)), ("9223372036854775808", 9223372036854775808.0), ("'1'", "1"), ("\"true\"", "true"), ("!!str 1", "1"),
        ("!!int \"3\"", 3), ("!!float 3", 3.0),
        ("! 12", "12"), ("!mine x", "x"), ("\"\\u00e9\\x41\"", "éA"), ("'it''s'", "it's"), ("inf", "inf"), ("nan", "nan"), ("infinity", "infinity"),
    ]

    @Test(arguments: scalars)
    func readsScalarsAsKubectlDoes(text: String, expected: JSONValue) throws {
        #expect(try YAML.parseAll("a: \(text)\n") == [["a": expected]])
    }

    @Test func readsDocumentsWithAnchorsAndMerges() throws {
        let text = """
            # a comment only
            ---
            base: &base {a: 1, b: [x, w]}
            derived:
              <<: *base
              a: 2
            list: &l
            - 1
            - *base
            twice: [*l, *l]
            1: one
            true: yes
            1.5: f
            ---
            ---
            null
            --- |
              text
               more
            ...
            """
        let base: JSONValue = ["a": 1, "b": ["x", "w"]]
        let list: JSONValue = [1, base]
        #expect(
            try YAML.parseAll(text) == [
                ["base": base, "derived": ["a": 2, "b": ["x", "w"]], "list": list, "twice": [list, list], "1": "one", "true": true, "1.5": "f"], .null,
                "text\n more\n",
            ])
        #expect(try YAML.parseAll("") == [])
        #expect(try YAML.parseAll("# nothing\n") == [])
        #expect(try YAML.parseAll("{\"a\": [1, null, \"x\"]}") == [["a": [1, .null, "x"]]])
        #expect(try YAML.parseAll("a: {<<: [{x: 1, w: 1}, {w: 2, z: 2}]}") == [["a": ["x": 1, "w": 1, "z": 2]]])
    }

    static let broken: [(text: String, line: Int, column: Int)] = [
        ("a: b: c", 1, 5), ("a: [1, 2", 2, 1), ("a: 1\n b: 2", 2, 3), ("a: *nowhere", 1, 4), ("a: &x [*x]", 1, 8), ("a: \"x", 1, 6), ("\tx: 1", 1, 1),
        ("a: 1\na: 2", 2, 1), ("a: 1\n'a': 2", 2, 1),
        ("? [1]\n: 2", 1, 3), ("~: 1", 1, 1), ("<<: 3", 1, 5), ("a: !!int x", 1, 4), ("a: @x", 1, 4), ("a\u{0}b", 1, 2), ("%YAML 9.9\n---\na", 1, 1),
        ("[}", 1, 2),
    ]

    @Test(arguments: broken)
    func saysWhereItIsBroken(text: String, line: Int, column: Int) throws {
        let error = #expect(throws: YAMLError.self) { try YAML.parseAll(text) }
        #expect(error?.description.hasPrefix("line \(line), column \(column): ") == true, "\(error.map { "\($0)" } ?? "no error")")
    }

    @Test func refusesInvalidUTF8() {
        #expect(throws: YAMLError.self) { try YAML.parseAll(Bytes([0x61, 0x3A, 0x20, 0xFF, 0xFE])) }
    }

    @Test func refusesAliasBombs() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<30 { bomb += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n" }
        #expect(throws: YAMLError.self) { try YAML.parseAll(bomb) }
        let long = "a: &a \(String(repeating: "x", count: 1 << 20))\nb: [\(Array(repeating: "*a", count: 1000).joined(separator: ","))]"
        #expect(throws: YAMLError.self) { try YAML.parseAll(long) }
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func boundsNesting(open: String) {
        #expect(throws: YAMLError.self) { try YAML.parseAll(String(repeating: open, count: 5000)) }
    }

    @Test func everyTruncationAndFlipIsAnErrorOrAValue() {
        let text = Array("a: &x {b: 'it''s', c: [1, ~, \"\\u00e9\"]}\n<<: *x\nd: |-\n  text\n  more\ne: !!str 5\n---\n- f\n- ? g\n  : h\n".utf8)
        for length in 0..<text.count { _ = try? YAML.parseAll(Bytes(Array(text[..<length]))) }
        let random = SeededRandomSource(seed: 11)
        for _ in 0..<5000 {
            var damaged = text
            damaged[random.integer(below: damaged.count)] = UInt8(truncatingIfNeeded: random.next())
            _ = try? YAML.parseAll(Bytes(damaged))
        }
    }
}

@Suite struct YAMLWritingTests {
    @Test func writesLikeKubectl() {
        let value: JSONValue = [
            "apiVersion": "v1", "metadata": ["name": "a", "labels": [:], "annotations": ["x/y": "true"]],
            "spec": [
                "list": [1, ["a": 1, "b": ["c"]], [], [[2, 3], 4]], "none": .null, "time": "22:00", "text": "two\nlines\n", "bare": "a\nb", "colon": "a: b",
                "empty": "",
            ],
        ]
        #expect(
            YAML.encode(value) == """
                apiVersion: v1
                metadata:
                  name: a
                  labels: {}
                  annotations:
                    x/y: "true"
                spec:
                  list:
                  - 1
                  - a: 1
                    b:
                    - c
                  - []
                  - - - 2
                      - 3
                    - 4
                  none: null
                  time: "22:00"
                  text: |
                    two
                    lines
                  bare: |-
                    a
                    b
                  colon: "a: b"
                  empty: ""

                """)
        #expect(YAML.encode([:]) == "{}\n")
        #expect(YAML.encode("x") == "x\n")
    }

    @Test(
        arguments: YAMLParsingTests.scalars.map(\.text) + [
            "a\n", "a\n\n", "\na", " a\nb", "a\n b", "a \nb", "#a", "a #b", "a# b", "- a", "a:", "a :b", "[a", "{a", "*a", "&a", "!a", "%a", "@a", "`a", "|",
            ">", "---", "...", "a\r\nb", "a\tb", "=", "<<", "\u{85}", "\u{2028}a\nb", "\u{FEFF}",
        ])
    func stringsReadBackAsStrings(text: String) throws {
        #expect(try YAML.parseAll(YAML.encode(.string(text))) == [.string(text)])
        #expect(try YAML.parseAll(YAML.encode([.string(text): .string(text)].asJSON)) == [[.string(text): .string(text)].asJSON])
        #expect(try YAML.parseAll(YAML.encode(["a": [[.string(text)]]])) == [["a": [[.string(text)]]]])
    }

    @Test(arguments: [UInt64(21), 22, 23])
    func roundTrips(seed: UInt64) throws {
        let random = RandomJSON(seed: seed)
        for _ in 0..<300 {
            let value = random.value()
            #expect(try YAML.parseAll(YAML.encode(["v": value])) == [["v": value]], "seed \(seed)")
        }
    }
}

extension [JSONValue: JSONValue] {
    fileprivate var asJSON: JSONValue { .object(JSONObject(compactMap { key, value in key.stringValue.map { (key: $0, value: value) } })) }
}
