import Base
import Columnar

/// The columns by which a table's rows are to lie together (protocol, "Clustered Table").
public struct ClusteringColumn: Sendable, Hashable {
    /// Of names from the top down, as the table's schema has them.
    public let path: [String]
    /// The same by the names that files and statistics have.
    let storedPath: [String]

    /// As Spark writes it: `customer.id`, names with a dot in back-ticks.
    public var name: String { path.map { $0.contains(".") ? "`\($0)`" : $0 }.joined(separator: ".") }
}

enum Clustering {
    static let domain = "delta.clustering"

    /// The columns that a table's domain metadata names. Spark writes a list of names for each, the protocol's example a name; names of nothing that the
    /// schema has stay as they are.
    static func columns(_ domains: [String: DomainMetadata], _ metadata: TableMetadata) -> [ClusteringColumn] {
        guard let domain = domains[domain], let list = (try? JSON.parse(domain.configuration))?["clusteringColumns"]?.arrayValue else { return [] }
        return list.compactMap { entry in
            let stored = entry.arrayValue.map { $0.compactMap(\.stringValue) } ?? entry.stringValue.map { [$0] } ?? []
            return stored.isEmpty ? nil : ClusteringColumn(path: logical(stored, metadata), storedPath: stored)
        }
    }

    private static func logical(_ stored: [String], _ metadata: TableMetadata) -> [String] {
        var fields = metadata.schema.fields
        return stored.map { name in
            guard let field = fields.first(where: { metadata.physicalName(of: $0) == name }) else { return name }
            if case let .structure(children) = field.type { fields = children } else { fields = [] }
            return field.name
        }
    }
}

extension Snapshot {
    /// In their order; none for a table that is not clustered.
    public var clusteringColumns: [ClusteringColumn] { Clustering.columns(domainMetadata, metadata) }
}
