import Base
import Columnar

/// Where a leaf's values are decoded to: the buffers of the column to be.
///
/// Values come densely, without the nulls, and are then spread to the slots that have one.
struct LeafSink: ~Copyable {
    enum Layout {
        /// The layout of the column's type.
        case natural
        /// Dictionary codes instead of values.
        case codes
    }

    private enum Storage {
        case none
        case bits
        case fixed(width: Int)
        case variable
    }

    let layout: Layout
    private let storage: Storage
    /// Slots so far.
    private(set) var count = 0
    private(set) var nullCount = 0
    /// Fixed-width values, codes or bits.
    private var values = BytesBuilder()
    private var offsets = BytesBuilder()
    private var data = BytesBuilder()
    /// Empty until the first null.
    private var validity = BytesBuilder()
    /// Codes of one block, or of values that are decoded to bits.
    private let scratch = Scratch()

    init(type: DataType, layout: Layout) {
        self.layout = layout
        switch (layout, type) {
        case (.codes, _): storage = .fixed(width: 4)
        case (_, .null): storage = .none
        case (_, .boolean): storage = .bits
        case (_, .string), (_, .binary): storage = .variable
        default: storage = .fixed(width: type.fixedWidth ?? 0)
        }
        if case .variable = storage { offsets.append(Int32(0)) }
    }

    /// Makes room for so many slots, so that filling them copies nothing; no more than a few megabytes, whatever a file claims to hold.
    mutating func reserve(slots: Int) {
        let slots = min(slots, Self.reservedSlots)
        expectedSlots = slots
        switch storage {
        case .none: break
        case .bits: values.reserve(slots / 8)
        case let .fixed(width): values.reserve(slots * width)
        case .variable: offsets.reserve(slots * 4)
        }
    }

    private static let reservedSlots = 1 << 20
    private static let reservedBytes = 16 << 20
    private var expectedSlots = 0

    /// The same for the bytes of values, once it is known how many `count` of them take.
    private mutating func reserveData(_ bytes: Int, count: Int) {
        guard data.count == 0, count > 0 else { return }
        data.reserve(max(bytes, min(Self.reservedBytes, bytes / count &* expectedSlots)) &+ Bytes.padding)
    }

    /// The bytes that the values take so far.
    var sizeInBytes: Int { values.count + offsets.count + data.count }

    // MARK: Entries

    /// Appends `count` values without a null among them.
    mutating func appendValues(_ cursor: inout ValueCursor, count: Int, dictionary: LeafDictionary?, limit: Int) throws(Damage) {
        try checkRoom(count, limit)
        try decode(&cursor, count: count, slots: count, dictionary: dictionary, limit: limit)
        if nullCount > 0 { appendValid(count) }
        self.count += count
    }

    /// Appends `slots` slots, of which those whose `levels` are `maximum` have a value.
    mutating func appendSlots(
        _ cursor: inout ValueCursor, levels: UnsafePointer<UInt8>, slots: Int, maximum: UInt8, dictionary: LeafDictionary?, limit: Int
    ) throws(Damage) {
        var valid = 0
        for index in 0..<slots where levels[index] == maximum { valid &+= 1 }
        if valid == slots { return try appendValues(&cursor, count: slots, dictionary: dictionary, limit: limit) }
        try checkRoom(slots, limit)
        try decode(&cursor, count: valid, slots: slots, dictionary: dictionary, limit: limit)
        spread(levels, slots: slots, valid: valid, maximum: maximum)
        appendValidity(levels, slots: slots, maximum: maximum)
        nullCount += slots - valid
        count += slots
    }

    private func checkRoom(_ slots: Int, _ limit: Int) throws(Damage) {
        let width: Int
        switch storage {
        case .none: return
        case .bits: width = 1
        case let .fixed(bytes): width = bytes
        case .variable: width = 4
        }
        guard slots <= (limit - min(sizeInBytes, limit)) / width else { throw Damage.tooLarge(sizeInBytes + slots * width, limit: limit) }
    }

    // MARK: Values

    /// Decodes `count` values and leaves room behind them for `slots` of them in all.
    private mutating func decode(
        _ cursor: inout ValueCursor, count: Int, slots: Int, dictionary: LeafDictionary?, limit: Int
    ) throws(Damage) {
        switch storage {
        case .none: break
        case .bits: try decodeBits(&cursor, count: count, slots: slots)
        case let .fixed(width):
            let start = values.count
            values.reserve(slots * width)
            try decodeFixed(&cursor, count: count, width: width, dictionary: dictionary)
            values.append(repeating: 0, count: start + slots * width - values.count)
        case .variable:
            offsets.reserve(slots * 4)
            let start = offsets.count
            try decodeVariable(&cursor, count: count, dictionary: dictionary, limit: limit)
            offsets.append(repeating: 0, count: start + slots * 4 - offsets.count)
        }
    }

    private mutating func decodeFixed(_ cursor: inout ValueCursor, count: Int, width: Int, dictionary: LeafDictionary?) throws(Damage) {
        guard count > 0 else { return }
        switch cursor.encoded {
        case let .plain(position):
            let conversion = cursor.conversion
            if let stored = conversion.storedWidth {
                guard count <= (cursor.data.count - position) / stored else { throw Damage("the page ends before all values are there", at: position) }
                try cursor.data.withUnsafeBytes { (source) throws(Damage) in
                    guard let from = source.baseAddress else { return }
                    try values.append(upTo: count * width) { (target) throws(Damage) in
                        guard let to = target.baseAddress else { return 0 }
                        try ValueKernels.convert(conversion, from + position, to, count: count)
                        return target.count
                    }
                }
                cursor.encoded = .plain(position: position + count * stored)
            } else {
                try decodeSizedDecimals(&cursor, position, count: count, width: width)
            }
        case var .codes(runs):
            guard let dictionary else { throw Damage("dictionary codes without a dictionary") }
            let keepsCodes = layout == .codes
            let scratch = scratch
            try cursor.data.withUnsafeBytes { (source) throws(Damage) in
                guard let base = source.baseAddress else { return }
                try values.append(upTo: count * width) { (target) throws(Damage) in
                    guard let to = target.baseAddress else { return 0 }
                    if keepsCodes {
                        let codes = to.assumingMemoryBound(to: Int32.self)
                        try runs.decode(base, into: codes, count: count)
                        try Self.check(codes, count, dictionary)
                    } else {
                        try Self.gatherFixed(&runs, base, dictionary, scratch, to, count: count, width: width)
                    }
                    return target.count
                }
            }
            cursor.encoded = .codes(runs)
        default: throw Damage("values are missing, or encoded as another type's")
        }
    }

    private static func gatherFixed(
        _ runs: inout RunDecoder, _ base: UnsafeRawPointer, _ dictionary: LeafDictionary, _ scratch: Scratch, _ target: UnsafeMutableRawPointer,
        count: Int, width: Int
    ) throws(Damage) {
        guard case let .fixed(entries) = dictionary.column.values else { throw Damage("a dictionary of another type") }
        try entries.withUnsafeBytes { (entries) throws(Damage) in
            guard let entries = entries.baseAddress else { return }
            var done = 0
            while done < count {
                let block = min(Scratch.codes, count - done)
                try runs.decode(base, into: scratch.base, count: block)
                try check(scratch.base, block, dictionary)
                ValueKernels.gather(entries, width: width, scratch.base, target + done * width, count: block)
                done += block
            }
        }
    }

    private static func check(_ codes: UnsafePointer<Int32>, _ count: Int, _ dictionary: LeafDictionary) throws(Damage) {
        guard ValueKernels.areBelow(codes, count: count, limit: dictionary.count) else {
            throw Damage("a code outside the dictionary of \(dictionary.count) values")
        }
    }

    /// Decimals that carry a length each.
    private mutating func decodeSizedDecimals(_ cursor: inout ValueCursor, _ start: Int, count: Int, width: Int) throws(Damage) {
        var position = start
        try cursor.data.withUnsafeBytes { (source) throws(Damage) in
            guard let from = source.baseAddress else { return }
            for _ in 0..<count {
                let length = try Self.length(source, position)
                if width == 8 {
                    values.append(try ValueKernels.bigEndian(from + position + 4, length, as: Int64.self))
                } else {
                    values.append(try ValueKernels.bigEndian(from + position + 4, length, as: Int128.self))
                }
                position += 4 + length
            }
        }
        cursor.encoded = .plain(position: position)
    }

    /// The length before a value at `position`, checked to lie in the input with its bytes.
    @inline(__always)
    private static func length(_ source: UnsafeRawBufferPointer, _ position: Int) throws(Damage) -> Int {
        guard source.count &- position >= 4 else { throw Damage("the page ends before all values are there", at: position) }
        let length = Int(source.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        guard length <= source.count &- position &- 4 else {
            throw Damage("a value of \(length) bytes where \(source.count - position - 4) are left", at: position)
        }
        return length
    }

    private mutating func decodeVariable(_ cursor: inout ValueCursor, count: Int, dictionary: LeafDictionary?, limit: Int) throws(Damage) {
        guard count > 0 else { return }
        switch cursor.encoded {
        case let .plain(position):
            guard case let .bytes(fixedLength) = cursor.conversion else { throw Damage("values of another type") }
            let available = cursor.data.count - position
            if let fixedLength {
                guard count <= available / fixedLength else { throw Damage("the page ends before all values are there", at: position) }
                try checkData(count * fixedLength, limit)
                let begin = data.count
                cursor.data.withUnsafeBytes { data.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[position..<(position + count * fixedLength)])) }
                for index in 0..<count { offsets.append(Int32(truncatingIfNeeded: begin + (index + 1) * fixedLength)) }
                cursor.encoded = .plain(position: position + count * fixedLength)
            } else {
                guard count <= available / 4 else { throw Damage("the page ends before all values are there", at: position) }
                let end = try measure(cursor.data, position, count: count)
                try checkData(end - position - count * 4, limit)
                reserveData(end - position - count * 4, count: count)
                copySized(cursor.data, position..<end, count: count)
                cursor.encoded = .plain(position: end)
            }
        case var .codes(runs):
            guard let dictionary, case let .variable(entryOffsets, entryData) = dictionary.column.values else {
                throw Damage("dictionary codes without a dictionary")
            }
            let input = cursor.data
            reserveData(entryData.count, count: dictionary.count)
            try input.withUnsafeBytes { (source) throws(Damage) in
                guard let base = source.baseAddress else { return }
                var done = 0
                while done < count {
                    let block = min(Scratch.codes, count - done)
                    try runs.decode(base, into: scratch.base, count: block)
                    try Self.check(scratch.base, block, dictionary)
                    try gatherVariable(entryOffsets, entryData, longest: dictionary.longestValue, count: block, limit)
                    done += block
                }
            }
            cursor.encoded = .codes(runs)
        default: throw Damage("values are missing, or encoded as another type's")
        }
    }

    private func checkData(_ additional: Int, _ limit: Int) throws(Damage) {
        let limit = min(limit, Int(Int32.max))
        guard additional <= limit - min(data.count, limit) else { throw Damage.tooLarge(data.count + additional, limit: limit) }
    }

    /// Where `count` values with a length before each end; all of them lie in the input.
    private func measure(_ input: Bytes, _ start: Int, count: Int) throws(Damage) -> Int {
        try input.withUnsafeBytes { (source) throws(Damage) in
            var position = start
            for _ in 0..<count { position &+= 4 &+ (try Self.length(source, position)) }
            return position
        }
    }

    /// Copies `count` values with a length before each, which take exactly `range`.
    private mutating func copySized(_ input: Bytes, _ range: Range<Int>, count: Int) {
        let begin = data.count
        input.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            offsets.append(upTo: count * 4) { ends in
                let ends = ends.assumingMemoryBound(to: Int32.self)
                data.append(upTo: range.count - count * 4) { target in
                    guard let to = target.baseAddress else { return 0 }
                    var position = range.lowerBound
                    var written = 0
                    for index in 0..<count {
                        let length = Int(from.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                        ValueKernels.copyPadded(from + position + 4, to + written, length)
                        written &+= length
                        position &+= 4 &+ length
                        ends[index] = Int32(truncatingIfNeeded: begin &+ written)
                    }
                    return written
                }
                return count * 4
            }
        }
    }

    /// Up to here, room for the longest values is taken without measuring the ones that come.
    private static let gatheredBytes = 256 << 10

    /// Appends the dictionary's values for the codes in `scratch`.
    private mutating func gatherVariable(_ entryOffsets: Bytes, _ entryData: Bytes, longest: Int, count: Int, _ limit: Int) throws(Damage) {
        let codes = scratch.base
        let begin = data.count
        try entryOffsets.withUnsafeBytes { (raw) throws(Damage) in
            let entries = raw.assumingMemoryBound(to: Int32.self)
            var room = longest * count
            if room > Self.gatheredBytes {
                room = 0
                for index in 0..<count {
                    let code = Int(codes[index])
                    room &+= Int(entries[code &+ 1] &- entries[code])
                }
            }
            try checkData(room, limit)
            offsets.append(upTo: count * 4) { ends in
                let ends = ends.assumingMemoryBound(to: Int32.self)
                data.append(upTo: room) { target in
                    var written = 0
                    entryData.withUnsafeBytes { source in
                        guard let from = source.baseAddress, let to = target.baseAddress else { return }
                        for index in 0..<count {
                            let code = Int(codes[index])
                            let start = Int(entries[code])
                            let length = Int(entries[code &+ 1]) &- start
                            ValueKernels.copyPadded(from + start, to + written, length)
                            written &+= length
                            ends[index] = Int32(truncatingIfNeeded: begin &+ written)
                        }
                    }
                    return written
                }
                return count * 4
            }
        }
    }

    private mutating func decodeBits(_ cursor: inout ValueCursor, count valueCount: Int, slots: Int) throws(Damage) {
        let start = self.count
        let needed = Bitmap.byteCount(start + slots)
        values.append(repeating: 0, count: needed - values.count)
        guard valueCount > 0 else { return }
        switch cursor.encoded {
        case let .bits(position):
            guard valueCount <= cursor.data.count * 8 - position else { throw Damage("the page ends before all values are there", at: position / 8) }
            cursor.data.withUnsafeBytes { source in
                values.withUnsafeMutableBytes { target in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    Bitmap.copy(from: from, at: position, to: to, at: start, count: valueCount)
                }
            }
            cursor.encoded = .bits(position: position + valueCount)
        case var .runs(runs):
            try cursor.data.withUnsafeBytes { (source) throws(Damage) in
                guard let base = source.baseAddress else { return }
                var done = 0
                while done < valueCount {
                    let block = min(Scratch.codes, valueCount - done)
                    try runs.decode(base, into: scratch.base, count: block)
                    values.withUnsafeMutableBytes { target in
                        guard let to = target.baseAddress else { return }
                        for index in 0..<block where scratch.base[index] != 0 { Bitmap.set(to, start + done + index) }
                    }
                    done += block
                }
            }
            cursor.encoded = .runs(runs)
        default: throw Damage("values are missing, or encoded as another type's")
        }
    }

    // MARK: Nulls

    /// Moves the last `valid` values to the slots that have one.
    private mutating func spread(_ levels: UnsafePointer<UInt8>, slots: Int, valid: Int, maximum: UInt8) {
        let spreading = NullSpreading(levels: levels, maximum: maximum, slots: slots, valid: valid)
        switch storage {
        case .none: break
        case .bits:
            let start = count
            values.withUnsafeMutableBytes { raw in if let base = raw.baseAddress { spreading.bits(base, from: start) } }
        case let .fixed(width):
            let start = values.count - slots * width
            values.withUnsafeMutableBytes { raw in if let base = raw.baseAddress { spreading.values(base + start, width: width) } }
        case .variable:
            let start = offsets.count / 4 - slots
            offsets.withUnsafeMutableBytes { raw in
                if let ends = raw.assumingMemoryBound(to: Int32.self).baseAddress { spreading.ends(ends + start) }
            }
        }
    }

    private mutating func appendValid(_ slots: Int) {
        let needed = Bitmap.byteCount(count + slots)
        validity.append(repeating: 0, count: needed - validity.count)
        let start = count
        validity.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            Self.setBits(base, start..<(start + slots))
        }
    }

    private mutating func appendValidity(_ levels: UnsafePointer<UInt8>, slots: Int, maximum: UInt8) {
        if nullCount == 0 {
            let before = count
            validity.append(repeating: 0, count: Bitmap.byteCount(before))
            validity.withUnsafeMutableBytes { raw in
                if let base = raw.baseAddress { Self.setBits(base, 0..<before) }
            }
        }
        let needed = Bitmap.byteCount(count + slots)
        validity.append(repeating: 0, count: needed - validity.count)
        let start = count
        validity.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            var slot = 0
            while slot < slots, (start &+ slot) & 7 != 0 {
                if levels[slot] == maximum { Bitmap.set(base, start &+ slot) }
                slot &+= 1
            }
            while slot &+ 8 <= slots {
                let eight = UnsafeRawPointer(levels + slot).loadUnaligned(as: UInt64.self)
                base.storeBytes(of: Self.equalBytes(eight, maximum), toByteOffset: (start &+ slot) >> 3, as: UInt8.self)
                slot &+= 8
            }
            while slot < slots {
                if levels[slot] == maximum { Bitmap.set(base, start &+ slot) }
                slot &+= 1
            }
        }
    }

    /// A bit for each of eight bytes, set where it is `byte`: first 1 in each equal byte, then all of them moved into the highest.
    @inline(__always)
    private static func equalBytes(_ eight: UInt64, _ byte: UInt8) -> UInt8 {
        let difference = eight ^ (UInt64(byte) &* 0x0101_0101_0101_0101)
        let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
        let isDifferent = ((difference & low) &+ low) | difference
        let ones = (~isDifferent & 0x8080_8080_8080_8080) &>> 7
        return UInt8(truncatingIfNeeded: (ones &* 0x0102_0408_1020_4080) &>> 56)
    }

    private static func setBits(_ base: UnsafeMutableRawPointer, _ range: Range<Int>) {
        var bit = range.lowerBound
        while bit < range.upperBound, bit & 7 != 0 {
            Bitmap.set(base, bit)
            bit += 1
        }
        let whole = (range.upperBound - bit) >> 3
        if whole > 0 {
            (base + bit >> 3).initializeMemory(as: UInt8.self, repeating: 0xff, count: whole)
            bit += whole * 8
        }
        while bit < range.upperBound {
            Bitmap.set(base, bit)
            bit += 1
        }
    }

    // MARK: Result

    /// The column of all slots. With codes, `dictionary` is what they stand for.
    consuming func finish(type: DataType, dictionary: Column? = nil) -> Column {
        let nulls: Int
        let content: ColumnValues
        switch storage {
        case .none:
            content = .none
            nulls = count
        case .bits:
            content = .bits(values.take())
            nulls = nullCount
        case .fixed:
            content = if let dictionary { .dictionary(codes: values.take(), dictionary: dictionary) } else { .fixed(values.take()) }
            nulls = nullCount
        case .variable:
            content = .variable(offsets: offsets.take(), data: data.take())
            nulls = nullCount
        }
        return Column(trusted: type, count: count, nullCount: nulls, validity: nulls > 0 ? validity.take() : nil, values: content)
    }
}
