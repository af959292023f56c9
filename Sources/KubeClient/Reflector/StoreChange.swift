/// One object's change in a ``Store``.
public struct StoreChange<Object: KubeResource>: Sendable {
    public let key: ObjectKey
    /// Nil for an object that is new here.
    public let old: Object?
    /// Nil for an object that is gone.
    public let new: Object?

    public init(key: ObjectKey, old: Object?, new: Object?) {
        self.key = key
        self.old = old
        self.new = new
    }
}
