import Base
import Columnar
import ObjectStore

/// The data files below a directory, and what the names of the directories in between say of them (Hive's `day=2024-01-31/region=eu/`).
struct ParquetDirectory: Sendable {
    /// In the order of their paths.
    let files: [ObjectInfo]
    let partitionColumns: [Field]

    /// Throws ``DeltaError/invalidRequest(reason:)`` where there is nothing, and for directories that do not agree.
    static func list(_ store: any ObjectStore, partitionBy: [Field]?, progress: ProgressReporter) async throws -> ParquetDirectory {
        var files: [ObjectInfo] = []
        var names: [String]?
        var guesses: [PartitionTypeGuess] = []
        var first: ObjectInfo?
        let listing = store.list(prefix: "", startAfter: nil)
        while let page = try await listing.next() {
            for object in page where !isHidden(object.path.string) && object.sizeInBytes > 0 {
                let values = values(of: object.path.string)
                if names == nil {
                    names = values.map(\.column)
                    first = object
                    guesses = values.map { _ in PartitionTypeGuess() }
                }
                guard let known = names, known.elementsEqual(values.map(\.column)) else {
                    throw DeltaError.invalidRequest(
                        reason:
                            "\(object.path) and \(first?.path.string ?? "") do not lie in directories of the same partition columns; one of them is none of the "
                            + "table's: move it away")
                }
                for (place, value) in values.enumerated() { guesses[place].add(value.text) }
                files.append(object)
            }
            progress(OperationProgress(phase: .listing, filesDone: Int64(files.count)))
        }
        guard !files.isEmpty else {
            throw DeltaError.invalidRequest(
                reason: "\(store.rootDescription) has no Parquet files; correct the location, or create the table (levee table create)")
        }
        return ParquetDirectory(files: files, partitionColumns: try columns(names ?? [], guesses, given: partitionBy))
    }

    private static func columns(_ names: [String], _ guesses: [PartitionTypeGuess], given: [Field]?) throws(DeltaError) -> [Field] {
        if Set(names.map { $0.lowercased() }).count < names.count {
            throw .invalidRequest(reason: "a partition column comes twice in the directories' names: \(names.joined(separator: ", "))")
        }
        guard let given else { return zip(names, guesses).map { Field($0, $1.type) } }
        guard given.map({ $0.name.lowercased() }) == names.map({ $0.lowercased() }) else {
            let found = names.isEmpty ? "no partition columns" : names.joined(separator: ", ")
            throw .invalidRequest(
                reason: "the directories' names have \(found), and the table is to be partitioned by \(given.map(\.name).joined(separator: ", "))")
        }
        return given
    }

    /// What a file's directories say, in the order of ``partitionColumns``, as the log has it. Throws ``DeltaError/invalidPartitionValue(column:type:value:)``.
    func partitionValues(of file: ObjectInfo) throws(DeltaError) -> [String?] {
        var values: [String?] = []
        for (field, value) in zip(partitionColumns, Self.values(of: file.path.string)) {
            values.append(PartitionValue.text(of: try PartitionValue.parse(value.text, as: field)))
        }
        return values
    }

    /// The log, markers of jobs, checksums, files being written. A directory of a column whose name begins with an underscore is not hidden.
    private static func isHidden(_ path: String) -> Bool {
        let components = path.split(separator: "/")
        return components.enumerated().contains { place, component in
            let first = component.utf8.first
            if first == UInt8(ascii: ".") { return true }
            return first == UInt8(ascii: "_") && (place == components.count - 1 || !component.utf8.contains(UInt8(ascii: "=")))
        }
    }

    /// nil for null.
    private static func values(of path: String) -> [(column: String, text: String?)] {
        path.split(separator: "/").dropLast().compactMap { component in
            guard let equals = component.firstIndex(of: "="), equals > component.startIndex else { return nil }
            let text = DataPath.decode(String(component[component.index(after: equals)...]))
            return (DataPath.decode(String(component[..<equals])), text == PartitionPath.null || text.isEmpty ? nil : text)
        }
    }
}

/// A partition column's type by its values, where nobody has said it: a number or a date only where all of them are written as one would write it back.
struct PartitionTypeGuess: Sendable {
    private var mayBeInteger = true
    private var mayBeLong = true
    private var mayBeDate = true
    private var hasValue = false

    mutating func add(_ text: String?) {
        guard let text else { return }
        hasValue = true
        if mayBeLong, Int64(text).map({ String($0) == text }) != true { mayBeLong = false }
        if mayBeInteger, !mayBeLong || Int32(text) == nil { mayBeInteger = false }
        if mayBeDate, text.utf8.count != 10 || DateTimeText.parseDate(text).map({ DateTimeText.date(Int64($0)) == text }) != true { mayBeDate = false }
    }

    var type: DataType {
        if !hasValue { return .string }
        return mayBeInteger ? .integer : mayBeLong ? .long : mayBeDate ? .date : .string
    }
}
