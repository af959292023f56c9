import Base
import ObjectStore

/// A shallow clone as its source knows it: a note below the source's root, so that a vacuum there asks the clone which files it still needs.
struct CloneMarker: Sendable {
    static let directory = "_levee/clones/"

    /// Of the note.
    let path: ObjectPath
    /// Where the clone is.
    let location: String
    /// The source's version that it was made of.
    let sourceVersion: Int64
    let created: Timestamp

    /// Written before the clone's commit: from then on a vacuum knows of it. A source that may not be written to is cloned all the same; where the note
    /// fails to be written for another reason the clone fails too, since a vacuum of the source would take its files.
    static func write(for id: String, at target: DeltaTable, in source: DeltaTable, version: Int64) async throws {
        let note: JSONValue = [
            "location": .string(target.location), "sourceVersion": .integer(version), "created": .integer(target.environment.clock.now().milliseconds),
        ]
        do {
            // The id is a table's own, whatever it looks like.
            let path = try ObjectPath("\(directory)\(DataPath.encode(id).replacing("/", with: "%2F")).json")
            try await source.store.put(path, Bytes(JSON.encode(note)), mode: .overwrite)
        } catch let error as ObjectStoreError {
            guard case .permissionDenied = error else { throw error }
            target.environment.logger.warning(
                "the source could not be told of its clone: name the clone to every vacuum of the source (--keep-for), or that takes files which the clone needs",
                ["source": source.location, "clone": target.location, "error": "\(error)"])
        }
    }

    /// Of all shallow clones that a table knows. Throws ``DeltaError/invalidData(source:reason:)`` for a note that cannot be read.
    static func all(of table: DeltaTable) async throws -> [CloneMarker] {
        var markers: [CloneMarker] = []
        let listing = table.store.list(prefix: directory, startAfter: nil)
        while let page = try await listing.next() {
            for object in page where object.path.string.hasSuffix(".json") {
                guard let note = try? JSON.parse(try await table.store.get(object.path)), let location = note["location"]?.stringValue else {
                    throw DeltaError.invalidData(
                        source: "\(table.location)/\(object.path)", reason: "it is to tell of a shallow clone and cannot be read; remove it if there is none")
                }
                markers.append(
                    CloneMarker(
                        path: object.path, location: location, sourceVersion: note["sourceVersion"]?.intValue ?? 0,
                        created: note["created"]?.intValue.map(Timestamp.init(milliseconds:)) ?? object.modified))
            }
        }
        return markers
    }
}
