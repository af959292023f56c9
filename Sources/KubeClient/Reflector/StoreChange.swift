/// One object's change in a ``Store``.
public struct StoreChange<Object: KubeResource>: Sendable {
    public let key: ObjectKey
    /// Nil for an object that is new here.
    public let old: Object?
    /// Nil for an object that is gone.
    public let new: Object?
    /// Nothing has changed: it is time to look at everything again.
    public let isResync: Bool

    public init(key: ObjectKey, old: Object?, new: Object?, isResync: Bool = false) {
        self.key = key
        self.old = old
        self.new = new
        self.isResync = isResync
    }
}
