import Base
import ObjectStore

/// What is at the place that is to become a clone, and whether it may.
struct CloneTarget: Sendable {
    /// nil where there is no table yet.
    let snapshot: Snapshot?
    /// Its files came from the source, and nobody has changed them since.
    let isSameClone: Bool

    /// Tells a clone that was begun from something else that lies there: written before the first file, removed behind the commit.
    static let beginning = "_levee/clone.json"
    private static let sourceKey = "sourceTableId"

    /// Throws ``DeltaError/invalidRequest(reason:)`` where the place is something else, unless that is to be replaced.
    static func find(_ table: DeltaTable, source: DeltaTable, sourceId: String, replace: Bool) async throws -> CloneTarget {
        guard try await table.exists() else {
            try await checkEmpty(table, sourceId: sourceId)
            return CloneTarget(snapshot: nil, isSameClone: false)
        }
        let snapshot = try await table.snapshot()
        let isSame = try await isClone(table, of: source, sourceId: sourceId)
        guard isSame || replace else {
            throw DeltaError.invalidRequest(
                reason:
                    "\(table.location) is a table, and its last commit is no clone of \(source.location): somebody else's rows would be lost; choose another place, "
                    + "or say that it is to be replaced (--replace)")
        }
        return CloneTarget(snapshot: snapshot, isSameClone: isSame)
    }

    /// A vacuum changes no file of the table, so a clone may have any number of them behind it.
    private static func isClone(_ table: DeltaTable, of source: DeltaTable, sourceId: String) async throws -> Bool {
        let records = try await table.history(limit: 20)
        guard let info = records.first(where: { !($0.operation ?? "").hasPrefix("VACUUM ") })?.commitInfo, info.operation == "CLONE" else { return false }
        if let id = info.levee?[sourceKey]?.stringValue { return id == sourceId }
        // Spark says where the source is, and not which table that was.
        guard let place = info.operationParameters?["source"]?.stringValue, let named = try? TableLocation(place) else { return false }
        return (try? TableLocation(source.location)) == named
    }

    private static func checkEmpty(_ table: DeltaTable, sourceId: String) async throws {
        let listing = table.store.list(prefix: "", startAfter: nil)
        while let page = try await listing.next() {
            guard let object = page.first(where: { $0.path.string != beginning }) else { continue }
            if try await begunFrom(table.store) == sourceId { return }
            throw DeltaError.invalidRequest(
                reason: "\(table.location) is no Delta table and not empty (\(object.path) is there): choose another place, or empty this one")
        }
    }

    private static func begunFrom(_ store: any ObjectStore) async throws -> String? {
        let note: Bytes
        do { note = try await store.get(ObjectPath(beginning)) } catch ObjectStoreError.notFound {
            return nil
        }
        return (try? JSON.parse(note))?[sourceKey]?.stringValue
    }

    /// Says at an empty place that it is about to become a clone, so that what an interrupted run leaves is known for what it is.
    static func begin(_ table: DeltaTable, sourceId: String) async throws {
        try await table.store.put(ObjectPath(beginning), Bytes(JSON.encode([sourceKey: .string(sourceId)])), mode: .overwrite)
    }

    /// Never throws: the clone is there, and the note means nothing beside a log.
    static func end(_ table: DeltaTable) async {
        do {
            _ = try await table.store.delete([try ObjectPath(beginning)])
        } catch {
            table.environment.logger.warning("the note that the clone was begun could not be removed", ["table": table.location, "error": "\(error)"])
        }
    }

    /// What the commit tells of where it came from.
    static func provenance(_ source: Snapshot, _ mode: CloneOptions.Mode) -> JSONObject {
        [sourceKey: .string(source.metadata.id), "sourceVersion": .integer(source.version), "cloneMode": .string(mode.rawValue)]
    }
}
