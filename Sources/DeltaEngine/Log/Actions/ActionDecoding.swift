import Base
import Columnar

/// Actions from JSON values: for those that come once in a while. Adds and removes of whole logs go through ``CommitScanner``.
///
/// Members that are null count as absent, members of unknown names are let be (protocol, "Protocol Evolution").
enum ActionDecoding {
    /// What is wrong with a value; the caller knows where it stood.
    struct Failure: Error {
        let reason: String
    }

    /// The action on one line of a commit; nil for an action that Levee does not know, and for `commitInfo`.
    static func action(_ line: JSONValue) throws -> Action? {
        for (key, value) in line.objectValue ?? [:] where !value.isNull {
            guard let members = value.objectValue else { throw Failure(reason: "\(key) is \(value.kindDescription), not an object") }
            switch key {
            case "add": return .add(try add(members))
            case "remove": return .remove(try remove(members))
            case "metaData": return .metadata(try metadata(members))
            case "protocol": return .protocol(try protocolAction(members))
            case "txn": return .transaction(try transaction(members))
            case "domainMetadata": return .domainMetadata(try domainMetadata(members))
            case "cdc": return .changeData(try changeData(members))
            default: continue
            }
        }
        return nil
    }

    static func add(_ members: JSONObject) throws(Failure) -> AddFile {
        let reader = MemberReader(action: "add", members: members)
        return AddFile(
            path: DataPath(encoded: try reader.required("path", reader.text)),
            partitionValues: try reader.partitionValues() ?? PartitionValues(), size: try reader.required("size", reader.natural),
            modificationTime: try reader.integer("modificationTime") ?? 0, dataChange: try reader.bool("dataChange") ?? true,
            stats: try reader.text("stats"), tags: try reader.textMap("tags"), deletionVector: try deletionVector(reader),
            baseRowId: try reader.integer("baseRowId"), defaultRowCommitVersion: try reader.integer("defaultRowCommitVersion"),
            clusteringProvider: try reader.text("clusteringProvider"))
    }

    static func remove(_ members: JSONObject) throws(Failure) -> RemoveFile {
        let reader = MemberReader(action: "remove", members: members)
        return RemoveFile(
            path: DataPath(encoded: try reader.required("path", reader.text)), deletionTimestamp: try reader.integer("deletionTimestamp"),
            dataChange: try reader.bool("dataChange") ?? true, extendedFileMetadata: try reader.bool("extendedFileMetadata"),
            partitionValues: try reader.partitionValues(), size: try reader.natural("size"), stats: try reader.text("stats"),
            tags: try reader.textMap("tags"), deletionVector: try deletionVector(reader), baseRowId: try reader.integer("baseRowId"),
            defaultRowCommitVersion: try reader.integer("defaultRowCommitVersion"))
    }

    static func deletionVector(_ members: JSONObject) throws(Failure) -> DeletionVectorDescriptor {
        let reader = MemberReader(action: "deletionVector", members: members)
        func small(_ name: String) throws(Failure) -> Int32? {
            guard let value = try reader.integer(name) else { return nil }
            guard let narrowed = Int32(exactly: value) else { throw Failure(reason: "deletionVector.\(name) is \(value), beyond 32 bits") }
            return narrowed
        }
        return DeletionVectorDescriptor(
            storageType: try reader.required("storageType", reader.text), pathOrInlineDv: try reader.required("pathOrInlineDv", reader.text),
            offset: try small("offset"), sizeInBytes: try reader.required("sizeInBytes", small), cardinality: try reader.required("cardinality", reader.integer)
        )
    }

    private static func deletionVector(_ reader: MemberReader) throws(Failure) -> DeletionVectorDescriptor? {
        guard let members = try reader.object("deletionVector") else { return nil }
        return try deletionVector(members)
    }

    static func protocolAction(_ members: JSONObject) throws(Failure) -> ProtocolAction {
        let reader = MemberReader(action: "protocol", members: members)
        return ProtocolAction(
            minReaderVersion: Int(try reader.required("minReaderVersion", reader.natural)),
            minWriterVersion: Int(try reader.required("minWriterVersion", reader.natural)),
            readerFeatures: try reader.texts("readerFeatures"), writerFeatures: try reader.texts("writerFeatures"))
    }

    /// Throws ``DeltaError`` too, for a schema that Levee cannot represent.
    static func metadata(_ members: JSONObject) throws -> TableMetadata {
        let reader = MemberReader(action: "metaData", members: members)
        let format = MemberReader(action: "metaData.format", members: try reader.object("format") ?? ["provider": "parquet"])
        return try TableMetadata(
            id: try reader.required("id", reader.text), name: try reader.text("name"), description: try reader.text("description"),
            formatProvider: try format.text("provider") ?? "parquet", formatOptions: try format.textMap("options") ?? [:],
            schemaString: try reader.required("schemaString", reader.text), partitionColumns: try reader.texts("partitionColumns") ?? [],
            configuration: try reader.textMap("configuration") ?? [:], createdTime: try reader.integer("createdTime"))
    }

    static func transaction(_ members: JSONObject) throws(Failure) -> SetTransaction {
        let reader = MemberReader(action: "txn", members: members)
        return SetTransaction(
            appId: try reader.required("appId", reader.text), version: try reader.required("version", reader.integer),
            lastUpdated: try reader.integer("lastUpdated"))
    }

    static func domainMetadata(_ members: JSONObject) throws(Failure) -> DomainMetadata {
        let reader = MemberReader(action: "domainMetadata", members: members)
        return DomainMetadata(
            domain: try reader.required("domain", reader.text), configuration: try reader.text("configuration") ?? "",
            removed: try reader.bool("removed") ?? false)
    }

    static func changeData(_ members: JSONObject) throws(Failure) -> AddChangeData {
        let reader = MemberReader(action: "cdc", members: members)
        return AddChangeData(
            path: DataPath(encoded: try reader.required("path", reader.text)),
            partitionValues: try reader.partitionValues() ?? PartitionValues(), size: try reader.required("size", reader.natural),
            tags: try reader.textMap("tags"))
    }

    /// A JSON object of texts, those that are null left out; nil for anything else.
    static func textMap(json: Bytes) -> [String: String]? {
        guard let members = (try? JSON.parse(json))?.objectValue else { return nil }
        return try? MemberReader(action: "tags", members: ["tags": .object(members)]).textMap("tags")
    }
}

/// Takes members out of an action's object by type.
private struct MemberReader {
    let action: String
    let members: JSONObject

    typealias Failure = ActionDecoding.Failure

    private func wrong(_ name: String, _ wanted: String, _ value: JSONValue) -> Failure {
        Failure(reason: "\(action).\(name) is \(value.kindDescription), not \(wanted)")
    }

    private func member(_ name: String) -> JSONValue? {
        guard let value = members[name], !value.isNull else { return nil }
        return value
    }

    func required<Value>(_ name: String, _ read: (String) throws(Failure) -> Value?) throws(Failure) -> Value {
        guard let value = try read(name) else { throw Failure(reason: "\(action) has no \(name)") }
        return value
    }

    func text(_ name: String) throws(Failure) -> String? {
        guard let value = member(name) else { return nil }
        guard let text = value.stringValue else { throw wrong(name, "a string", value) }
        return text
    }

    func integer(_ name: String) throws(Failure) -> Int64? {
        guard let value = member(name) else { return nil }
        guard let number = value.intValue else { throw wrong(name, "an integer of 64 bits", value) }
        return number
    }

    func natural(_ name: String) throws(Failure) -> Int64? {
        guard let number = try integer(name) else { return nil }
        guard number >= 0 else { throw Failure(reason: "\(action).\(name) is negative") }
        return number
    }

    func bool(_ name: String) throws(Failure) -> Bool? {
        guard let value = member(name) else { return nil }
        guard let flag = value.boolValue else { throw wrong(name, "a boolean", value) }
        return flag
    }

    func object(_ name: String) throws(Failure) -> JSONObject? {
        guard let value = member(name) else { return nil }
        guard let object = value.objectValue else { throw wrong(name, "an object", value) }
        return object
    }

    func texts(_ name: String) throws(Failure) -> [String]? {
        guard let value = member(name) else { return nil }
        guard let elements = value.arrayValue else { throw wrong(name, "an array", value) }
        var texts: [String] = []
        for element in elements {
            guard let text = element.stringValue else { throw wrong(name, "an array of strings", element) }
            texts.append(text)
        }
        return texts
    }

    func textMap(_ name: String) throws(Failure) -> [String: String]? {
        guard let object = try object(name) else { return nil }
        var map: [String: String] = [:]
        for (key, value) in object where !value.isNull {
            guard let text = value.stringValue else { throw wrong("\(name).\(key)", "a string", value) }
            map[key] = text
        }
        return map
    }

    func partitionValues() throws(Failure) -> PartitionValues? {
        guard let object = try object("partitionValues") else { return nil }
        var entries: [PartitionValues.Entry] = []
        for (key, value) in object {
            if value.isNull {
                entries.append((key, nil))
            } else if let text = value.stringValue {
                entries.append((key, text))
            } else {
                throw wrong("partitionValues.\(key)", "a string", value)
            }
        }
        return PartitionValues(entries)
    }
}
