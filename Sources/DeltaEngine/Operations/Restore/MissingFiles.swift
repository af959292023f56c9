import Base
import ObjectStore

/// Which files of a version are in the store no more, data files and those of deletion vectors: a vacuum may have taken them.
struct MissingFiles {
    private let table: DeltaTable

    init(_ table: DeltaTable) { self.table = table }

    /// So many are looked for one by one; more, in a listing of the whole table.
    private static let fewFiles = 500
    /// What a pass over the listing looks for at most, so that memory stays bounded.
    private static let filesPerListing = 500_000

    /// What a file must be to be taken for the one that the log means.
    private struct Wanted {
        /// Of the file in bytes; nil where only a lower bound is known.
        var size: Int64?
        var atLeast: Int64
        /// Positions of the files that need it.
        var files: [Int]

        func fits(_ found: Int64) -> Bool { size.map { $0 == found } ?? (found >= atLeast) }
    }

    /// Of the files at these positions those that cannot be read whole, in ascending order.
    func find(_ positions: [Int], in files: FileTable, progress: ProgressReporter) async throws -> [Int] {
        var missing: Set<Int> = []
        var rest = positions[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.filesPerListing)
            rest = rest.dropFirst(batch.count)
            let wanted = try wanted(batch, files)
            missing.formUnion(wanted.count <= Self.fewFiles ? try await lookUp(wanted) : try await list(wanted))
            progress(OperationProgress(phase: .reading, filesDone: Int64(positions.count - rest.count), filesTotal: Int64(positions.count)))
        }
        return missing.sorted()
    }

    private func wanted(_ positions: ArraySlice<Int>, _ files: FileTable) throws(DeltaError) -> [ObjectPath: Wanted] {
        var wanted: [ObjectPath: Wanted] = [:]
        for position in positions {
            let file = files[position]
            wanted[try file.path.object(in: table.store), default: Wanted(size: file.size, atLeast: 0, files: [])].files.append(position)
            guard let vector = file.deletionVector, let path = try vector.path else { continue }
            // Length before it and checksum behind it take eight bytes more (protocol, "Deletion Vector File Storage Format").
            let end = Int64(vector.offset ?? 1) + Int64(vector.sizeInBytes) + 8
            var there = wanted[try path.object(in: table.store)] ?? Wanted(size: nil, atLeast: 0, files: [])
            there.atLeast = max(there.atLeast, end)
            there.files.append(position)
            wanted[try path.object(in: table.store)] = there
        }
        return wanted
    }

    private func lookUp(_ wanted: [ObjectPath: Wanted]) async throws -> [Int] {
        let store = table.store
        return try await concurrentMap(Array(wanted), limit: 16) { path, wanted in
            do {
                return wanted.fits(try await store.head(path).sizeInBytes) ? [] : wanted.files
            } catch ObjectStoreError.notFound {
                return wanted.files
            }
        }.flatMap(\.self)
    }

    private func list(_ wanted: [ObjectPath: Wanted]) async throws -> [Int] {
        var wanted = wanted
        let listing = table.store.list(prefix: "", startAfter: nil)
        while let page = try await listing.next() {
            for object in page where wanted[object.path]?.fits(object.sizeInBytes) ?? false { wanted[object.path] = nil }
        }
        return wanted.values.flatMap(\.files)
    }
}
