import Base

/// What a table's properties are to become.
public struct SetPropertiesOptions: Sendable, Hashable {
    public var set: [String: String]
    /// Those that are not there are no error.
    public var unset: [String]
    public var dryRun: Bool
    /// How often it is done anew where another writer changed the metadata meanwhile.
    public var maximumTries: Int
    public var conditions: CommitConditions

    public init(
        set: [String: String] = [:], unset: [String] = [], dryRun: Bool = false, maximumTries: Int = 3, conditions: CommitConditions = CommitConditions()
    ) {
        self.set = set
        self.unset = unset
        self.dryRun = dryRun
        self.maximumTries = max(1, maximumTries)
        self.conditions = conditions
    }
}

/// How it ended.
public struct SetPropertiesResult: Sendable, Hashable {
    /// The version that was committed; nil where nothing had to change.
    public var version: Int64?
    public var alreadyApplied = false
    public var tries = 1
    /// The properties that got another value or went, in order.
    public var changed: [String] = []
    /// Table features that the new values needed and the protocol did not have.
    public var addedFeatures: [String] = []
}

/// Changes a table's properties (Spark's ALTER TABLE … SET and UNSET TBLPROPERTIES), and raises its protocol where they need it. No file is touched.
public struct SetPropertiesOperation: Sendable {
    public let table: DeltaTable
    public let options: SetPropertiesOptions

    public init(table: DeltaTable, options: SetPropertiesOptions) {
        self.table = table
        self.options = options
    }

    /// Throws ``DeltaError/invalidRequest(reason:)`` for a property that Levee does not know or does not change, and for a value that it cannot have. On an
    /// error nothing has been committed, but for ``DeltaError/commitOutcomeUnknown(version:reason:)``.
    public func run() async throws -> SetPropertiesResult {
        try await ConflictRetry.run(table.environment, maximumTries: options.maximumTries, doing: "SET TBLPROPERTIES") { tries in
            var result = try await DeltaError.wrapping { try await runOnce() }
            result.tries = tries
            return result
        }
    }

    private func runOnce() async throws -> SetPropertiesResult {
        let snapshot = try await table.snapshot()
        try snapshot.require(.properties)
        var result = SetPropertiesResult()
        if let done = try options.conditions.versionApplied(in: snapshot) {
            result.version = done
            result.alreadyApplied = true
            return result
        }
        let metadata = try changed(snapshot)
        result.changed = Self.difference(snapshot.metadata.configuration, metadata.configuration)
        if result.changed.isEmpty { return result }
        let action = NewTableProtocol.raise(snapshot.protocol, from: snapshot.metadata, to: metadata)
        let had = Self.features(snapshot.protocol)
        result.addedFeatures = Self.features(action).filter { !had.contains($0) }
        // What the commit will ask as well, so that a dry run knows it.
        try FeatureRegistry.check(
            action, metadata, hasDeletionVectors: snapshot.files.hasDeletionVectors, access: .properties, version: snapshot.version + 1)
        FaultPoint.hit("properties.planned")
        if options.dryRun { return result }

        var transaction = Transaction(
            table: table, readSnapshot: snapshot, operation: operation(metadata, result.changed),
            actions: (action == snapshot.protocol ? [] : [.protocol(action)]) + [.metadata(metadata)], access: .properties)
        options.conditions.apply(to: &transaction)
        switch try await transaction.commit() {
        case let .committed(commit): result.version = commit.version
        case .alreadyApplied:
            result.alreadyApplied = true
            result.changed = []
            result.addedFeatures = []
        }
        FaultPoint.hit("properties.committed")
        return result
    }

    /// The metadata with the properties as they are to be. Only what changes is checked: what a table has already is not ours to judge.
    private func changed(_ snapshot: Snapshot) throws(DeltaError) -> TableMetadata {
        var metadata = snapshot.metadata
        if let name = options.unset.sorted().first(where: { options.set[$0] != nil }) {
            throw .invalidRequest(reason: "\(name) is both to be set and to be unset; leave one of them out")
        }
        for name in options.unset.sorted() where metadata.configuration[name] != nil {
            if name.hasPrefix("delta.") { try refuse(name, Self.rule(name)) }
            metadata.configuration[name] = nil
        }
        for (name, value) in options.set.sorted(by: { $0.key < $1.key }) where metadata.configuration[name] != value {
            guard !name.isEmpty else { throw .invalidRequest(reason: "a property needs a name") }
            if name.hasPrefix("delta.") {
                let rule = try Self.rule(name)
                try refuse(name, rule)
                if let objection = rule.objection(to: value, in: metadata) { throw .invalidRequest(reason: "\(name) cannot be \"\(value)\": \(objection)") }
            }
            metadata.configuration[name] = value
        }
        if metadata.wantsV2Checkpoints, !snapshot.metadata.wantsV2Checkpoints, !Self.features(snapshot.protocol).contains(TableFeature.v2Checkpoint.name) {
            throw .invalidRequest(
                reason: "delta.checkpointPolicy cannot be v2: the table's protocol does not list the feature v2Checkpoint, which Levee does not add yet")
        }
        return metadata
    }

    private static func rule(_ name: String) throws(DeltaError) -> PropertyRule {
        guard let rule = PropertyRule.of(name) else {
            throw .invalidRequest(reason: "\(name) is no property that Levee knows, so that it cannot say what it would change; names are case-sensitive")
        }
        return rule
    }

    private func refuse(_ name: String, _ rule: PropertyRule) throws(DeltaError) {
        if case let .refused(reason) = rule { throw .invalidRequest(reason: "\(name) is not changed: \(reason)") }
    }

    private static func difference(_ before: [String: String], _ after: [String: String]) -> [String] {
        Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    }

    private static func features(_ action: ProtocolAction) -> [String] {
        let writers = FeatureRegistry.writerFeatures(action)
        return (writers + FeatureRegistry.readerFeatures(action).filter { !writers.contains($0) }).sorted()
    }

    /// As Spark writes it, one commit for both.
    private func operation(_ metadata: TableMetadata, _ changed: [String]) -> OperationInfo {
        let set = changed.compactMap { name in metadata.configuration[name].map { (key: name, value: JSONValue.string($0)) } }
        let gone = changed.filter { metadata.configuration[$0] == nil }
        if set.isEmpty {
            return OperationInfo(
                "UNSET TBLPROPERTIES", parameters: ["properties": .string(JSON.encode(.array(gone.map(JSONValue.string)))), "ifExists": "true"],
                uid: options.conditions.operationUID)
        }
        var parameters: JSONObject = ["properties": .string(JSON.encode(.object(JSONObject(set))))]
        if !gone.isEmpty { parameters["unset"] = .string(JSON.encode(.array(gone.map(JSONValue.string)))) }
        return OperationInfo("SET TBLPROPERTIES", parameters: parameters, uid: options.conditions.operationUID)
    }
}
