import Base
import DeltaEngine
import Glibc
import ObjectStore

/// What the `levee table` commands share: the table's place, and how much of the machine to use.
struct TableAccess {
    static let location = Positional(name: "URI", help: "the table: a path, or a file://, s3://, abfss://, az:// or gs:// URL")
    static let memoryLimit = Option.byteCount("memory-limit", "the most memory to use (default: what the machine or its control group allows)")
    static let logLevel = Option<LogLevel>.choice("log-level", "what to report on standard error (default warning)")

    static let storageOption = Option.text(
        "storage-option", "NAME=VALUE", repeatable: true,
        "how the storage is reached, by the names of the environment's variables, which count too (AWS_REGION=eu-west-1); no secrets")

    static var options: [any AnyOption] { [storageOption, memoryLimit, logLevel] }

    private let factory: StoreFactory
    private let environment: EngineEnvironment

    init(_ arguments: Arguments) throws {
        let resources = AvailableResources.current()
        let memory = min(arguments[Self.memoryLimit] ?? .max, resources.memoryLimit)
        let executor = BlockingExecutor(threads: max(4, resources.cpuCount * 2), name: "levee-io")
        let factory = StoreFactory(executor: executor, options: try Self.storeOptions(arguments))
        let logger = Logger(label: "levee", sink: StandardErrorSink(format: .text), minimum: arguments[Self.logLevel] ?? .warning)
        self.factory = factory
        // Who names a table on a command line may read what its log refers to, with their own rights.
        environment = EngineEnvironment(
            logger: logger, parallelism: resources.cpuCount, memoryBudget: memory / 2, engineInfo: "Levee/\(Levee.version)",
            outside: .anywhere { location throws(ObjectStoreError) in try factory.open(location) })
    }

    /// The table at a location. Reads nothing yet.
    func table(at location: String) throws -> DeltaTable {
        DeltaTable(store: try factory.open(try TableLocation(location, relativeTo: Self.workingDirectory())), environment: environment)
    }

    /// The one table of a command.
    static func table(_ arguments: Arguments) throws -> DeltaTable { try TableAccess(arguments).table(at: arguments[location]) }

    /// What the command line and the environment say of storage.
    private static func storeOptions(_ arguments: Arguments) throws -> StoreOptions {
        let given = try arguments.all(storageOption).map { try StoreOptions.commandLineOption($0) }
        return StoreOptions(Dictionary(given.map { ($0.name.lowercased(), $0.value) }) { $1 }, environment: ProcessEnvironment.current)
    }

    /// A file that a person named, as an object of its directory's store.
    static func file(_ path: String) throws -> (store: any ObjectStore, path: ObjectPath) {
        let place = try TableLocation(path, relativeTo: workingDirectory())
        guard place.path != "/" else { throw ObjectStoreError.unsupportedLocation(location: path, reason: "it names no file") }
        let factory = StoreFactory(
            executor: BlockingExecutor(threads: 2, name: "levee-file"), options: StoreOptions(environment: ProcessEnvironment.current))
        return (try factory.open(place.parent), try ObjectPath(place.name))
    }

    static func workingDirectory() -> String {
        guard let buffer = getcwd(nil, 0) else { return "/" }
        defer { free(buffer) }
        return String(cString: buffer)
    }
}

/// Which version of a table a command looks at.
enum VersionChoice {
    static let version = Option.integer("version", "N", atLeast: 0, "the table as it was at this version")
    static let timestamp = Option.text("timestamp", "TIME", "the table as it was at this time (2024-01-31T12:00:00Z, or a date)")
    static var options: [any AnyOption] { [version, timestamp] }

    static func snapshot(of table: DeltaTable, _ arguments: Arguments) async throws -> Snapshot {
        guard let text = arguments[timestamp] else { return try await table.snapshot(version: arguments[version]) }
        if arguments[version] != nil { throw DeltaError.invalidRequest(reason: "ask for a version or a time, not both") }
        return try await table.snapshot(version: try await table.version(at: try time(text, option: timestamp.name)))
    }

    /// A time, or the beginning of a day.
    static func time(_ text: String, option: String) throws(DeltaError) -> Timestamp {
        guard let time = Timestamp(rfc3339: text) ?? Timestamp(rfc3339: text + "T00:00:00Z") else {
            throw .invalidRequest(reason: "--\(option) \(text) is no time; write it like 2024-01-31T12:00:00Z")
        }
        return time
    }
}

/// When a command must not commit (again).
enum ConditionOptions {
    static let expectedVersion = Option.integer("expected-version", "N", atLeast: 0, "refuse when the table is at another version")
    static let appId = Option.text("app-id", "ID", "record the run as this application's transaction; with --app-version")
    static let appVersion = Option.integer("app-version", "N", atLeast: 0, "do nothing where the table has this transaction or a later one")
    /// For commands that write rows of the table anew.
    static let verifyRows = Option.flag("verify-rows", "before the commit read all rows of old and new files, and compare them")
    static var options: [any AnyOption] { [expectedVersion, appId, appVersion] }

    static func conditions(_ arguments: Arguments) throws -> CommitConditions {
        var conditions = CommitConditions(expectedVersion: arguments[expectedVersion], verifiesRows: arguments[verifyRows])
        switch (arguments[appId], arguments[appVersion]) {
        case let (id?, version?): conditions.idempotency = .init(appId: id, version: version)
        case (nil, nil): break
        default: throw DeltaError.invalidRequest(reason: "--app-id and --app-version belong together")
        }
        return conditions
    }
}
