extension LocalStore {
    /// Within the kernel, which shares the blocks where the file system can.
    public func copy(_ source: ObjectPath, of store: any ObjectStore, sizeInBytes: Int64, to path: ObjectPath) async throws -> Bool {
        guard let other = store as? LocalStore else { return false }
        let size = try await other.head(source).sizeInBytes
        let file = try await stage(path)
        do {
            let isCopied = try await run { try file.copy(0..<size, of: source, in: other.tree) }
            if isCopied { try await run { try file.publish(.ifAbsent) } } else { file.discard() }
            return isCopied
        } catch {
            file.discard()
            throw error
        }
    }
}
