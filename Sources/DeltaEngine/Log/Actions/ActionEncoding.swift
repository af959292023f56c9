import Base

/// Actions as lines of a commit, with the members in the order in which Spark writes them.
extension Action {
    var json: JSONValue {
        switch self {
        case let .add(file): ["add": file.json]
        case let .remove(file): ["remove": file.json]
        case let .metadata(metadata): ["metaData": metadata.json]
        case let .protocol(action): ["protocol": action.json]
        case let .transaction(transaction): ["txn": transaction.json]
        case let .domainMetadata(domain): ["domainMetadata": domain.json]
        case let .changeData(file): ["cdc": file.json]
        }
    }
}

extension AddFile {
    var json: JSONValue {
        var members: JSONObject = [
            "path": .string(path.encoded), "partitionValues": partitionValues.json, "size": .integer(size),
            "modificationTime": .integer(modificationTime), "dataChange": .bool(dataChange),
        ]
        members["stats"] = stats.map(JSONValue.string)
        members["tags"] = tags.map(JSONValue.init(texts:))
        members["deletionVector"] = deletionVector?.json
        members["baseRowId"] = baseRowId.map(JSONValue.integer)
        members["defaultRowCommitVersion"] = defaultRowCommitVersion.map(JSONValue.integer)
        members["clusteringProvider"] = clusteringProvider.map(JSONValue.string)
        return .object(members)
    }
}

extension RemoveFile {
    var json: JSONValue {
        var members: JSONObject = ["path": .string(path.encoded)]
        members["deletionTimestamp"] = deletionTimestamp.map(JSONValue.integer)
        members["dataChange"] = .bool(dataChange)
        members["extendedFileMetadata"] = extendedFileMetadata.map(JSONValue.bool)
        members["partitionValues"] = partitionValues?.json
        members["size"] = size.map(JSONValue.integer)
        members["stats"] = stats.map(JSONValue.string)
        members["tags"] = tags.map(JSONValue.init(texts:))
        members["deletionVector"] = deletionVector?.json
        members["baseRowId"] = baseRowId.map(JSONValue.integer)
        members["defaultRowCommitVersion"] = defaultRowCommitVersion.map(JSONValue.integer)
        return .object(members)
    }
}

extension AddChangeData {
    var json: JSONValue {
        var members: JSONObject = [
            "path": .string(path.encoded), "partitionValues": partitionValues.json, "size": .integer(size), "dataChange": false,
        ]
        members["tags"] = tags.map(JSONValue.init(texts:))
        return .object(members)
    }
}

extension PartitionValues {
    var json: JSONValue {
        .object(JSONObject(entries.map { (key: $0.column, value: $0.value.map(JSONValue.string) ?? .null) }))
    }
}

extension DeletionVectorDescriptor {
    var json: JSONValue {
        var members: JSONObject = ["storageType": .string(storageType), "pathOrInlineDv": .string(pathOrInlineDv)]
        members["offset"] = offset.map { .integer(Int64($0)) }
        members["sizeInBytes"] = .integer(Int64(sizeInBytes))
        members["cardinality"] = .integer(cardinality)
        return .object(members)
    }
}

extension ProtocolAction {
    var json: JSONValue {
        var members: JSONObject = ["minReaderVersion": .integer(Int64(minReaderVersion)), "minWriterVersion": .integer(Int64(minWriterVersion))]
        members["readerFeatures"] = readerFeatures.map { .array($0.map(JSONValue.string)) }
        members["writerFeatures"] = writerFeatures.map { .array($0.map(JSONValue.string)) }
        return .object(members)
    }
}

extension TableMetadata {
    var json: JSONValue {
        var members: JSONObject = ["id": .string(id)]
        members["name"] = name.map(JSONValue.string)
        members["description"] = description.map(JSONValue.string)
        members["format"] = ["provider": .string(formatProvider), "options": JSONValue(texts: formatOptions)]
        members["schemaString"] = .string(schemaString)
        members["partitionColumns"] = .array(partitionColumns.map(JSONValue.string))
        members["configuration"] = JSONValue(texts: configuration)
        members["createdTime"] = createdTime.map(JSONValue.integer)
        return .object(members)
    }
}

extension SetTransaction {
    var json: JSONValue {
        var members: JSONObject = ["appId": .string(appId), "version": .integer(version)]
        members["lastUpdated"] = lastUpdated.map(JSONValue.integer)
        return .object(members)
    }
}

extension DomainMetadata {
    var json: JSONValue {
        ["domain": .string(domain), "configuration": .string(configuration), "removed": .bool(removed)]
    }
}

extension JSONValue {
    /// An object of texts, sorted by key so that equal maps are equal bytes.
    init(texts: [String: String]) {
        self = .object(JSONObject(texts.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
}
