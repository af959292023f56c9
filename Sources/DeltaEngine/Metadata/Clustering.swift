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

    /// The most columns that Spark takes.
    private static let mostColumns = 4

    /// The domain of a table that is to be clustered by these columns; by none, where there are none.
    ///
    /// Throws ``DeltaError/invalidRequest(reason:)`` for columns that cannot be clustered by: files must have statistics on them.
    static func domain(_ names: [String], _ metadata: TableMetadata) throws(DeltaError) -> DomainMetadata {
        guard metadata.partitionColumns.isEmpty || names.isEmpty else {
            throw .invalidRequest(reason: "a table is either partitioned or clustered: leave out the partition columns, or those to cluster by")
        }
        guard names.count <= mostColumns else {
            throw .invalidRequest(reason: "a table is clustered by at most \(mostColumns) columns, these are \(names.count)")
        }
        let columns = try ClusterColumn.resolve(names, in: metadata)
        let statistics = StatisticsColumns(dataFields: metadata.dataFields, configuration: metadata.configuration, storedName: metadata.physicalName)
        for column in columns {
            guard StatisticsBound.exists(for: column.type) else {
                throw .invalidRequest(
                    reason: "column \(column.name) is of type \(column.type), of which files have no statistics; a table cannot be clustered by it")
            }
            guard statistics.includes(column.storedPath) else {
                throw .invalidRequest(
                    reason:
                        "files have no statistics on column \(column.name), by which the table is to be clustered; name it in delta.dataSkippingStatsColumns")
            }
        }
        let paths = columns.map { JSONValue.array($0.storedPath.map(JSONValue.string)) }
        return DomainMetadata(
            domain: domain, configuration: JSON.encode(["clusteringColumns": .array(paths), "domainName": .string(domain)]), removed: false)
    }

    /// Throws ``DeltaError/invalidMetadata(reason:)`` for a schema that has lost a column by which the table is clustered.
    static func check(_ domains: [String: DomainMetadata], _ metadata: TableMetadata) throws(DeltaError) {
        for column in columns(domains, metadata) {
            do {
                _ = try ClusterColumn.resolve(column.path, as: column.name, in: metadata)
            } catch {
                throw .invalidMetadata(reason: "the table is clustered by \(column.name), and with the new schema it could not be: \(error)")
            }
        }
    }

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
