/// Where in an object something is, written as the API server writes it: `spec.containers[0].env`.
struct FieldPath: Sendable, Hashable, CustomStringConvertible {
    let description: String

    static let root = FieldPath(description: "")

    init(_ description: String) { self.description = description }

    private init(description: String) { self.description = description }

    func child(_ name: String) -> FieldPath {
        FieldPath(description.isEmpty ? name : "\(description).\(name)")
    }

    func index(_ index: Int) -> FieldPath { FieldPath("\(description)[\(index)]") }

    func key(_ key: String) -> FieldPath { FieldPath("\(description)[\(key)]") }
}
