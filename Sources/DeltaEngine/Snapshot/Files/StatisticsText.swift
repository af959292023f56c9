import Base
import Glibc

/// Looking into a file's statistics text without parsing all of it.
enum StatisticsText {
    /// The `numRecords` of statistics; nil where they have none or are no JSON object.
    static func recordCount(_ text: UnsafeRawBufferPointer) -> Int64? {
        if let count = leadingRecordCount(text) { return count }
        // A copy brings the padding that the scanner reads into.
        return Bytes(copying: text).withUnsafeBytes { bytes in
            var scanner = JSONScanner(padded: bytes)
            return try? scanned(&scanner)
        } ?? nil
    }

    /// Where it comes first and plainly, as every writer of the last years puts it, so that mostly only these few bytes are looked at.
    private static func leadingRecordCount(_ text: UnsafeRawBufferPointer) -> Int64? {
        let prefix: StaticString = "{\"numRecords\":"
        guard text.count > prefix.utf8CodeUnitCount, let start = text.baseAddress, memcmp(start, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0 else {
            return nil
        }
        var value: Int64 = 0
        for place in prefix.utf8CodeUnitCount..<text.count {
            let digit = text[place] &- UInt8(ascii: "0")
            guard digit < 10 else {
                let isEnd = text[place] == UInt8(ascii: ",") || text[place] == UInt8(ascii: "}")
                return isEnd && place > prefix.utf8CodeUnitCount ? value : nil
            }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow, scaled <= Int64.max - Int64(digit) else { return nil }
            value = scaled + Int64(digit)
        }
        return nil
    }

    private static func scanned(_ scanner: inout JSONScanner) throws(JSONError) -> Int64? {
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
            if scanner.text(key, equals: "numRecords"), try scanner.kind() == .number {
                let records = try scanner.integer()
                // A number that the text ends in may have lost digits.
                _ = try scanner.nextKey()
                return records >= 0 ? records : nil
            }
            try scanner.skipValue()
        }
        return nil
    }
}
