import Base
import Columnar
import Testing

@testable import DeltaEngine

@Test(arguments: [
    (DataType.string, Scalar.string("A/A"), "A/A"), (.boolean, .bool(true), "true"), (.byte, .integer(-128), "-128"),
    (.long, .integer(.max), "9223372036854775807"),
    (.double, .double(1.5), "1.5"), (.double, .double(.infinity), "Infinity"), (.float, .float(-.infinity), "-Infinity"), (.double, .double(.nan), "NaN"),
    (.decimal(precision: 5, scale: 2), .decimal(-5, scale: 2), "-0.05"), (.date, .date(-1), "1969-12-31"),
    (.binary, .binary(Bytes([1, 255])), "\\u0001\\u00FF"),
    (.timestamp, .timestamp(1), "1970-01-01T00:00:00.000001Z"), (.timestampNTZ, .timestampNTZ(1), "1970-01-01 00:00:00.000001"),
])
func partitionValuesGoBothWays(type: DataType, value: Scalar, text: String) throws {
    #expect(PartitionValue.text(of: value) == text)
    #expect(try PartitionValue.parse(text, as: Field("p", type)) == value)
}

@Test(arguments: [
    (DataType.timestamp, "2021-01-01 00:00:00", Scalar.timestamp(1_609_459_200_000_000)), (.binary, "plain", .binary(Bytes("plain"))),
    (.decimal(precision: 4, scale: 1), "1e2", .decimal(1000, scale: 1)), (.decimal(precision: 4, scale: 1), "10.10", .decimal(101, scale: 1)),
])
func otherWritersSpellingsAreRead(type: DataType, text: String, value: Scalar) throws {
    #expect(try PartitionValue.parse(text, as: Field("p", type)) == value)
}

@Test func emptyTextIsNull() throws {
    #expect(try PartitionValue.parse("", as: Field("p", .string)) == nil)
    #expect(try PartitionValue.parse(nil, as: Field("p", .long)) == nil)
    #expect(PartitionValue.text(of: .string("")) == nil)
}

@Test(arguments: [
    (DataType.integer, "2147483648"), (.date, "yesterday"), (.boolean, "yes"), (.decimal(precision: 3, scale: 1), "123.4"),
    (.decimal(precision: 3, scale: 1), "1.23"),
])
func valuesThatDoNotFitNameTheColumn(type: DataType, text: String) {
    #expect(throws: DeltaError.invalidPartitionValue(column: "p", type: type.description, value: text)) { try PartitionValue.parse(text, as: Field("p", type)) }
}

@Test func directoriesAreEscapedAsHiveDoes() {
    #expect(
        PartitionPath.directory(columns: ["p", "a b"], values: ["x/y=z:%#?é", nil]) == "p=x%2Fy%3Dz%3A%25%23%3F%C3%A9/a%20b=__HIVE_DEFAULT_PARTITION__/")
    #expect(PartitionPath.directory(columns: [], values: []) == "")
}
