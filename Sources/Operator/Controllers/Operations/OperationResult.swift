import DeltaEngine
import Jobs

extension TableOperationStatus.Result {
    init(_ result: TaskResult) {
        self.init(
            version: result.version, metrics: result.metrics.isEmpty ? nil : result.metrics,
            verification: result.verification.map { verification in
                Verification(
                    staged: verification.staged.map {
                        .init(files: $0.files, rows: $0.rows, bytes: $0.bytes, comparedRows: $0.comparedRows, readRows: $0.readRows)
                    },
                    table: verification.table.map { .init(version: $0.version, files: $0.files, rows: $0.rows, filesFound: $0.filesFound) })
            })
    }
}

extension TableOperationStatus.Progress {
    /// As it is once all is done; nil for work that is not counted in files.
    init?(completed result: TaskResult) {
        let metrics = result.metrics
        // A clone counts what it copies, and has metrics of what it takes out, too.
        let names = ["numCopiedFiles", "numFilesRemoved", "numDeletedFiles", "numRemovedFiles"]
        guard let files = names.lazy.compactMap({ metrics[$0] }).first else { return nil }
        let bytes = ["copiedFilesSize", "numBytesRemoved", "sizeOfDataToDelete", "numRemovedBytes"].lazy.compactMap { metrics[$0] }.first
        self.init(summary: "\(files)/\(files) files", filesDone: files, filesTotal: files, bytesDone: bytes, bytesTotal: bytes)
    }
}
