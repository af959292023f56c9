import Testing

@testable import levee

private enum Codec: String, CaseIterable { case keep, zstd }

private let uri = Positional(name: "URI", help: "the table")
private let size = Option.integer("target-file-size", "BYTES", atLeast: 1, "how large")
private let dryRun = Option.flag("dry-run", "change nothing")
private let property = Option.text("property", "K=V", repeatable: true, "a property")
private let columns = Option.names("columns", "A,B", "which columns")
private let codec = Option<Codec>.choice("codec", "the codec")

private let parser = CommandLineParser(
    program: "levee", summary: "Tables.",
    commands: [
        .command(VersionCommand.command),
        .group(
            name: "table", summary: "work on a table",
            [
                .command(
                    Command(name: "optimize", summary: "compact", positionals: [uri], options: [size, dryRun, property, columns, codec]) { _, _ in })
            ]),
    ])

private func arguments(_ words: String...) throws -> Arguments {
    guard case .run(_, let arguments) = try parser.parse(["table", "optimize"] + words) else { throw UsageError(command: "test", message: "help") }
    return arguments
}

@Test func optionsAreReadWithTheirTypes() throws {
    let parsed = try arguments(
        "--target-file-size=42", "/data/t", "--dry-run", "--property", "a=1", "--property", "b=2", "--columns", "x, y", "--codec", "zstd")
    #expect(parsed[uri] == "/data/t")
    #expect(parsed[size] == 42)
    #expect(parsed[dryRun])
    #expect(parsed.all(property) == ["a=1", "b=2"])
    #expect(parsed[columns] == ["x", "y"])
    #expect(parsed[codec] == .zstd)
    #expect(parsed[Option.output] == nil)
}

@Test func wordsAfterTwoDashesAreArguments() throws {
    #expect(try arguments("--", "--odd-name")[uri] == "--odd-name")
    #expect(try arguments("/t", "-o", "json")[Option.output] == .json)
    #expect(try arguments("/t", "--dry-run=false")[dryRun] == false)
}

@Test(arguments: [
    (["table", "optimize"], "URI is missing"),
    (["table", "optimize", "/t", "/u"], "unexpected argument /u"),
    (["table", "optimize", "/t", "--target-filesize", "1"], "did you mean --target-file-size?"),
    (["table", "optimize", "/t", "--size", "1"], "did you mean --target-file-size?"),
    (["table", "optimize", "/t", "--target-file-size"], "needs a value"),
    (["table", "optimize", "/t", "--target-file-size", "--dry-run"], "needs a value"),
    (["table", "optimize", "/t", "--target-file-size", "0"], "at least 1"),
    (["table", "optimize", "/t", "--target-file-size", "1", "--target-file-size", "2"], "given twice"),
    (["table", "optimize", "/t", "--dry-run=maybe"], "it is a switch"),
    (["table", "optimize", "/t", "--codec", "lzo"], "one of keep, zstd"),
    (["table", "optimize", "/t", "--columns", "a,,b"], "empty name"),
    (["table", "optimise", "/t"], "did you mean optimize?"),
    (["tabel"], "did you mean table?"),
    (["table"], "which command?"),
    ([], "which command?"),
    (["--dry-run"], "put options behind it"),
])
func wrongUsageNamesTheWayOut(words: [String], expected: String) {
    let error = #expect(throws: UsageError.self) { try parser.parse(words) }
    let text = error.map(\.description) ?? ""
    #expect(text.contains(expected), "\(text)")
    #expect(text.contains("--help"))
}

@Test(arguments: [["--help"], ["help"], ["table", "-h"], ["table", "optimize", "--help"], ["table", "optimize", "/t", "--dry-run", "-h"]])
func helpIsNoError(words: [String]) throws {
    guard case .help(let text) = try parser.parse(words) else {
        Issue.record("no help for \(words)")
        return
    }
    #expect(text.contains("Usage: levee"))
}

@Test func helpListsEveryOption() throws {
    guard case .help(let text) = try parser.parse(["table", "optimize", "--help"]) else { return }
    for option in ["--target-file-size BYTES", "--dry-run", "--property K=V", "-o, --output text|json", "--codec keep|zstd"] {
        #expect(text.contains(option))
    }
}

@Test(arguments: [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ab", "ba", 1), ("same", "same", 0), ("", "abc", 3)])
func editDistance(left: String, right: String, expected: Int) {
    #expect(Suggestion.distance(left, right) == expected)
}
