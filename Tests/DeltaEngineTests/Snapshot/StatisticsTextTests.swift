import Base
import Testing

@testable import DeltaEngine

@Suite struct StatisticsTextTests {
    @Test(
        arguments: [
            (#"{"numRecords":17}"#, 17), (#"{"numRecords":17,"minValues":{}}"#, 17), (#"{"numRecords": 17, "minValues": {}}"#, 17),
            (#"{ "numRecords" : 17 }"#, 17), (#"{"minValues":{"numRecords":4},"numRecords":17}"#, 17), (#"{"numRecords":0}"#, 0),
            (#"{"numRecords":-1}"#, nil), (#"{"numRecords":"17"}"#, nil), (#"{"numRecords":99999999999999999999}"#, nil), (#"{"numRecords":"#, nil),
            (#"{"numRecords":1"#, nil), ("{}", nil), ("[]", nil), ("", nil), (#"{"minValues":{"numRecords":4}}"#, nil),
        ] as [(String, Int64?)])
    func theNumberOfRecordsIsFound(text: String, expected: Int64?) {
        #expect(Bytes(text).withUnsafeBytes(StatisticsText.recordCount) == expected)
    }
}
