/// Calls `body` for each item, at most `limit` at a time, and returns the results in the order of the items.
///
/// The first error cancels what still runs and is thrown once all of that has ended.
public func concurrentMap<Item: Sendable, Result: Sendable>(
    _ items: [Item], limit: Int, _ body: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results = [Result?](repeating: nil, count: items.count)
        var next = 0
        while next < min(max(1, limit), items.count) {
            let index = next
            group.addTask { (index, try await body(items[index])) }
            next += 1
        }
        while let (finished, result) = try await group.next() {
            results[finished] = result
            if next < items.count {
                let index = next
                group.addTask { (index, try await body(items[index])) }
                next += 1
            }
        }
        return results.compactMap { $0 }
    }
}

/// The same without results.
public func concurrentForEach<Item: Sendable>(_ items: [Item], limit: Int, _ body: @escaping @Sendable (Item) async throws -> Void) async throws {
    _ = try await concurrentMap(items, limit: limit) { item -> Bool in
        try await body(item)
        return true
    }
}
