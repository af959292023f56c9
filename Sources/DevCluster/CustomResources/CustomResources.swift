import Base

/// Turns a CustomResourceDefinition into the resources that it defines, one for each served version.
enum CustomResources {
    static func definitions(of crd: JSONValue) -> [ResourceDefinition] {
        guard let spec = crd["spec"], let names = spec["names"], let group = spec["group"]?.stringValue, let kind = names["kind"]?.stringValue,
            let plural = names["plural"]?.stringValue
        else { return [] }
        let versions = spec["versions"]?.arrayValue ?? []
        let storageVersion = versions.first { $0["storage"]?.boolValue == true }?["name"]?.stringValue ?? ""
        return versions.filter { $0["served"]?.boolValue == true }.compactMap { version -> ResourceDefinition? in
            guard let name = version["name"]?.stringValue, let openAPI = version.at("schema", "openAPIV3Schema") else { return nil }
            guard let schema = try? Schema(completed(openAPI), at: .root) else { return nil }
            return ResourceDefinition(
                group: group, version: name, kind: kind, plural: plural, singular: names["singular"]?.stringValue ?? kind.lowercased(),
                shortNames: texts(names["shortNames"]), categories: texts(names["categories"]), isNamespaced: spec["scope"]?.stringValue == "Namespaced",
                subresources: version.at("subresources", "status") == nil ? [] : ["status"],
                selectableFields: (version["selectableFields"]?.arrayValue ?? []).compactMap {
                    $0["jsonPath"]?.stringValue.map { String($0.drop { $0 == "." }) }
                },
                schema: schema, openAPI: openAPI, columns: columns(version["additionalPrinterColumns"]), isCustom: true, storageVersion: storageVersion)
        }
    }

    private static func texts(_ list: JSONValue?) -> [String] { (list?.arrayValue ?? []).compactMap(\.stringValue) }

    private static func columns(_ json: JSONValue?) -> [TableColumn]? {
        guard let elements = json?.arrayValue, !elements.isEmpty else { return nil }
        let columns = elements.compactMap { try? TableColumn(custom: $0, at: .root) }
        // The server always puts the name first, and asks for it under that title.
        return [.name] + columns.filter { $0.name.lowercased() != "name" || $0.format != "name" }
    }

    /// The schema with the fields that every object has: what a definition says of them is the server's business.
    static func completed(_ schema: JSONValue) -> JSONValue {
        var result = schema
        result.set("properties", "apiVersion", to: ["type": "string"])
        result.set("properties", "kind", to: ["type": "string"])
        var metadata = BuiltInTypes.all.inlined("ObjectMeta")
        if let name = schema.at("properties", "metadata", "properties", "name") { metadata.set("properties", "name", to: name) }
        result.set("properties", "metadata", to: metadata)
        return result
    }
}
