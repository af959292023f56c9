import Base

/// One change that a watch reports.
public enum WatchEvent<Object: Sendable>: Sendable {
    case added(Object)
    case modified(Object)
    /// The object as it was last.
    case deleted(Object)
    /// Nothing happened up to this version. `initialEventsEnd` marks the end of what a streaming list sends first.
    case bookmark(resourceVersion: String, initialEventsEnd: Bool)
}

extension WatchEvent: Equatable where Object: Equatable {}

extension WatchEvent where Object == Resource {
    /// Reads one line of a watch.
    ///
    /// - Throws: The error that an ERROR event carries, `410 Expired` being the usual one; ``KubeError/unexpectedResponse(request:reason:)`` for what is no event.
    static func parse(_ line: Bytes, request: String) throws(KubeError) -> WatchEvent {
        let json: JSONValue
        do {
            json = try JSON.parse(line)
        } catch {
            throw .unexpectedResponse(request: request, reason: "not an event: \(error)")
        }
        guard let type = json["type"]?.stringValue, let object = json["object"] else {
            throw .unexpectedResponse(request: request, reason: "an event without type or object")
        }
        switch type {
        case "ADDED": return .added(Resource(json: object))
        case "MODIFIED": return .modified(Resource(json: object))
        case "DELETED": return .deleted(Resource(json: object))
        case "BOOKMARK":
            let resource = Resource(json: object)
            return .bookmark(resourceVersion: resource.resourceVersion, initialEventsEnd: resource.annotations["k8s.io/initial-events-end"] == "true")
        case "ERROR": throw .status(APIStatus(object), request: request)
        default: throw .unexpectedResponse(request: request, reason: "an event of the unknown type \(type.prefix(40).debugDescription)")
        }
    }
}
