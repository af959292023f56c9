import Base
import ObjectStore

/// Finds what may go from the log alone (Spark's VACUUM LITE): files, deletion vectors and change files that commits before the retention took out of the
/// table, since the commit up to which the last vacuum went. What no commit ever spoke of it does not find.
struct VacuumLogScan: VacuumScan {
    let table: DeltaTable
    let rules: VacuumRules
    /// The newest commit outside of the retention; nil where all are inside.
    let last: Int64?

    /// Throws ``DeltaError/invalidRequest(reason:)`` where commits since the last vacuum have been cleaned up.
    func run(progress: ProgressReporter) async throws -> VacuumFindings {
        var findings = VacuumFindings()
        // What came up before, by hashes: a file that a newer commit removes again goes once.
        var seen = LivePaths()
        let commits = try await dueCommits()
        for (number, commit) in commits.enumerated() {
            try Task.checkCancellation()
            // A commit's removals are held together, so that the next scan can go on behind it.
            let holds = findings.candidates.count < rules.capacity
            for action in try CommitReader.read(try await table.store.get(commit.path), version: commit.version).actions {
                switch action {
                case let .remove(file):
                    try consider(file.path, size: file.size ?? 0, holds, &seen, &findings)
                    if let vector = try file.deletionVector?.path { try consider(vector, size: 0, holds, &seen, &findings) }
                case let .changeData(file): try consider(file.path, size: file.size, holds, &seen, &findings)
                default: continue
                }
            }
            if holds { findings.coveredVersion = commit.version }
            progress(OperationProgress(phase: .listing, filesDone: Int64(number + 1), filesTotal: Int64(commits.count)))
        }
        return findings
    }

    /// The commits since the last vacuum, ascending, without a gap: what one that is gone removed nobody can tell.
    private func dueCommits() async throws -> [LogFile] {
        let start = try await LastVacuum.read(table.store).map { $0.version + 1 } ?? 0
        guard let last, start <= last else { return [] }
        let commits = try await LogListing.load(table.store, from: start).commits.filter { (start...last).contains($0.version) }
        guard commits.first?.version == start, commits.count == Int(last - start) + 1 else {
            throw DeltaError.invalidRequest(
                reason:
                    "the log of \(table.location) does not go back to version \(start), from which on nothing has been vacuumed: it cannot tell all files that "
                    + "may go; run a full vacuum, later ones can go by the log again")
        }
        return commits
    }

    private func consider(_ path: DataPath, size: Int64, _ holds: Bool, _ seen: inout LivePaths, _ findings: inout VacuumFindings) throws(DeltaError) {
        // Files outside of the root are another table's; of those not even a URI that nobody understands matters.
        guard let object = path.isAbsolute ? try? table.files.inside(path) : try table.files.inside(path) else { return }
        guard !rules.live.contains(object.string), !seen.contains(object.string) else { return }
        seen.insert(object.string)
        findings.listed += 1
        if rules.clones.contains(object.string) {
            findings.keptForClones += 1
            return
        }
        findings.add(object, sizeInBytes: size, capacity: holds ? .max : 0)
    }
}

/// Up to which commit a vacuum has removed what left the table, as Spark keeps it beside the log.
struct LastVacuum: Sendable, Hashable {
    static let path = LogFileName.directory + "_last_vacuum_info"
    private static let key = "latestCommitVersionOutsideOfRetentionWindow"

    var version: Int64

    /// nil where there is none or it cannot be read.
    static func read(_ store: any ObjectStore) async throws -> LastVacuum? {
        let bytes: Bytes
        do { bytes = try await store.get(ObjectPath(path)) } catch ObjectStoreError.notFound {
            return nil
        }
        guard let version = (try? JSON.parse(bytes))?[key]?.intValue, version >= 0 else { return nil }
        return LastVacuum(version: version)
    }

    func write(_ store: any ObjectStore) async throws {
        try await store.put(ObjectPath(Self.path), Bytes(JSON.encode([Self.key: .integer(version)])), mode: .overwrite)
    }
}
