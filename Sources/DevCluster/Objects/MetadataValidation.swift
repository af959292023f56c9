import Base

/// Checks `metadata` as the API server does for every kind.
enum MetadataValidation {
    /// The shape of `metadata`, before anything else reads it. Throws what a decoder would say.
    static func checkShape(of object: JSONValue) throws(APIError) {
        guard object.objectValue != nil else { throw .badRequest("the object provided is unrecognized (must be of type object)") }
        guard let metadata = object["metadata"], !metadata.isNull else { return }
        guard metadata.objectValue != nil else { throw wrongType(metadata, "metadata", "v1.ObjectMeta") }
        for key in ["name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"] {
            if let value = metadata[key], !value.isNull, value.stringValue == nil { throw wrongType(value, "metadata.\(key)", "string") }
        }
        for key in ["labels", "annotations"] {
            guard let map = metadata[key], !map.isNull else { continue }
            guard let entries = map.objectValue else { throw wrongType(map, "metadata.\(key)", "map[string]string") }
            for (_, value) in entries where value.stringValue == nil { throw wrongType(value, "metadata.\(key)", "string") }
        }
        for (key, type) in [("finalizers", "[]string"), ("ownerReferences", "[]v1.OwnerReference"), ("managedFields", "[]v1.ManagedFieldsEntry")] {
            guard let list = metadata[key], !list.isNull else { continue }
            guard let elements = list.arrayValue else { throw wrongType(list, "metadata.\(key)", type) }
            for element in elements where (key == "finalizers") == (element.stringValue == nil) { throw wrongType(element, "metadata.\(key)", type) }
        }
    }

    private static func wrongType(_ value: JSONValue, _ field: String, _ type: String) -> APIError {
        .badRequest("json: cannot unmarshal \(value.typeName) into Go struct field ObjectMeta.\(field) of type \(type)")
    }

    /// The values in `metadata`. The name's own rule depends on the kind.
    static func validate(_ object: JSONValue, definition: ResourceDefinition) -> [FieldError] {
        var errors: [FieldError] = []
        let path = FieldPath("metadata")
        let name = object.name
        if name.isEmpty {
            errors.append(.required(path.child("name"), "name or generateName is required"))
        } else if let complaint = definition.nameRule.complaint(about: name) {
            errors.append(.invalid(path.child("name"), .string(name), complaint))
        }
        if definition.isNamespaced, !ObjectNames.isLabel(object.namespace) {
            errors.append(.invalid(path.child("namespace"), .string(object.namespace), ObjectNames.labelMessage))
        }
        for (key, value) in object.labels.sorted(by: { $0.key < $1.key }) {
            let labels = path.child("labels")
            if !ObjectNames.isQualifiedName(key) { errors.append(.invalid(labels, .string(key), ObjectNames.qualifiedNameMessage)) }
            if value.utf8.count > 63 {
                errors.append(.invalid(labels, .string(value), "must be no more than 63 bytes"))
            } else if !ObjectNames.isLabelValue(value) {
                errors.append(.invalid(labels, .string(value), ObjectNames.labelValueMessage))
            }
        }
        var annotationBytes = 0
        for (key, value) in object.annotations.sorted(by: { $0.key < $1.key }) {
            annotationBytes += key.utf8.count + value.utf8.count
            if !ObjectNames.isQualifiedName(key) { errors.append(.invalid(path.child("annotations"), .string(key), ObjectNames.qualifiedNameMessage)) }
        }
        if annotationBytes > 256 << 10 { errors.append(.tooLong(path.child("annotations"), maximum: 256 << 10)) }
        for (index, finalizer) in object.finalizers.enumerated() where !ObjectNames.isQualifiedName(finalizer) {
            errors.append(.invalid(path.child("finalizers").index(index), .string(finalizer), ObjectNames.qualifiedNameMessage))
        }
        errors += validateOwners(object, at: path.child("ownerReferences"))
        return errors
    }

    private static func validateOwners(_ object: JSONValue, at path: FieldPath) -> [FieldError] {
        var errors: [FieldError] = []
        let owners = object.meta("ownerReferences")?.arrayValue ?? []
        for (index, owner) in owners.enumerated() {
            for key in ["apiVersion", "kind", "name", "uid"] where (owner[key]?.stringValue ?? "").isEmpty {
                errors.append(.invalid(path.index(index).child(key), "", "\(key) must not be empty"))
            }
        }
        if owners.count(where: { $0["controller"]?.boolValue == true }) > 1 {
            errors.append(.invalid(path, .array(owners), "Only one reference can have Controller set to true"))
        }
        return errors
    }
}
