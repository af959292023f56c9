import Base

/// CustomResourceDefinitions: names, versions, structural schemas. Accepted definitions are established at once.
struct CustomResourceDefinitionBehaviour: KindBehaviour {
    /// Keeps a deleted definition until its objects are gone.
    static let cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

    func prepareForCreate(_ object: inout JSONValue) {
        completeNames(&object)
        object.finalizers = object.finalizers.filter { $0 != Self.cleanupFinalizer } + [Self.cleanupFinalizer]
        let now = object.meta("creationTimestamp") ?? .null
        object["status"] = [
            "acceptedNames": object.at("spec", "names") ?? [:],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
            ],
            "storedVersions": .array([storageVersion(object)].compactMap { $0 }),
        ]
    }

    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue) {
        completeNames(&object)
        object.set("status", "acceptedNames", to: object.at("spec", "names"))
        if let version = storageVersion(object) {
            var stored = object.at("status", "storedVersions")?.arrayValue ?? []
            if !stored.contains(version) { stored.append(version) }
            object.set("status", "storedVersions", to: .array(stored))
        }
    }

    private func condition(_ type: String, _ reason: String, _ message: String, _ time: JSONValue) -> JSONValue {
        ["type": .string(type), "status": "True", "reason": .string(reason), "message": .string(message), "lastTransitionTime": time]
    }

    private func completeNames(_ object: inout JSONValue) {
        guard let kind = object.at("spec", "names", "kind")?.stringValue else { return }
        if object.at("spec", "names", "listKind") == nil { object.set("spec", "names", "listKind", to: .string("\(kind)List")) }
        if object.at("spec", "names", "singular") == nil { object.set("spec", "names", "singular", to: .string(kind.lowercased())) }
        if object.at("spec", "conversion") == nil { object.set("spec", "conversion", to: ["strategy": "None"]) }
    }

    private func storageVersion(_ object: JSONValue) -> JSONValue? {
        (object.at("spec", "versions")?.arrayValue ?? []).first { $0["storage"]?.boolValue == true }?["name"]
    }

    func validate(_ object: JSONValue, old: JSONValue?) -> [FieldError] {
        var errors: [FieldError] = []
        let spec = object["spec"] ?? [:]
        let path = FieldPath("spec")
        let group = spec["group"]?.stringValue ?? ""
        let plural = spec.at("names", "plural")?.stringValue ?? ""
        if object.name != "\(plural).\(group)" {
            errors.append(.invalid(FieldPath("metadata.name"), .string(object.name), "must be spec.names.plural+\".\"+spec.group"))
        }
        if !ObjectNames.isSubdomain(group) || !group.contains(".") {
            errors.append(.invalid(path.child("group"), .string(group), "should be a domain with at least one dot"))
        }
        if spec.at("conversion", "strategy")?.stringValue != "None" {
            errors.append(.notSupported(path.child("conversion").child("strategy"), spec.at("conversion", "strategy") ?? .null, ["None"]))
        }
        let versions = spec["versions"]?.arrayValue ?? []
        if versions.count(where: { $0["storage"]?.boolValue == true }) != 1 {
            errors.append(
                .invalid(path.child("versions"), .array(versions.compactMap { $0["name"] }), "must have exactly one version marked as storage version"))
        }
        for (index, version) in versions.enumerated() { errors += validate(version, at: path.child("versions").index(index)) }
        if let old {
            for field in ["group", "scope"] where spec[field] != old.at("spec", field) {
                errors.append(.invalid(path.child(field), spec[field] ?? .null, "field is immutable"))
            }
            for field in ["plural", "kind"] where spec.at("names", field) != old.at("spec", "names", field) {
                errors.append(.invalid(path.child("names").child(field), spec.at("names", field) ?? .null, "field is immutable"))
            }
        }
        return errors
    }

    private func validate(_ version: JSONValue, at path: FieldPath) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, column) in (version["additionalPrinterColumns"]?.arrayValue ?? []).enumerated() {
            do { _ = try TableColumn(custom: column, at: path.child("additionalPrinterColumns").index(index)) } catch { errors.append(error) }
        }
        guard let json = version.at("schema", "openAPIV3Schema") else {
            errors.append(.required(path.child("schema").child("openAPIV3Schema"), "schemas are required"))
            return errors
        }
        let place = path.child("schema").child("openAPIV3Schema")
        do {
            _ = try Schema(json, at: place)
            errors += StructuralRules.check(json, at: place)
        } catch {
            errors.append(error)
        }
        return errors
    }
}

/// What makes a schema structural, beyond being a schema. (apiextensions.k8s.io/v1, "Specifying a structural schema".)
enum StructuralRules {
    static func check(_ schema: JSONValue, at path: FieldPath) -> [FieldError] {
        var errors: [FieldError] = []
        if schema["type"]?.stringValue != "object" { errors.append(.invalid(path.child("type"), schema["type"] ?? "", "must be object at the root")) }
        check(schema, at: path, &errors)
        return errors
    }

    private static func check(_ schema: JSONValue, at path: FieldPath, _ errors: inout [FieldError]) {
        let isIntOrString = schema["x-kubernetes-int-or-string"]?.boolValue == true
        let preserves = schema["x-kubernetes-preserve-unknown-fields"]?.boolValue == true
        let type = schema["type"]?.stringValue ?? ""
        if type.isEmpty, !isIntOrString, !preserves { errors.append(.required(path.child("type"), "must not be empty for specified object fields")) }
        if isIntOrString, !type.isEmpty { errors.append(.forbidden(path.child("type"), "must be empty if x-kubernetes-int-or-string is true")) }
        if type == "array", schema["items"] == nil { errors.append(.required(path.child("items"), "must be specified")) }
        if schema["properties"] != nil, let additional = schema["additionalProperties"], additional != false {
            errors.append(.forbidden(path.child("additionalProperties"), "additionalProperties and properties are mutual exclusive"))
        }
        if schema["uniqueItems"]?.boolValue == true {
            errors.append(.forbidden(path.child("uniqueItems"), "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"))
        }
        if schema["$ref"] != nil { errors.append(.forbidden(path.child("$ref"), "$ref is not supported")) }
        checkList(schema, at: path, &errors)
        if let value = schema["default"], let parsed = try? Schema(schema, at: path) {
            var complete = value
            SchemaDefaulter.apply(parsed, to: &complete)
            for error in SchemaValidator.validate(complete, parsed) {
                errors.append(.invalid(path.child("default"), value, error.description))
            }
        }
        for (name, property) in schema["properties"]?.objectValue ?? JSONObject() {
            // The root's metadata is completed by the server.
            check(property, at: path.child("properties").key(name), &errors)
        }
        if let items = schema["items"] { check(items, at: path.child("items"), &errors) }
        if let additional = schema["additionalProperties"], additional.objectValue != nil { check(additional, at: path.child("additionalProperties"), &errors) }
    }

    private static func checkList(_ schema: JSONValue, at path: FieldPath, _ errors: inout [FieldError]) {
        let keys = (schema["x-kubernetes-list-map-keys"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard schema["x-kubernetes-list-type"]?.stringValue == "map" else {
            if !keys.isEmpty { errors.append(.forbidden(path.child("x-kubernetes-list-map-keys"), "must be empty if x-kubernetes-list-type is not map")) }
            return
        }
        if keys.isEmpty { errors.append(.required(path.child("x-kubernetes-list-map-keys"), "must not be empty if x-kubernetes-list-type is map")) }
        let required = (schema.at("items", "required")?.arrayValue ?? []).compactMap(\.stringValue)
        for key in keys {
            guard let property = schema.at("items", "properties", key) else {
                errors.append(.invalid(path.child("x-kubernetes-list-map-keys"), .string(key), "entries must all be names of item properties"))
                continue
            }
            if property["default"] == nil, !required.contains(key) {
                errors.append(
                    .required(
                        path.child("items").child("properties").key(key).child("default"),
                        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"))
            }
        }
    }
}
