import Base
import Glibc

/// Reads commits, newest first, into columns: adds and removes without a tree or a string per line, everything else through ``ActionDecoding``.
///
/// Used by one task at a time; ``finish()`` gives what it has read. What makes it fast: one pass over the bytes, texts unescaped straight into
/// the arena (`make bench-log`).
final class CommitScanner {
    private let adds = FileSegmentBuilder()
    private let removes = FileSegmentBuilder()
    private var batch = ReplayBatch()
    private struct Current {
        var firstAdd = 0
        var firstRemove = 0
        var line = 1
        var hasAction = false
    }

    /// The commit that is being read.
    private var current = Current()
    /// The partition values of the line being read, kept to be used again.
    private var partitionTexts: [(name: JSONText, value: JSONText?)] = []

    /// Reads a commit; all those read before must be newer. Throws ``DeltaError/corruptCommit(version:line:reason:)``.
    func scan(_ commit: Bytes, version: Int64) throws(DeltaError) {
        begin()
        try scan(lines: commit, version: version)
        try end(version: version)
    }

    // MARK: Commits in parts

    /// Begins a commit whose lines come in parts.
    func begin() { current = Current(firstAdd: adds.count, firstRemove: removes.count) }

    /// Reads some more lines of it, all of them whole.
    func scan(lines: Bytes, version: Int64) throws(DeltaError) {
        var (line, hasAction) = (current.line, current.hasAction)
        defer { (current.line, current.hasAction) = (line, hasAction) }
        try lines.withUnsafeBytes { (bytes) throws(DeltaError) in
            guard let base = bytes.baseAddress else { return }
            var start = 0
            while start < bytes.count {
                let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
                let end = newline.map { base.distance(to: UnsafeRawPointer($0)) } ?? bytes.count
                var scanner = JSONScanner(padded: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                if scanner.peek() != nil {
                    hasAction = true
                    do {
                        try scanLine(&scanner, version: version)
                    } catch {
                        throw Self.failure(error, version: version, line: line)
                    }
                }
                start = end + 1
                line += 1
            }
        }
    }

    /// Ends it.
    func end(version: Int64) throws(DeltaError) {
        if !current.hasAction { throw .corruptCommit(version: version, line: nil, reason: "it has no action") }
        batch.commits.append(
            ReplayBatch.Commit(version: version, adds: current.firstAdd..<adds.count, removes: current.firstRemove..<removes.count))
    }

    func finish() -> ReplayBatch {
        batch.adds = adds.finish()
        batch.removes = removes.finish()
        return batch
    }

    private static func failure(_ error: any Error, version: Int64, line: Int) -> DeltaError {
        switch error {
        case let error as DeltaError: error
        case let error as ActionDecoding.Failure: .corruptCommit(version: version, line: line, reason: error.reason)
        case let error as JSONError: .corruptCommit(version: version, line: line, reason: error.description)
        default: .corruptCommit(version: version, line: line, reason: "\(error)")
        }
    }

    private func scanLine(_ scanner: inout JSONScanner, version: Int64) throws {
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
            if try scanner.takeNull() { continue }
            if scanner.text(key, equals: "add") {
                try scanFile(&scanner, into: adds, isAdd: true)
            } else if scanner.text(key, equals: "remove") {
                try scanFile(&scanner, into: removes, isAdd: false)
            } else if scanner.text(key, equals: "metaData") {
                if batch.metadata == nil { batch.metadata = (version, try members(&scanner, "metaData")) } else { try scanner.skipValue() }
            } else if scanner.text(key, equals: "protocol") {
                let members = try members(&scanner, "protocol")
                if batch.protocol == nil { batch.protocol = (version, try ActionDecoding.protocolAction(members)) }
            } else if scanner.text(key, equals: "txn") {
                let transaction = try ActionDecoding.transaction(try members(&scanner, "txn"))
                if batch.transactions[transaction.appId] == nil { batch.transactions[transaction.appId] = transaction }
            } else if scanner.text(key, equals: "domainMetadata") {
                let domain = try ActionDecoding.domainMetadata(try members(&scanner, "domainMetadata"))
                if batch.domains[domain.domain] == nil { batch.domains[domain.domain] = domain }
            } else if scanner.text(key, equals: "commitInfo"), batch.commits.isEmpty, batch.commitInfo == nil {
                batch.commitInfo = CommitInfo(members: try members(&scanner, "commitInfo"))
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.expectEnd()
    }

    private func members(_ scanner: inout JSONScanner, _ action: StaticString) throws -> JSONObject {
        let value = try scanner.value()
        guard let members = value.objectValue else { throw ActionDecoding.Failure(reason: "\(action) is \(value.kindDescription), not an object") }
        return members
    }

    // MARK: Adds and removes

    /// What one `add` or `remove` says, as places in the line.
    private struct ScannedFile {
        var path: JSONText?
        var size: Int64?
        var time: Int64?
        var flags: FileSegment.Flags = .dataChange
        var stats: JSONText?
        var tags: Range<Int>?
        var deletionVector: DeletionVectorDescriptor?
        var baseRowId: Int64?
        var defaultRowCommitVersion: Int64?
        var clusteringProvider: String?
    }

    private func scanFile(_ scanner: inout JSONScanner, into builder: FileSegmentBuilder, isAdd: Bool) throws {
        var file = ScannedFile()
        partitionTexts.removeAll(keepingCapacity: true)
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
            if try scanner.takeNull() { continue }
            try scanMember(key, &scanner, &file, isAdd: isAdd)
        }
        guard let path = file.path, path.count > 0 else { throw ActionDecoding.Failure(reason: "\(isAdd ? "add" : "remove") has no path") }
        if isAdd, file.size == nil { throw ActionDecoding.Failure(reason: "add has no size") }
        if let size = file.size, size < 0 { throw ActionDecoding.Failure(reason: "\(isAdd ? "add" : "remove").size is negative") }

        let line = scanner
        try builder.appendRow(
            pathLimit: path.count, size: file.size, time: file.time, flags: file.flags, deletionVector: file.deletionVector
        ) { (target) throws(JSONError) in try Self.write(path, of: line, to: target) }
        guard builder.lastPathIsValid else { throw ActionDecoding.Failure(reason: "the path is not UTF-8") }
        for (name, value) in partitionTexts {
            let known = name.hasEscapes ? -1 : builder.partitions.column(named: scanner.bytes(of: name))
            let column = known >= 0 ? known : builder.partitions.column(try scanner.string(of: name))
            builder.setPartition(column, try value.map { text throws(JSONError) in try line.string(of: text) })
        }
        // Tombstones' statistics serve nobody.
        if isAdd, let stats = file.stats {
            try builder.setStatistics(limit: stats.count) { (target) throws(JSONError) in try Self.write(stats, of: line, to: target) }
        }
        if isAdd, let tags = file.tags {
            builder.setTags(scanner.bytes(of: JSONText(offset: tags.lowerBound, count: tags.count, hasEscapes: false)), row: builder.count - 1)
        }
        if file.baseRowId != nil || file.defaultRowCommitVersion != nil {
            builder.setRowTracking(baseRowId: file.baseRowId, defaultRowCommitVersion: file.defaultRowCommitVersion, row: builder.count - 1)
        }
        if let provider = file.clusteringProvider { builder.setClusteringProvider(provider, row: builder.count - 1) }
    }

    private func scanMember(_ key: JSONText, _ scanner: inout JSONScanner, _ file: inout ScannedFile, isAdd: Bool) throws {
        if scanner.text(key, equals: "path") {
            file.path = try scanner.string()
        } else if scanner.text(key, equals: "size") {
            file.size = try scanner.integer()
        } else if scanner.text(key, equals: "stats") {
            file.stats = try scanner.string()
        } else if scanner.text(key, equals: "partitionValues") {
            try scanPartitionValues(&scanner)
        } else if scanner.text(key, equals: "dataChange") {
            if try scanner.bool() { file.flags.insert(.dataChange) } else { file.flags.remove(.dataChange) }
        } else if isAdd, scanner.text(key, equals: "modificationTime") {
            file.time = try scanner.integer()
        } else if !isAdd, scanner.text(key, equals: "deletionTimestamp") {
            file.time = try scanner.integer()
        } else if !isAdd, scanner.text(key, equals: "extendedFileMetadata") {
            if try scanner.bool() { file.flags.insert(.extended) }
        } else if scanner.text(key, equals: "tags") {
            guard try scanner.kind() == .object else { throw ActionDecoding.Failure(reason: "tags is not an object") }
            let range = try scanner.skipValue()
            if range.count > 2 { file.tags = range }
        } else if scanner.text(key, equals: "deletionVector") {
            file.deletionVector = try ActionDecoding.deletionVector(try members(&scanner, "deletionVector"))
        } else if scanner.text(key, equals: "baseRowId") {
            file.baseRowId = try scanner.integer()
        } else if scanner.text(key, equals: "defaultRowCommitVersion") {
            file.defaultRowCommitVersion = try scanner.integer()
        } else if scanner.text(key, equals: "clusteringProvider") {
            file.clusteringProvider = try scanner.string(of: try scanner.string())
        } else {
            try scanner.skipValue()
        }
    }

    private func scanPartitionValues(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.beginObject()
        while let name = try scanner.nextKey() {
            let isNull = try scanner.takeNull()
            partitionTexts.append((name, isNull ? nil : try scanner.string()))
        }
    }

    /// Copies a text, escapes resolved.
    private static func write(_ text: JSONText, of scanner: JSONScanner, to target: UnsafeMutableBufferPointer<UInt8>) throws(JSONError) -> Int {
        if text.hasEscapes { return try scanner.unescape(text, into: target) }
        return target.copy(scanner.bytes(of: text))
    }
}
