import Base
import Columnar

/// How rows are to lie together, and how the log says of files that theirs do.
///
/// Files of one run form a cube, named by an id: among themselves they hardly overlap. The tags are Spark's, which takes part in keeping the files.
struct ClusterBy: Sendable {
    let columns: [ClusterColumn]
    let curve: SpaceFillingCurve
    /// Whether the table asks for it (protocol, "Clustered Table"), not whoever runs the operation.
    let isTables: Bool

    /// What Spark's and Levee's clustering calls itself.
    static let provider = "liquid"
    private static let idTag = "ZCUBE_ID"
    private static let columnsTag = "ZCUBE_ZORDER_BY"
    private static let curveTag = "ZCUBE_ZORDER_CURVE"

    var names: [String] { columns.map(\.name) }

    /// The cube that a file belongs to; nil for one of no cube, or of one by other columns or another curve.
    func cube(of file: FileView) -> String? {
        guard let tags = file.tags, let id = tags[Self.idTag], let list = tags[Self.columnsTag], Self.names(list) == names else { return nil }
        if isTables { return file.clusteringProvider == Self.provider ? id : nil }
        // Spark does not write the curve of its Z-order; nobody's it is.
        return tags[Self.curveTag].flatMap { SpaceFillingCurve(rawValue: $0) } ?? .zorder == curve ? id : nil
    }

    /// Whether somebody keeps a file clustered in another way, so that it is not to be touched unless all are.
    func isOthers(_ file: FileView) -> Bool {
        guard isTables else { return file.clusteringProvider != nil }
        guard let provider = file.clusteringProvider else { return false }
        return provider != Self.provider || cube(of: file) == nil
    }

    private static func names(_ list: String) -> [String]? { (try? JSON.parse(list))?.arrayValue?.compactMap(\.stringValue) }

    func tagged(_ add: AddFile, cube: String) -> AddFile {
        var add = add
        add.tags = [
            Self.idTag: cube, Self.columnsTag: JSON.encode(.array(names.map(JSONValue.string))), Self.curveTag: curve.rawValue,
        ]
        if isTables { add.clusteringProvider = Self.provider }
        return add
    }
}

extension ClusterBy {
    /// Whether a file lies in a cube that Levee or Spark keeps, so that it is not mixed with others where it is rewritten for another reason.
    static func isOfCube(_ file: FileView) -> Bool { file.tags?[idTag] != nil && (file.clusteringProvider ?? provider) == provider }

    /// A new file with rows of a single other one, in their order: its values lie within that one's bounds, so that it takes its place in the cube.
    static func inPlace(of file: FileView, _ add: AddFile) -> AddFile {
        guard isOfCube(file), let tags = file.tags else { return add }
        var add = add
        add.tags = tags.filter { [idTag, columnsTag, curveTag].contains($0.key) }
        add.clusteringProvider = file.clusteringProvider
        return add
    }

    /// What an OPTIMIZE of the table clusters by: its own columns where it has any, else those asked for; nil where it is to cluster by none.
    ///
    /// Throws ``DeltaError/invalidRequest(reason:)`` for columns that cannot be clustered by, and for any where the table has its own.
    init?(_ options: OptimizeOptions, _ snapshot: Snapshot) throws(DeltaError) {
        guard options.selection == .smallFiles else { return nil }
        let own = snapshot.clusteringColumns
        if snapshot.isClustered {
            guard options.zOrderBy.isEmpty else {
                throw .invalidRequest(
                    reason:
                        "the table is clustered by \(own.map(\.name).joined(separator: ", ")), and Delta has no Z-order of clustered tables; leave out the columns, and OPTIMIZE clusters by the table's own"
                )
            }
            var columns: [ClusterColumn] = []
            for column in own { columns.append(try ClusterColumn.resolve(column.path, as: column.name, in: snapshot.metadata)) }
            self.init(columns: columns, curve: options.curve ?? .hilbert, isTables: true)
            return
        }
        guard !options.zOrderBy.isEmpty else { return nil }
        self.init(columns: try ClusterColumn.resolve(options.zOrderBy, in: snapshot.metadata), curve: options.curve ?? .zorder, isTables: false)
    }
}
