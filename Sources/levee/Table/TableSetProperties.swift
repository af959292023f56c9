import Base
import DeltaEngine

/// `levee table set-properties`.
enum TableSetProperties {
    private static let set = Option.text("set", "KEY=VALUE", repeatable: true, "give a property this value")
    private static let unset = Option.text("unset", "KEY", repeatable: true, "take a property away")
    private static let dryRun = Option.flag("dry-run", "say what would change, change nothing")

    static let command = Command(
        name: "set-properties", summary: "set and unset table properties",
        discussion: """
            Delta's own properties (delta.…) are checked: a name that Levee does not know is refused, and so is a value that means nothing, or one that takes more than
            a property. Where a value needs a table feature, the protocol is raised to have it; it is never lowered. Other names are your own.
            """,
        positionals: [TableAccess.location], options: [set, unset, dryRun] + ConditionOptions.options + TableAccess.options,
        examples: ["levee table set-properties /data/orders --set delta.enableChangeDataFeed=true --unset team"]
    ) { arguments, console in
        let options = SetPropertiesOptions(
            set: try TableCreate.properties(arguments.all(set), option: "--set"), unset: arguments.all(unset), dryRun: arguments[dryRun],
            conditions: try ConditionOptions.conditions(arguments))
        guard !options.set.isEmpty || !options.unset.isEmpty else {
            throw DeltaError.invalidRequest(reason: "say what to change: --set KEY=VALUE, --unset KEY")
        }
        let result = try await SetPropertiesOperation(table: try TableAccess.table(arguments), options: options).run()
        try print(result, dryRun: options.dryRun, console)
    }

    private static func print(_ result: SetPropertiesResult, dryRun: Bool, _ console: Console) throws {
        if console.format == .json {
            let value: JSONValue = [
                "version": result.version.map(JSONValue.integer) ?? .null, "alreadyApplied": .bool(result.alreadyApplied), "dryRun": .bool(dryRun),
                "tries": .integer(Int64(result.tries)), "changed": .array(result.changed.map(JSONValue.string)),
                "addedFeatures": .array(result.addedFeatures.map(JSONValue.string)),
            ]
            return try console.print(JSON.encode(value) + "\n")
        }
        if result.alreadyApplied { return try console.print("Nothing to do: the table has this run already.\n") }
        if result.changed.isEmpty { return try console.print("Nothing to do: the table has these properties.\n") }
        let features = result.addedFeatures.isEmpty ? "" : "; the protocol gets \(result.addedFeatures.joined(separator: ", "))"
        let names = result.changed.joined(separator: ", ")
        try console.print(dryRun ? "Would change \(names)\(features).\n" : "Changed \(names)\(features); version \(result.version ?? -1).\n")
    }
}
