import Base
import Columnar
import ObjectStore

/// What rows are left out by.
public struct PruningEvidence: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The bounds and null counts in the footer. Costs no request.
    public static let statistics = PruningEvidence(rawValue: 1)
    /// The bounds and null counts of pages, where the file has a page index. One request a row group.
    public static let pageIndex = PruningEvidence(rawValue: 2)
    /// Bloom filters, for columns that have one and are compared for equality. Two requests a row group.
    public static let bloomFilters = PruningEvidence(rawValue: 4)

    public static let all: PruningEvidence = [.statistics, .pageIndex, .bloomFilters]
}

extension ParquetFile {
    /// The rows of a row group of which `condition` may hold, as far as the file tells without reading them. Columns that the file does not have,
    /// lists and what has no usable bounds keep all rows.
    public func selectRows(rowGroup: Int, where condition: RowCondition, by evidence: PruningEvidence = .all) async throws -> RowSelection {
        let group = try self.group(rowGroup)
        let all = RowSelection(0..<group.rowCount)
        let questions = Questions(file: self, condition)
        var selected = all
        if evidence.contains(.statistics) {
            selected = condition.select(all) { question in
                guard let reading = questions.reading(question) else { return all }
                let chunk = group.columns[reading.leaf.index]
                let facts = reading.facts(chunk.statistics, valueCount: chunk.valueCount)
                return facts.mayMatch(reading.normalized(question)) ? all : RowSelection()
            }
        }
        if evidence.contains(.bloomFilters), !selected.isEmpty {
            let absent = try await absentValues(rowGroup, group, questions)
            if !absent.isEmpty {
                selected = condition.select(selected) { question in
                    switch question {
                    case let .comparison(column, .equal, value): absent[column]?.contains(value) == true ? RowSelection() : selected
                    case let .oneOf(column, values): values.allSatisfy { absent[column]?.contains($0) == true } ? RowSelection() : selected
                    default: selected
                    }
                }
            }
        }
        if evidence.contains(.pageIndex), !selected.isEmpty {
            let indexes = try await pageIndexes(rowGroup, group, leaves: questions.leaves)
            if !indexes.isEmpty {
                let pages = condition.select(all) { question in
                    guard let reading = questions.reading(question), let index = indexes[reading.leaf.index] else { return all }
                    return index.select(question, reading, group)
                }
                selected = selected.intersection(pages)
            }
        }
        return selected
    }

    func group(_ rowGroup: Int) throws(ParquetError) -> RowGroupMetadata {
        guard metadata.rowGroups.indices.contains(rowGroup) else { throw .noSuchColumn(file: path.string, column: "of row group \(rowGroup)") }
        return metadata.rowGroups[rowGroup]
    }

    /// The leaves that a condition asks about and that bounds can speak for.
    private struct Questions {
        private var readings: [[String]: BoundsReading] = [:]
        let condition: RowCondition

        init(file: ParquetFile, _ condition: RowCondition) {
            self.condition = condition
            for column in condition.columns {
                // A value of a list is not a value of its row.
                guard let leaf = file.metadata.schema.leaves.first(where: { $0.path == column && $0.maximumRepetitionLevel == 0 }),
                    let (type, conversion) = try? ValueConversion.of(leaf)
                else { continue }
                let orders = file.metadata.columnOrders
                readings[column] = BoundsReading(
                    leaf: leaf, type: type, conversion: conversion, order: orders.indices.contains(leaf.index) ? orders[leaf.index] : nil)
            }
        }

        var leaves: [Int] { readings.values.map(\.leaf.index).sorted() }

        subscript(_ column: [String]) -> BoundsReading? { readings[column] }

        func reading(_ question: RowCondition) -> BoundsReading? { question.columns.first.flatMap { readings[$0] } }
    }

    // MARK: Page index

    /// Both indexes of a chunk, which agree about its pages.
    private struct PageIndex {
        let columns: ColumnIndex
        let offsets: OffsetIndex

        func select(_ question: RowCondition, _ reading: BoundsReading, _ group: RowGroupMetadata) -> RowSelection {
            let question = reading.normalized(question)
            let chunkHasNoNaN = group.columns[reading.leaf.index].statistics?.nanCount == 0
            var selection = RowSelection()
            for (number, page) in offsets.pages.enumerated() {
                let end = number + 1 < offsets.pages.count ? offsets.pages[number + 1].firstRow : group.rowCount
                let facts = reading.facts(columns, page: number, rows: end - page.firstRow, chunkHasNoNaN: chunkHasNoNaN)
                if facts.mayMatch(question) { selection.append(page.firstRow..<end) }
            }
            return selection
        }
    }

    private func pageIndexes(_ rowGroup: Int, _ group: RowGroupMetadata, leaves: [Int]) async throws -> [Int: PageIndex] {
        var ranges: [Range<Int64>] = []
        var indexed: [Int] = []
        for leaf in leaves {
            guard let columns = group.columns[leaf].columnIndex, let offsets = group.columns[leaf].offsetIndex,
                columns.count + offsets.count <= limits.pageBytes
            else { continue }
            ranges += [columns, offsets]
            indexed.append(leaf)
        }
        guard !indexed.isEmpty else { return [:] }
        let parts = try await fetch(ranges, place: "row group \(rowGroup), page index")
        var indexes: [Int: PageIndex] = [:]
        for (place, leaf) in indexed.enumerated() {
            guard let columns = ColumnIndex(lenient: parts[place * 2]), let offsets = OffsetIndex(lenient: parts[place * 2 + 1]),
                columns.count == offsets.pages.count, offsets.pages.allSatisfy({ $0.firstRow < group.rowCount })
            else { continue }
            indexes[leaf] = PageIndex(columns: columns, offsets: offsets)
        }
        return indexes
    }

    /// The offset indexes of these leaves; those that are missing or unreadable are left out.
    func offsetIndexes(_ rowGroup: Int, _ group: RowGroupMetadata, leaves: [Int]) async throws -> [Int: OffsetIndex] {
        let indexed = leaves.filter { leaf in group.columns[leaf].offsetIndex.map { $0.count <= limits.pageBytes } ?? false }
        let parts = try await fetch(indexed.compactMap { group.columns[$0].offsetIndex }, place: "row group \(rowGroup), page index")
        var indexes: [Int: OffsetIndex] = [:]
        for (leaf, part) in zip(indexed, parts) { indexes[leaf] = OffsetIndex(lenient: part) }
        return indexes
    }

    // MARK: Bloom filters

    /// What is fetched first of a filter: its header, and the bits of a small one.
    private static let bloomFilterHead: Int64 = 1 << 10

    /// Of the values that are compared for equality, those that are not in the row group, by column.
    private func absentValues(_ rowGroup: Int, _ group: RowGroupMetadata, _ questions: Questions) async throws -> [[String]: Set<Scalar>] {
        struct Probe {
            let column: [String]
            let value: Scalar
            let hash: UInt64
            let start: Int64
        }
        var probes: [Probe] = []
        for (column, value) in questions.condition.probes {
            guard let reading = questions[column], let start = group.columns[reading.leaf.index].bloomFilterOffset, start > 0, start < sizeInBytes,
                let plain = reading.plain(value)
            else { continue }
            probes.append(Probe(column: column, value: value, hash: plain.withUnsafeBytes { XXHash64.hash($0) }, start: start))
        }
        guard !probes.isEmpty else { return [:] }
        let place = "row group \(rowGroup), bloom filter"
        let heads = try await fetch(probes.map { $0.start..<min($0.start + Self.bloomFilterHead, sizeInBytes) }, place: place)
        var blocks: [(probe: Probe, range: Range<Int64>)] = []
        for (probe, head) in zip(probes, heads) {
            guard let header = BloomFilterLookup(head) else { continue }
            let block = header.block(probe.hash)
            let range = (probe.start + Int64(header.length + block.lowerBound))..<(probe.start + Int64(header.length + block.upperBound))
            if range.upperBound <= sizeInBytes { blocks.append((probe, range)) }
        }
        var absent: [[String]: Set<Scalar>] = [:]
        for (block, bytes) in zip(blocks, try await fetch(blocks.map(\.range), place: place))
        where !BloomFilterLookup.mayContain(block.probe.hash, block: bytes) {
            absent[block.probe.column, default: []].insert(block.probe.value)
        }
        return absent
    }
}
