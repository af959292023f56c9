import Base

/// The levels of the page that is being filled, a byte each; a run of equal levels at the start is only counted, since most columns have no nulls.
struct LevelBuffer: ~Copyable {
    private let maximum: Int
    private var levels = BytesBuilder()
    /// How many levels there are in all.
    private(set) var count = 0
    private var isUniform = true
    private var uniformLevel: UInt8 = 0

    init(maximum: Int) { self.maximum = maximum }

    mutating func append(repeating level: UInt8, count repeats: Int) {
        guard repeats > 0 else { return }
        if isUniform, count == 0 || uniformLevel == level {
            uniformLevel = level
        } else {
            spell()
            levels.append(repeating: level, count: repeats)
        }
        count += repeats
    }

    mutating func append(contentsOf more: UnsafeBufferPointer<UInt8>) {
        guard let first = more.first else { return }
        if isUniform, count == 0 || uniformLevel == first, more.allSatisfy({ $0 == first }) { return append(repeating: first, count: more.count) }
        spell()
        levels.append(contentsOf: UnsafeRawBufferPointer(more))
        count += more.count
    }

    private mutating func spell() {
        guard isUniform else { return }
        isUniform = false
        levels.append(repeating: uniformLevel, count: count)
    }

    /// Appends the levels as a page has them, in v1 with their length before them, and starts afresh. Nothing where the column has no such levels.
    /// Returns the bytes that they take.
    @discardableResult
    mutating func flush(to output: inout BytesBuilder, _ version: DataPageVersion) -> Int {
        defer { removeAll() }
        guard maximum > 0 else { return 0 }
        let start = output.count
        if version == .v1 { output.append(UInt32(0)) }
        let width = LevelDecoder.width(maximum)
        if isUniform {
            if count > 0 { RunEncoder.repeated(uniformLevel, count: count, width: width, to: &output) }
        } else {
            levels.withUnsafeMutableBytes { RunEncoder.encode(UnsafeBufferPointer($0.assumingMemoryBound(to: UInt8.self)), width: width, to: &output) }
        }
        if version == .v1 {
            let length = UInt32(truncatingIfNeeded: output.count - start - 4)
            output.withUnsafeMutableBytes { $0.storeBytes(of: length, toByteOffset: start, as: UInt32.self) }
        }
        return output.count - start
    }

    private mutating func removeAll() {
        levels.removeAll()
        count = 0
        isUniform = true
    }
}
