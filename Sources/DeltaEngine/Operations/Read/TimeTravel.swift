import Base

extension DeltaTable {
    /// The newest version that had been committed at a time.
    ///
    /// Throws ``DeltaError/invalidRequest(reason:)`` for a time before the first version that the log still has.
    public func version(at time: Timestamp) async throws -> Int64 {
        let records = try await history(limit: .max)
        if let record = records.first(where: { $0.timestamp <= time }) { return record.version }
        let first = records.last.map { "version \($0.version) of \($0.timestamp)" } ?? "nothing"
        throw DeltaError.invalidRequest(reason: "the table's history begins after \(time), with \(first)")
    }
}
