import Base

/// A kind as a Swift type. `apiVersion` and `kind` are the type's, not each value's; the client writes them.
///
/// A type may know only some of the fields. Reading ignores the others; to change an object without losing them use ``KubeClient/modify(_:_:options:_:)``,
/// a patch, or server-side apply.
public protocol KubeResource: Codable, Sendable {
    static var gvr: GroupVersionResource { get }
    static var kind: String { get }
    static var isNamespaced: Bool { get }
    var metadata: ObjectMeta { get set }
}

extension KubeResource {
    public static var isNamespaced: Bool { true }

    public var key: ObjectKey { metadata.key }

    /// A reference that makes this object the controlling owner of another.
    public var controllerReference: OwnerReference {
        OwnerReference(
            apiVersion: Self.gvr.apiVersion, kind: Self.kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true)
    }

    /// What an event names.
    public var objectReference: ObjectReference {
        ObjectReference(
            apiVersion: Self.gvr.apiVersion, kind: Self.kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid,
            resourceVersion: metadata.resourceVersion)
    }
}
