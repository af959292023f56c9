import Base

/// The two commits by which a vacuum is known to the table's history, as Delta writes them.
struct VacuumLog: Sendable {
    let table: DeltaTable
    let snapshot: Snapshot
    let options: VacuumOptions
    let retention: Duration

    func commitStart(_ metrics: VacuumMetrics) async throws {
        var parameters: JSONObject = [
            "retentionCheckEnabled": .string(options.allowShortRetention ? "false" : "true"),
            "defaultRetentionMillis": .string(String(snapshot.metadata.deletedFileRetention.wholeMilliseconds)),
        ]
        if options.retention != nil { parameters["specifiedRetentionMillis"] = .string(String(retention.wholeMilliseconds)) }
        let operation = OperationInfo(
            "VACUUM START", parameters: parameters,
            metrics: [
                "numFilesToDelete": .string(String(metrics.numFilesToDelete)), "sizeOfDataToDelete": .string(String(metrics.sizeOfDataToDelete)),
            ], uid: options.conditions.operationUID)
        _ = try await Transaction(table: table, readSnapshot: snapshot, operation: operation, access: .vacuum).commit()
    }

    func commitEnd(_ metrics: VacuumMetrics) async throws -> CommitResult {
        var transaction = end(metrics, status: "COMPLETED")
        options.conditions.apply(to: &transaction)
        return try await transaction.commit()
    }

    /// Tells of a vacuum that broke off; files that are gone were nobody's. Never throws, and works in a cancelled task: the reason is on its way.
    func commitFailure(_ metrics: VacuumMetrics) async {
        let transaction = end(metrics, status: "FAILED")
        let logger = table.environment.logger
        await Task {
            do {
                _ = try await transaction.commit()
            } catch {
                logger.warning("the end of the vacuum could not be recorded", ["error": "\(error)"])
            }
        }.value
    }

    private func end(_ metrics: VacuumMetrics, status: String) -> Transaction {
        let operation = OperationInfo(
            "VACUUM END", parameters: ["status": .string(status)],
            metrics: ["numDeletedFiles": .string(String(metrics.numDeletedFiles)), "numVacuumedDirectories": "0"], uid: options.conditions.operationUID)
        return Transaction(table: table, readSnapshot: snapshot, operation: operation, access: .vacuum)
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 { wholeMicroseconds / 1000 }
}
