import KubeClient
import ObjectStore

/// A location as an object's spec names it: a text, by the words of a profile of the object's namespace.
struct NamedLocation: Hashable, Sendable {
    var namespace: String
    var location: String
    /// The StorageProfile's name.
    var storage: String
}

extension Cluster {
    func profile(of named: NamedLocation) -> StorageProfile? { profile(ObjectKey(namespace: named.namespace, name: named.storage)) }

    func resolve(_ named: NamedLocation, reach: OperatorReach) throws(Obstacle) -> TablePlace {
        try Placement.resolve(location: named.location, profile: profile(of: named), profileName: named.storage, reach: reach)
    }

    /// Whether `other`, which has the same URL as `named`, is the same place. A path of the machine is one directory for everybody. What is on a claim or in a
    /// store is compared within the namespace alone: nobody is to be kept out, or told of, by another tenant's words.
    ///
    /// - Parameter place: what `named` is resolved to.
    func isSamePlace(_ other: NamedLocation, as named: NamedLocation, at place: TablePlace, reach: OperatorReach) -> Bool {
        switch place.access {
        case .host: true
        case .claim: other.namespace == named.namespace && other.storage == named.storage
        case .store: other.namespace == named.namespace && (try? resolve(other, reach: reach))?.identity == place.identity
        }
    }
}

extension KubeResource {
    /// Of two objects that want the same, the older has it.
    func isOlder(than other: some KubeResource) -> Bool {
        (metadata.creationTimestamp ?? .epoch, metadata.uid) < (other.metadata.creationTimestamp ?? .epoch, other.metadata.uid)
    }
}
