import Base

/// Maps the codes of one input dictionary to those of the chunk's, each looked up once, when it is first used.
struct DictionaryRemap {
    /// Kept so that its address identifies it: memory that is in use is nobody else's.
    private var input: Bytes = .empty
    private var codes: [UInt32] = []
    private static let unknown = UInt32.max

    /// Starts on the dictionary whose values lie in `storage`, unless that is the current one.
    mutating func begin(_ storage: Bytes, _ count: Int) {
        let isSame = storage.count == input.count && codes.count == count && Self.address(storage) == Self.address(input)
        guard !isSame else { return }
        input = storage
        codes = [UInt32](repeating: Self.unknown, count: count)
    }

    private static func address(_ bytes: Bytes) -> UnsafeRawPointer? { bytes.withUnsafeBytes { $0.baseAddress } }

    @inline(__always)
    mutating func map(_ indices: UnsafePointer<Int32>, _ output: UnsafeMutablePointer<UInt32>, _ count: Int, _ code: (Int) -> UInt32) {
        codes.withUnsafeMutableBufferPointer { known in
            for index in 0..<count {
                let original = Int(indices[index])
                var mapped = known[original]
                if mapped == Self.unknown {
                    mapped = code(original)
                    known[original] = mapped
                }
                output[index] = mapped
            }
        }
    }
}
