import Base
import DeltaEngine

/// `levee table generate-manifest`.
enum TableGenerateManifest {
    private static let dryRun = Option.flag("dry-run", "say which manifests would be written and removed, change nothing")

    static let command = Command(
        name: "generate-manifest", summary: "write the manifest by which engines without Delta read the table",
        discussion: """
            As Spark's GENERATE symlink_format_manifest: below _symlink_format_manifest a file for each partition, with a line for each data file. The table's
            property delta.compatibility.symlinkFormatManifest.enabled keeps it up to date with every commit of Levee. Tables with deletion vectors (purge them
            with `levee table reorg`) or mapped columns are refused.
            """,
        positionals: [TableAccess.location], options: [dryRun, ConditionOptions.expectedVersion] + TableAccess.options,
        examples: ["levee table generate-manifest /data/orders"]
    ) { arguments, console in
        let options = GenerateManifestOptions(
            dryRun: arguments[dryRun], conditions: CommitConditions(expectedVersion: arguments[ConditionOptions.expectedVersion]))
        let line = ProgressLine()
        defer { line.end() }
        let result = try await GenerateManifestOperation(table: try TableAccess.table(arguments), options: options).run(progress: line.reporter)
        line.end()
        let metrics = result.metrics
        if console.format == .json {
            let value: JSONValue = ["version": .integer(result.version), "dryRun": .bool(options.dryRun), "metrics": try JSON.value(of: metrics)]
            return try console.print(JSON.encode(value) + "\n")
        }
        let written = "\(metrics.numManifestsWritten) manifests of \(metrics.numFiles) files for version \(result.version)"
        let removed = metrics.numManifestsRemoved
        try console.print(options.dryRun ? "Would write \(written), and remove \(removed).\n" : "Wrote \(written), removed \(removed).\n")
    }
}
