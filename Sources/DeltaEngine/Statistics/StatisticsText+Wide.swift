import Base

extension StatisticsText {
    /// A file's statistics once rows of it are marked as deleted: bounds that hold and are no longer met, and the number of rows, which must be there
    /// (protocol, "Per-file Statistics" and "Deletion Vectors"). All else stays as it was written.
    ///
    /// - Parameter rowCount: of the file; used where the statistics do not say.
    static func withWideBounds(_ stats: Bytes?, rowCount: Int64) -> String {
        let text = stats ?? .empty
        var parts = ["\"numRecords\":\(text.withUnsafeBytes(recordCount) ?? rowCount)"]
        for member in text.withUnsafeBytes({ members($0, 0..<$0.count) }) ?? [] where member.name != "numRecords" && member.name != "tightBounds" {
            guard let value = text.slice(member.range)?.text else { continue }
            parts.append(JSON.encode(.string(member.name)) + ":" + value)
        }
        return "{" + parts.joined(separator: ",") + ",\"tightBounds\":false}"
    }
}
