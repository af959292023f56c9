import Base
import Testing

@testable import DevCluster

@Test(arguments: [
    (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (3 * 3600 - 1, "179m"), (3 * 3600, "3h"),
    (3 * 3600 + 60, "3h1m"),
    (8 * 3600, "8h"), (47 * 3600, "47h"), (48 * 3600, "2d"), (49 * 3600, "2d1h"), (8 * 86400, "8d"), (729 * 86400, "729d"), (730 * 86400, "2y"),
    (800 * 86400, "2y70d"), (3000 * 86400, "8y"),
])
func ages(seconds: Int, text: String) {
    #expect(HumanDuration.text(.seconds(seconds)) == text)
}

@Test(arguments: [
    (".spec.mode", #""Auto""#), (".metadata.labels.example\\.com/x", #""y""#), (".spec.list[1]", "2"), (".spec.list[-1]", "3"), (".spec.list[9]", nil),
    (".spec.list[*]", "1"),
    (#".status.conditions[?(@.type=="Ready")].status"#, #""True""#), (".status.conditions[?(@.type=='Ready')].reason", #""Fine""#),
    (#".status.conditions[?(@.type!="Ready")].status"#, #""False""#),
    (#".status.conditions[?(@.n==2)].type"#, #""Ready""#), ("{.spec.mode}", #""Auto""#), (".spec['mode']", #""Auto""#), (".spec.none.deeper", nil),
])
func printerPaths(path: String, expected: String?) throws {
    let object = try JSON.parse(
        #"""
        {"metadata":{"labels":{"example.com/x":"y"}},"spec":{"mode":"Auto","list":[1,2,3]},
         "status":{"conditions":[{"type":"Done","status":"False","n":1},{"type":"Ready","status":"True","reason":"Fine","n":2}]}}
        """#)
    #expect(try PrinterPath(path, at: .root).first(in: object) == (try expected.map { try JSON.parse($0) }))
}

@Test(arguments: ["spec", "", ".a[", ".a[?(@.b>1)]", ".a[?(x==1)]"])
func pathsThatMakeNoSenseAreRefused(path: String) {
    #expect(throws: FieldError.self) { try PrinterPath(path, at: .root) }
}

@Test func columnsConvertByTheirType() throws {
    let object = try JSON.parse(#"{"s":{"list":[1]},"i":2.9,"d":"2026-01-01T00:00:00Z","b":true}"#)
    let now = try #require(Timestamp(rfc3339: "2026-01-01T00:05:00Z"))
    func cell(_ type: String, _ path: String) throws -> JSONValue {
        try TableColumn(custom: ["name": "C", "type": .string(type), "jsonPath": .string(path)], at: .root).cell(object, now)
    }
    #expect(try cell("string", ".s.list") == "[1]")
    #expect(try cell("integer", ".i") == 2)
    #expect(try cell("date", ".d") == "5m")
    #expect(try cell("boolean", ".b") == true)
    #expect(try cell("integer", ".missing") == .null)
}
