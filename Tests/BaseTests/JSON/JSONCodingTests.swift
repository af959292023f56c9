import Base
import TestSupport
import Testing

@Suite struct JSONCodingTests {
    struct Window: Codable, Equatable {
        var days: [String]
        var start: String
    }

    struct Spec: Codable, Equatable {
        var name: String
        var count: Int32
        var ratio: Double?
        var limits: [String: UInt8]
        var windows: [Window]
        var anything: JSONValue
        var suspended: Bool
        var created: Timestamp?
    }

    static let spec = Spec(
        name: "nightly", count: 3, ratio: nil, limits: ["a": 255], windows: [Window(days: ["Mon"], start: "22:00")], anything: ["x": [1, .null, "y"]],
        suspended: false, created: Timestamp(microseconds: 1_500_000))

    @Test func roundTripsThroughCodable() throws {
        let value = try JSON.value(of: Self.spec)
        #expect(value["ratio"] == nil)
        #expect(value["anything"] == ["x": [1, .null, "y"]])
        #expect(value["created"] == "1970-01-01T00:00:01.500Z")
        #expect(try JSON.decode(Spec.self, from: value) == Self.spec)
        #expect(try JSON.decode(Spec.self, from: JSON.encodeBytes(value)) == Self.spec)
    }

    static let misfits: [(member: String, replacement: JSONValue?, message: String)] = [
        ("name", nil, "name: is required"),
        ("name", 1, "name: must be a string, is an integer"),
        ("count", 3_000_000_000, "count: 3000000000 must lie between -2147483648 and 2147483647"),
        ("count", 1.5, "count: must be an integer, is a number"),
        ("limits", ["b": 256], "limits.b: 256 must lie between 0 and 255"),
        ("windows", [["days": [1], "start": "x"]], "windows[0].days[0]: must be a string, is an integer"),
        ("windows", [["days": []]], "windows[0].start: is required"),
        ("suspended", "no", "suspended: must be a boolean, is a string"),
        ("created", "yesterday", "created: `yesterday` is not a time like 2026-04-11T02:00:00Z"),
    ]

    @Test(arguments: misfits)
    func namesThePathOfWhatDoesNotFit(member: String, replacement: JSONValue?, message: String) throws {
        var value = try JSON.value(of: Self.spec)
        value[member] = replacement
        let error = #expect(throws: JSONError.self) { try JSON.decode(Spec.self, from: value) }
        #expect(error?.description == message)
    }

    @Test func wholeDoublesCountAsIntegers() throws {
        #expect(try JSON.decode([Int].self, from: "[1e3, 2.0]") == [1000, 2])
    }

    @Test func classesShareTheirObjectWithTheirSuperclass() throws {
        let value = try JSON.value(of: Derived())
        #expect(value == ["a": 1, "b": 2])
        #expect(try JSON.decode(Derived.self, from: value).b == 2)
    }
}

private class Parent: Codable { var a = 1 }
private final class Derived: Parent {
    var b = 2
    enum Keys: CodingKey { case b }
    override init() { super.init() }
    required init(from decoder: any Decoder) throws {
        try super.init(from: decoder)
        b = try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .b)
    }
    override func encode(to encoder: any Encoder) throws {
        try super.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(b, forKey: .b)
    }
}
