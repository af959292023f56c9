/// `levee parquet …`: single Parquet files, without a table around them. One file per command.
enum ParquetCommands {
    static let group = CommandNode.group(
        name: "parquet", summary: "look into Parquet files and rewrite them",
        [
            .command(ParquetSchema.command),
            .command(ParquetPages.command),
            .command(ParquetRewrite.command),
        ])

    static let file = Positional(name: "FILE", help: "the Parquet file: a path or file:// URL")
}
