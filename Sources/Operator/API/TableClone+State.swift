import Base
import KubeClient
import ObjectStore

/// What of a source a clone is to be. As a text it stands in statuses, and on the operations that clone it.
enum CloneRequest: Hashable, Sendable, CustomStringConvertible {
    case latest
    case version(Int64)
    /// The newest version that had been committed by then.
    case timestamp(Timestamp)

    var description: String {
        switch self {
        case .latest: "latest"
        case let .version(version): "version \(version)"
        case let .timestamp(time): "timestamp \(time.rfc3339)"
        }
    }
}

extension TableClone {
    /// For people: its DeltaTable's name, or the location.
    var sourceName: String { spec.source.tableRef?.name ?? spec.source.location ?? "" }

    var sourceTableKey: ObjectKey? { spec.source.tableRef.map { ObjectKey(namespace: metadata.namespace, name: $0.name) } }

    /// Where the target is to be, in one spelling; nil where the spec's cannot be read.
    var targetLocation: TableLocation? { try? TableLocation(spec.target.location) }

    var target: NamedLocation {
        NamedLocation(namespace: metadata.namespace, location: spec.target.location, storage: spec.target.storageRef.name)
    }
}

extension DeltaTable {
    var place: NamedLocation { NamedLocation(namespace: metadata.namespace, location: spec.location, storage: spec.storageRef.name) }

    /// Whether it says of itself that it shows what this TableClone makes.
    func shows(_ clone: TableClone) -> Bool {
        metadata.namespace == clone.metadata.namespace && metadata.labels[Names.Label.clone] == Names.labelValue(clone.metadata.name)
    }
}

extension TableOperation {
    /// The TableClone that made it.
    var cloneReference: OwnerReference? {
        guard let owner = metadata.controllerReference, owner.kind == TableClone.kind else { return nil }
        return owner
    }
}
