import Base
import Glibc
import ObjectStore

/// Reads single commits as actions, for conflict checks and history; whole logs go through ``CommitScanner``.
enum CommitReader {
    /// A commit's actions and provenance.
    struct Commit: Sendable {
        let version: Int64
        let actions: [Action]
        let commitInfo: CommitInfo?
    }

    /// Throws ``DeltaError/corruptCommit(version:line:reason:)``. Metadata whose schema Levee cannot represent throws what the schema's reader throws.
    static func read(_ bytes: Bytes, version: Int64) throws -> Commit {
        var actions: [Action] = []
        var first: CommitInfo?
        try forEachAction(bytes, version: version) {
            actions.append($0)
        } info: {
            first = first ?? $0
        }
        return Commit(version: version, actions: actions, commitInfo: first)
    }

    /// Hands out a commit's actions one by one, for who keeps little of them. Throws what ``read(_:version:)`` throws.
    static func forEachAction(_ bytes: Bytes, version: Int64, _ body: (Action) -> Void, info: (CommitInfo) -> Void) throws {
        try forEachLine(bytes) { line, number in
            do {
                let value = try JSON.parse(line)
                if let members = value["commitInfo"]?.objectValue {
                    info(CommitInfo(members: members))
                } else if let action = try ActionDecoding.action(value) {
                    body(action)
                }
            } catch let error as JSONError {
                throw DeltaError.corruptCommit(version: version, line: number, reason: error.description)
            } catch let error as ActionDecoding.Failure {
                throw DeltaError.corruptCommit(version: version, line: number, reason: error.reason)
            }
        }
    }

    /// The provenance alone: lines of other actions are only looked at by their first bytes.
    static func commitInfo(_ bytes: Bytes, version: Int64) throws -> CommitInfo? {
        var info: CommitInfo?
        try forEachLine(bytes) { line, number in
            guard info == nil, line.prefix(32).text.contains("\"commitInfo\"") else { return }
            do {
                if let members = try JSON.parse(line)["commitInfo"]?.objectValue { info = CommitInfo(members: members) }
            } catch {
                throw DeltaError.corruptCommit(version: version, line: number, reason: "\(error)")
            }
        }
        return info
    }

    /// The provenance of a commit in a store.
    static func commitInfo(of commit: LogFile, in store: any ObjectStore) async throws -> CommitInfo? {
        if commit.sizeInBytes > headBytes { return try await commitInfo(of: commit.path, in: store, version: commit.version) }
        return try commitInfo(try await store.get(commit.path), version: commit.version)
    }

    /// As ``commitInfo(of:in:)`` for a commit of unknown size. Of a large one only the beginning is read where it stands there, as most writers have it.
    static func commitInfo(of path: ObjectPath, in store: any ObjectStore, version: Int64) async throws -> CommitInfo? {
        let head = try await store.get(path, range: 0..<headBytes)
        if head.count < headBytes { return try commitInfo(head, version: version) }
        let lines = head.withUnsafeBytes { $0.lastIndex(of: UInt8(ascii: "\n")) } ?? 0
        if let info = try commitInfo(head.prefix(lines), version: version) { return info }
        return try commitInfo(try await store.get(path), version: version)
    }

    private static let headBytes: Int64 = 1 << 20

    /// Lines that are not blank, counted from 1.
    static func forEachLine(_ bytes: Bytes, _ body: (Bytes, Int) throws -> Void) throws {
        var start = 0
        var number = 1
        while start < bytes.count {
            let end = bytes.withUnsafeBytes { raw -> Int in
                guard let base = raw.baseAddress, let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), raw.count - start) else { return raw.count }
                return base.distance(to: UnsafeRawPointer(newline))
            }
            if let line = bytes.slice(start..<end), !line.withUnsafeBytes({ $0.allSatisfy { $0 <= 0x20 } }) { try body(line, number) }
            start = end + 1
            number += 1
        }
    }
}
