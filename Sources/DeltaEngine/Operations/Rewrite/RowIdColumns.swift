import Base
import Columnar

/// The columns in which rows that move to another file take their ids and commit versions along (protocol, "Row Tracking"): materialised, as the protocol
/// calls it. They are none of the table's schema; its properties name them.
struct RowIdColumns: Sendable {
    /// The row's id, then the version that it was last changed in.
    let fields: [Field]

    private static let properties = ["delta.rowTracking.materializedRowIdColumnName", "delta.rowTracking.materializedRowCommitVersionColumnName"]

    /// nil for a table whose rows' ids nobody may rely on. Throws ``DeltaError/invalidMetadata(reason:)`` where the columns have no names.
    init?(_ snapshot: Snapshot) throws(DeltaError) {
        guard FeatureRegistry.writerFeatures(snapshot.protocol).contains(TableFeature.rowTracking.name),
            snapshot.metadata.isEnabled("delta.enableRowTracking")
        else { return nil }
        var fields: [Field] = []
        for property in Self.properties {
            guard let name = snapshot.metadata.configuration[property], !name.isEmpty else {
                throw .invalidMetadata(reason: "delta.enableRowTracking is on and \(property), which goes with it, is not set")
            }
            fields.append(Field(name, .long))
        }
        self.fields = fields
    }

    /// What the rows of a file have in each of ``fields`` unless the file says otherwise.
    static func defaults(of file: FileView, version: Int64) throws(DeltaError) -> [RowDefault] {
        guard let base = file.baseRowId, let commitVersion = file.defaultRowCommitVersion else {
            throw .corruptLog(version: version, reason: "\(file.path) has no baseRowId or no defaultRowCommitVersion, which delta.enableRowTracking asks for")
        }
        return [.position(from: base), .constant(commitVersion)]
    }
}

/// The value that a row has in a column by where it is.
enum RowDefault: Sendable {
    case constant(Int64)
    /// Its place in the file, counted from this number.
    case position(from: Int64)

    /// The column of longs, this value in place of nulls.
    func filling(_ column: Column?, _ rows: Range<Int64>) -> Column {
        if let column, column.nullCount == 0 { return column }
        let given = column?.longs
        let bytes = Bytes(capacity: rows.count * 8) { target in
            for place in 0..<rows.count {
                let value: Int64
                if let column, let given, !column.isNull(at: place) {
                    value = given.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place * 8, as: Int64.self) }
                } else {
                    switch self {
                    case let .constant(constant): value = constant
                    case let .position(first): value = first &+ rows.lowerBound &+ Int64(place)
                    }
                }
                target.storeBytes(of: value, toByteOffset: place * 8, as: Int64.self)
            }
            return target.count
        }
        return Column(trusted: .long, count: rows.count, nullCount: 0, validity: nil, values: .fixed(bytes))
    }
}

extension Column {
    /// The values of a column of longs, row by row.
    fileprivate var longs: Bytes? {
        if case let .fixed(bytes) = values { bytes } else { nil }
    }
}
