import DeltaEngine

/// `levee table read`.
enum TableRead {
    private static let to = Option.text("to", "FILE", "write to a file instead of standard output")

    static let command = Command(
        name: "read", summary: "print rows of the table", positionals: [TableAccess.location],
        options: RowOutput.options + [to] + VersionChoice.options + TableAccess.options,
        examples: ["levee table read /data/orders --columns order_id,amount --where \"amount > 100\" --limit 10"]
    ) { arguments, console in
        let table = try TableAccess.table(arguments)
        let snapshot = try await VersionChoice.snapshot(of: table, arguments)
        let output = RowOutput(arguments, to: to, console)
        try await output.print(try TableReader(table: table, snapshot: snapshot, options: output.readOptions))
    }
}
