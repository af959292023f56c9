import Base
import ObjectStore

/// The shallow clones of a table that is to be vacuumed, and theirs: what they refer to of the table's files must stay.
struct VacuumClones: Sendable {
    let table: DeltaTable
    let options: VacuumOptions

    /// A clone that was begun so long ago and is not there has not come about, or is gone.
    private static let begun = Duration.seconds(86_400)

    struct Found: Sendable {
        /// Paths below the table's root that clones refer to.
        var paths = LivePaths()
        var clones: Int64 = 0
    }

    /// One that has to be asked.
    private struct Candidate {
        let location: String
        /// nil for one that somebody named.
        var marker: CloneMarker?
        /// The table that the note lies in.
        var source: DeltaTable
    }

    /// Opens all of them, one after the other. Throws ``DeltaError/cloneNotReadable(location:reason:)``.
    func find() async throws -> Found {
        var found = Found()
        var waiting = options.keepFor.map { Candidate(location: $0, source: table) }
        waiting += try await candidates(of: table)
        var seen: Set<String> = [table.location]
        while let candidate = waiting.popLast() {
            try Task.checkCancellation()
            guard seen.insert(candidate.location).inserted else { continue }
            waiting += try await ask(candidate, &found)
        }
        return found
    }

    private func candidates(of source: DeltaTable) async throws -> [Candidate] {
        try await CloneMarker.all(of: source).map { Candidate(location: $0.location, marker: $0, source: source) }
    }

    /// Takes note of what a clone needs; returns the clones that were made of it, for these may refer to the table's files as well.
    private func ask(_ candidate: Candidate, _ found: inout Found) async throws -> [Candidate] {
        if candidate.marker != nil, isForgotten(candidate.location) {
            try await drop(candidate)
            return []
        }
        do {
            let clone = DeltaTable(store: try table.environment.outside.table(at: try TableLocation(candidate.location)), environment: table.environment)
            let others = try await candidates(of: clone)
            guard try await clone.exists() else {
                try await handleMissing(candidate, hasClones: !others.isEmpty, &found)
                return others
            }
            try found.paths.insert(try await clone.snapshot(), inside: table.files, now: table.environment.clock.now())
            found.clones += 1
            return others
        } catch let error as CancellationError {
            throw error
        } catch let error as DeltaError {
            if case .cloneNotReadable = error { throw error }
            throw DeltaError.cloneNotReadable(location: candidate.location, reason: error.description)
        } catch {
            throw DeltaError.cloneNotReadable(location: candidate.location, reason: "\(error)")
        }
    }

    private func isForgotten(_ location: String) -> Bool {
        options.forgottenClones.contains { forgotten in
            forgotten.hasSameBytes(as: location) || (try? TableLocation(forgotten)).map { (try? TableLocation(location)) == $0 } ?? false
        }
    }

    /// There is no table at the clone's place: one that is about to be made there keeps what it is made of, one that is gone is forgotten.
    private func handleMissing(_ candidate: Candidate, hasClones: Bool, _ found: inout Found) async throws {
        guard let marker = candidate.marker else { throw DeltaError.notATable(location: candidate.location) }
        let now = table.environment.clock.now()
        if marker.created > now - Self.begun {
            try found.paths.insert(
                try await candidate.source.snapshot(version: marker.sourceVersion), of: candidate.source.files, inside: table.files, now: now)
            found.clones += 1
        } else if !hasClones {
            try await drop(candidate)
        }
    }

    private func drop(_ candidate: Candidate) async throws {
        guard !options.dryRun, let marker = candidate.marker else { return }
        for (_, error) in try await candidate.source.store.delete([marker.path]) { throw DeltaError.storage(error) }
    }
}

extension LivePaths {
    /// The files of another table's snapshot that lie below a table's root: what it has, and what left it within its own retention.
    ///
    /// - Parameter own: where the other table's relative paths lie, for a table that has some of them there; nil where these cannot be the table's.
    fileprivate mutating func insert(_ other: Snapshot, of own: TableFiles? = nil, inside files: TableFiles, now: Timestamp) throws(DeltaError) {
        let retention = other.metadata.deletedFileRetention
        func path(_ path: DataPath) throws(DeltaError) -> ObjectPath? {
            if path.isAbsolute { return try files.inside(path) }
            guard let own else { return nil }
            return try files.inside(try own.absolute(path))
        }
        for file in other.files {
            if let found = try path(file.path) { insert(found.string) }
            if let vector = try file.deletionVector?.path, let found = try path(vector) { insert(found.string) }
        }
        for tombstone in other.tombstones where tombstone.isRetained(at: now, retention: retention) {
            if let found = try path(tombstone.path) { insert(found.string) }
            if let vector = try tombstone.deletionVector?.path, let found = try path(vector) { insert(found.string) }
        }
    }
}
