import Base
import Columnar
import Parquet

/// By what means the rows of source files come into a new one, the cheapest first (docs/optimize.md has the rules).
public enum RewriteTier: Sendable, Hashable, CaseIterable {
    /// The bytes of a row group as they are.
    case rowGroupCopy
    /// The pages of a column as they are, or with other codes for the same values of a dictionary.
    case pageCopy
    /// Decoded and encoded.
    case reencode
}

/// A piece of a rewrite that one thread does.
enum RewriteUnit: Sendable {
    case rowGroup(RowGroupCopy)
    case column(ColumnUnit)

    struct Result: Sendable {
        enum Content: Sendable {
            /// To be copied by the writer; the leaves, as positions, whose numbers are known not to be NaN.
            case rowGroup(RowGroupCopy, leavesWithoutNaN: Set<Int>)
            case column(EncodedColumnChunk)
        }

        let content: Content
        let tier: RewriteTier
        /// As they are in the source files, compressed.
        let sourceBytes: Int64
    }

    /// What its result takes in memory, roughly.
    var weight: Int64 {
        switch self {
        // A few pieces of it at a time.
        case let .rowGroup(copy): min(copy.sourceBytes, 16 << 20)
        // What it is made from.
        case let .column(unit): unit.sourceBytes
        }
    }

    func run() async throws -> Result {
        switch self {
        case let .rowGroup(copy):
            Result(content: .rowGroup(copy, leavesWithoutNaN: try await copy.leavesWithoutNaN()), tier: .rowGroupCopy, sourceBytes: copy.sourceBytes)
        case let .column(unit): try await unit.run()
        }
    }
}

/// A row group that goes over as it is.
struct RowGroupCopy: Sendable {
    let file: DataFile
    let rowGroup: Int

    var sourceBytes: Int64 { file.rowGroups[rowGroup].compressedSize }

    /// The columns of floating-point numbers are looked through: a maximum bounds nothing where there may be a NaN, and no statistics tell.
    func leavesWithoutNaN() async throws -> Set<Int> {
        var result: Set<Int> = []
        for (position, field) in file.file.schema.fields.enumerated() where field.type.hasFloats {
            for pages in try await file.file.columnPages(rowGroup: rowGroup, column: position) where try !pages.mayHaveNaN() {
                try Task.checkCancellation()
                result.insert(pages.leaf.index)
            }
        }
        return result
    }
}

/// One column of one new row group.
struct ColumnUnit: Sendable {
    let files: [DataFile]
    let sources: [RowGroupLayout.Source]
    let column: Int
    /// For each file, what stands in place of null; nil for a column in which null is a value.
    let defaults: [RowDefault]?
    let encoder: ColumnChunkEncoder
    /// nil where the pages cannot be copied.
    let copier: ColumnChunkCopier?

    var sourceBytes: Int64 { sources.reduce(0) { $0.saturatingAdding(sourceBytes($1)) } }

    func run() async throws -> RewriteUnit.Result {
        if let copier, try await copyPages(copier) {
            return RewriteUnit.Result(content: .column(try copier.finish()), tier: .pageCopy, sourceBytes: sourceBytes)
        }
        var pending = try await reader(sources[0])
        for index in sources.indices {
            // The next chunk is fetched while this one is decoded.
            async let following = index + 1 < sources.count ? reader(sources[index + 1]) : nil
            try encode(pending, sources[index])
            pending = try await following
        }
        return RewriteUnit.Result(content: .column(try encoder.finish()), tier: .reencode, sourceBytes: sourceBytes)
    }

    // MARK: Copying

    /// False where some pages turn out to be better encoded anew; the copier is of no use then.
    private func copyPages(_ copier: ColumnChunkCopier) async throws -> Bool {
        var pending = try await pages(sources[0])
        var previousWriter: String?
        for index in sources.indices {
            async let following = index + 1 < sources.count ? pages(sources[index + 1]) : []
            try Task.checkCancellation()
            guard !pending.isEmpty, pending.allSatisfy({ $0.copyObstacle == nil }) else { return false }
            // The first file of a writer stands for those that follow it.
            let writer = files[sources[index].file].file.metadata.createdBy
            if index == 0 || writer != previousWriter, try copier.gainsFromEncoding(pending) { return false }
            previousWriter = writer
            try copier.append(pending)
            pending = try await following
        }
        return true
    }

    private func pages(_ source: RowGroupLayout.Source) async throws -> [ColumnPages] {
        guard let position = files[source.file].positions[column] else { return [] }
        return try await files[source.file].file.columnPages(rowGroup: source.rowGroup, column: position)
    }

    // MARK: Encoding

    private func reader(_ source: RowGroupLayout.Source) async throws -> ColumnChunkReader? {
        guard let position = files[source.file].positions[column] else { return nil }
        return try await files[source.file].file.columnReader(rowGroup: source.rowGroup, column: position, keepingDictionary: defaults == nil)
    }

    /// Appends one source's rows, without those that are deleted; without a reader, what stands in place of null.
    private func encode(_ reader: ColumnChunkReader?, _ source: RowGroupLayout.Source) throws {
        let file = files[source.file]
        let type = file.fields[column].type
        if let defaults { return try encode(reader, source, defaults[source.file]) }
        guard let reader else {
            var left = Int(clamping: source.rows)
            while left > 0 {
                let rows = min(left, Compaction.batchRows)
                try encoder.append(.nulls(type, count: rows))
                left -= rows
            }
            return
        }
        var row = 0
        while let batch = try reader.next(maxRows: Compaction.batchRows) {
            try Task.checkCancellation()
            let adapted = try file.adapt(batch, column)
            let kept = file.kept(rowGroup: source.rowGroup, rows: Int64(row)..<Int64(row + batch.count))
            row += batch.count
            try encoder.append(try kept.map { rows throws(ColumnarError) in try adapted.gathering(rows) } ?? adapted)
        }
    }

    /// As ``encode(_:_:)`` for a column in which rows without a value have one by where they are: in the source, the deleted ones counted.
    private func encode(_ reader: ColumnChunkReader?, _ source: RowGroupLayout.Source, _ rowDefault: RowDefault) throws {
        let file = files[source.file]
        let first = file.firstRow(rowGroup: source.rowGroup)
        let count = file.rowGroups[source.rowGroup].rowCount
        var row: Int64 = 0
        while row < count {
            try Task.checkCancellation()
            var given: Column?
            if let reader {
                guard let batch = try reader.next(maxRows: Compaction.batchRows) else { return }
                given = try file.adapt(batch, column)
            }
            let rows = row..<(row + (given.map { Int64($0.count) } ?? min(Int64(Compaction.batchRows), count - row)))
            let values = rowDefault.filling(given, (first + rows.lowerBound)..<(first + rows.upperBound))
            let kept = file.kept(rowGroup: source.rowGroup, rows: rows)
            try encoder.append(try kept.map { kept throws(ColumnarError) in try values.gathering(kept) } ?? values)
            row = rows.upperBound
        }
    }

    private func sourceBytes(_ source: RowGroupLayout.Source) -> Int64 {
        let file = files[source.file]
        guard let position = file.positions[column] else { return 0 }
        return file.file.compressedSize(rowGroup: source.rowGroup, column: position)
    }
}

extension DataType {
    fileprivate var hasFloats: Bool {
        switch self {
        case .float, .double: true
        case let .structure(fields): fields.contains { $0.type.hasFloats }
        case let .list(element): element.type.hasFloats
        case let .map(key, value): key.type.hasFloats || value.type.hasFloats
        default: false
        }
    }
}
