import Base

/// The parts of a column chunk that have the rows wanted: all of it, or its dictionary and runs of pages.
struct ChunkPlan {
    /// Pages that follow each other.
    struct Stretch {
        let range: Range<Int64>
        /// The row with which the first of them begins.
        let firstRow: Int64
    }

    /// What stands before the first data page; empty where the only stretch is the whole chunk.
    let dictionary: Range<Int64>
    let stretches: [Stretch]
    /// Whether pages were left out.
    let isPartial: Bool
    /// The chunk's bytes behind the last stretch that are to be fetched later.
    let following: Int

    /// All of the chunk, or its first bytes, the rest to be fetched later.
    init(whole chunk: ColumnChunkMetadata, upTo limit: Int64 = .max) {
        let range = chunk.byteRange
        let end = range.lowerBound + min(limit, Int64(range.count))
        dictionary = range.lowerBound..<range.lowerBound
        stretches = [Stretch(range: range.lowerBound..<end, firstRow: 0)]
        isPartial = false
        following = Int(range.upperBound - end)
    }

    /// The pages that hold `selection`. Nil where the index does not describe this chunk: then the chunk has to be read whole.
    init?(_ chunk: ColumnChunkMetadata, index: OffsetIndex, rowCount: Int64, selection: RowSelection) {
        let range = chunk.byteRange
        guard Self.describes(index, range, rowCount: rowCount), let first = index.pages.first else { return nil }
        dictionary = range.lowerBound..<first.offset
        var stretches: [Stretch] = []
        var wanted = selection.ranges[...]
        var lastTaken: Int?
        for (number, page) in index.pages.enumerated() {
            let end = number + 1 < index.pages.count ? index.pages[number + 1].firstRow : rowCount
            while let next = wanted.first, next.upperBound <= page.firstRow { wanted = wanted.dropFirst() }
            guard let next = wanted.first else { break }
            guard next.lowerBound < end else { continue }
            let bytes = page.offset..<(page.offset + Int64(page.length))
            if let last = stretches.last, lastTaken == number - 1 {
                stretches[stretches.count - 1] = Stretch(range: last.range.lowerBound..<bytes.upperBound, firstRow: last.firstRow)
            } else {
                stretches.append(Stretch(range: bytes, firstRow: page.firstRow))
            }
            lastTaken = number
        }
        self.stretches = stretches
        isPartial = true
        following = 0
    }

    /// Whether the pages lie in the chunk one right after the other, and begin with rows that there are.
    private static func describes(_ index: OffsetIndex, _ chunk: Range<Int64>, rowCount: Int64) -> Bool {
        guard let first = index.pages.first, first.offset >= chunk.lowerBound else { return false }
        var end = first.offset
        var row: Int64 = -1
        for page in index.pages {
            guard page.offset == end, page.length > 0, Int64(page.length) <= chunk.upperBound - page.offset, page.firstRow > row, page.firstRow < rowCount
            else {
                return false
            }
            end = page.offset + Int64(page.length)
            row = page.firstRow
        }
        return first.firstRow == 0
    }

    /// What has to be fetched, the dictionary first.
    var ranges: [Range<Int64>] { [dictionary] + stretches.map(\.range) }

    /// The fetched parts, for a reader.
    func pages(_ parts: ArraySlice<Bytes>) -> ChunkPages {
        ChunkPages(
            dictionary: parts.first ?? .empty,
            stretches: zip(stretches, parts.dropFirst()).map {
                ChunkPages.Stretch(bytes: $1, offset: Int($0.range.lowerBound - dictionary.lowerBound), firstRow: $0.firstRow)
            }, isPartial: isPartial, following: following)
    }
}

/// A column chunk's bytes in memory, as a ``ChunkPlan`` asked for them.
struct ChunkPages {
    struct Stretch {
        let bytes: Bytes
        /// Where in the chunk they lie.
        let offset: Int
        let firstRow: Int64
    }

    let dictionary: Bytes
    let stretches: [Stretch]
    let isPartial: Bool
    /// How many bytes of the chunk are to come behind the last stretch.
    let following: Int
}
