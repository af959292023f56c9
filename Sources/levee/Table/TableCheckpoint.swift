import Base
import DeltaEngine

/// `levee table checkpoint`.
enum TableCheckpoint {
    static let command = Command(
        name: "checkpoint", summary: "write a checkpoint of the latest version, so that opening the table is fast", positionals: [TableAccess.location],
        options: TableAccess.options
    ) { arguments, console in
        let result = try await CheckpointOperation(table: try TableAccess.table(arguments)).run()
        switch console.format {
        case .json: try console.print(JSON.encode(["version": .integer(result.version), "written": .bool(result.written)]) + "\n")
        case .text:
            try console.print(
                result.written ? "Wrote the checkpoint of version \(result.version).\n" : "Nothing to do: version \(result.version) has a checkpoint.\n")
        }
    }
}
