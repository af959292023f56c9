extension String {
    /// Whether two texts are the same bytes.
    ///
    /// Swift's `==` compares by canonical equivalence: `é` as one scalar equals `e` with an accent behind it. Paths, keys and column names are different when their bytes are.
    public func hasSameBytes(as other: String) -> Bool {
        // Swift's comparison has the faster way to no.
        self == other && utf8.elementsEqual(other.utf8)
    }

    /// The parts between slashes, empty ones left out. By bytes, as the kernel does: for Swift a slash with a combining mark behind it is no slash.
    public var pathComponents: [String] { utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) } }
}
