/// A field that no schema could refuse and that cannot be acted on. Becomes the condition `Stalled` with the reason `InvalidSpec`.
struct InvalidSpec: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field below `spec`, as `optimize.schedule`.
    var field: String
    /// What is wrong with it and what would be right.
    var message: String

    var description: String { "spec.\(field): \(message)" }
}
