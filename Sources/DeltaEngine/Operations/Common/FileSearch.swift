import Base
import ObjectStore

/// Which files of a version are in the store no more: a vacuum may have taken them. Positions in the version's file table, ascending.
struct MissingFiles: Sendable {
    /// Data files that are gone, or are of another size than the log says.
    var data: [Int] = []
    /// Of those whose data is there the ones whose deletion vector is gone: nobody can tell which of their rows count.
    var vectors: [Int] = []

    var all: [Int] { (data + vectors).sorted() }
}

/// Looks for the files of a version in the store.
struct FileSearch {
    private let table: DeltaTable

    init(_ table: DeltaTable) { self.table = table }

    /// So many are looked for one by one; more, in a listing of the whole table. Files outside of it always are: what lies around them is nobody's business
    /// here, and may be much.
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
        var isVector: Bool

        func fits(_ found: Int64) -> Bool { size.map { $0 == found } ?? (found >= atLeast) }
    }

    /// What is looked for, by its path in its store.
    private struct Search {
        var inside: [ObjectPath: Wanted] = [:]
        /// By the path as it is shown, which names the store too.
        var outside: [String: (place: TableFiles.Place, wanted: Wanted)] = [:]

        subscript(place: TableFiles.Place) -> Wanted? {
            get { place.isOutside ? outside[place.description]?.wanted : inside[place.path] }
            set {
                if place.isOutside { outside[place.description] = newValue.map { (place, $0) } } else { inside[place.path] = newValue }
            }
        }
    }

    func missing(_ positions: some RandomAccessCollection<Int>, in files: FileTable, progress: ProgressReporter) async throws -> MissingFiles {
        var missing: [Wanted] = []
        var rest = positions[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.filesPerListing)
            rest = rest.dropFirst(batch.count)
            let search = try search(batch, files)
            let inside = search.inside.map { (place: TableFiles.Place(store: table.store, path: $0, isOutside: false), wanted: $1) }
            missing += inside.count <= Self.fewFiles ? try await lookUp(inside) : try await list(search.inside)
            missing += try await lookUp(Array(search.outside.values))
            progress(OperationProgress(phase: .reading, filesDone: Int64(positions.count - rest.count), filesTotal: Int64(positions.count)))
        }
        let data = Set(missing.filter { !$0.isVector }.flatMap(\.files))
        let vectors = Set(missing.filter(\.isVector).flatMap(\.files)).subtracting(data)
        return MissingFiles(data: data.sorted(), vectors: vectors.sorted())
    }

    private func search(_ positions: some Collection<Int>, _ files: FileTable) throws(DeltaError) -> Search {
        var search = Search()
        for position in positions {
            let file = files[position]
            let place = try table.files.place(of: file.path)
            var data = search[place] ?? Wanted(size: file.size, atLeast: 0, files: [], isVector: false)
            data.files.append(position)
            search[place] = data
            guard let vector = file.deletionVector, let path = try vector.path else { continue }
            // Length before it and checksum behind it take eight bytes more (protocol, "Deletion Vector File Storage Format").
            let end = Int64(vector.offset ?? 1) + Int64(vector.sizeInBytes) + 8
            let vectors = try table.files.place(of: path)
            var there = search[vectors] ?? Wanted(size: nil, atLeast: 0, files: [], isVector: true)
            there.atLeast = max(there.atLeast, end)
            there.files.append(position)
            search[vectors] = there
        }
        return search
    }

    private func lookUp(_ wanted: [(place: TableFiles.Place, wanted: Wanted)]) async throws -> [Wanted] {
        try await concurrentMap(wanted, limit: 16) { place, wanted in
            do {
                return wanted.fits(try await place.store.head(place.path).sizeInBytes) ? nil : wanted
            } catch ObjectStoreError.notFound {
                return wanted
            }
        }.compactMap(\.self)
    }

    private func list(_ wanted: [ObjectPath: Wanted]) async throws -> [Wanted] {
        var wanted = wanted
        let listing = table.store.list(prefix: "", startAfter: nil)
        while let page = try await listing.next() {
            for object in page where wanted[object.path]?.fits(object.sizeInBytes) ?? false { wanted[object.path] = nil }
        }
        return Array(wanted.values)
    }
}
