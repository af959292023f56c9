import Base

/// What a client wants back, from its `Accept` header.
enum ResponseFormat: Sendable, Equatable {
    case object
    case table(version: String)
    case partialMetadata(version: String)
    /// Discovery only.
    case aggregatedDiscovery(version: String)

    static func negotiate(_ accept: String?) throws(APIError) -> ResponseFormat {
        let types = MediaType.list(accept ?? "")
        if types.isEmpty { return .object }
        for type in types {
            guard ["application/json", "*/*", "application/*"].contains(type.name) else { continue }
            let version = type.parameters["v"] ?? "v1"
            switch type.parameters["as"] {
            case nil: return .object
            case "Table"? where ["v1", "v1beta1"].contains(version): return .table(version: version)
            case "PartialObjectMetadata"?, "PartialObjectMetadataList"?: return .partialMetadata(version: version)
            case "APIGroupDiscoveryList"? where ["v2", "v2beta1"].contains(version): return .aggregatedDiscovery(version: version)
            default: continue
            }
        }
        throw .notAcceptable("application/json")
    }
}

struct MediaType: Sendable {
    let name: String
    let parameters: [String: String]

    init(_ text: some StringProtocol) {
        let parts = text.split(separator: ";").map { String($0.filter { $0 != " " }) }
        name = parts.first?.lowercased() ?? ""
        var parameters: [String: String] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { parameters[String(pair[0])] = String(pair[1]) }
        }
        self.parameters = parameters
    }

    static func list(_ header: String) -> [MediaType] { header.split(separator: ",").map { MediaType($0) }.filter { !$0.name.isEmpty } }
}
