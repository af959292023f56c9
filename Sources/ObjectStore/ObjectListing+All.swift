extension ObjectListing {
    /// All that is left of the listing at once. For small directories and for tests: memory grows with it.
    public func all() async throws -> [ObjectInfo] {
        var infos: [ObjectInfo] = []
        while let page = try await next() { infos += page }
        return infos
    }
}
