/// `levee table …`: the engine from a shell. One file per command.
enum TableCommands {
    static let group = CommandNode.group(
        name: "table", summary: "create, write, read and maintain a Delta table",
        [
            .command(TableDescribe.command),
            .command(TableHistory.command),
            .command(TableFiles.command),
            .command(TableRead.command),
            .command(TableChanges.command),
            .command(TableCreate.command),
            .command(TableSetProperties.command),
            .command(TableWrite.command),
            .command(TableConvert.command),
            .command(TableDelete.command),
            .command(TableClone.command),
            .command(TableRestore.command),
            .command(TableRepair.command),
            .command(TableReorg.command),
            .command(TableOptimize.command),
            .command(TableVacuum.command),
            .command(TableCheckpoint.command),
            .command(TableCompactLog.command),
            .command(TableLogCleanup.command),
            .command(TableComputeStatistics.command),
            .command(TableGenerateManifest.command),
        ])
}
