import Base

/// A kind as the server serves it.
public struct APIResource: Sendable, Hashable {
    public var gvr: GroupVersionResource
    public var kind: String
    public var isNamespaced: Bool
    public var verbs: [String]

    public init(gvr: GroupVersionResource, kind: String, isNamespaced: Bool, verbs: [String]) {
        self.gvr = gvr
        self.kind = kind
        self.isNamespaced = isNamespaced
        self.verbs = verbs
    }
}

extension KubeClient {
    /// The kinds of one API version, such as `levee.dev/v1alpha1` or `v1`, without subresources.
    public func resources(apiVersion: String) async throws(KubeError) -> [APIResource] {
        let parts = apiVersion.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (group, version) = parts.count == 2 ? (parts[0], parts[1]) : ("", apiVersion)
        let request = KubeRequest(path: group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)")
        let json: JSONValue
        do throws(KubeError) {
            json = try await send(request)
        } catch {
            // A group that nobody serves yet has no kinds; its CRD may come later.
            if error.isNotFound { return [] }
            throw error
        }
        return (json["resources"]?.arrayValue ?? []).compactMap { entry in
            guard let name = entry["name"]?.stringValue, let kind = entry["kind"]?.stringValue, !name.utf8.contains(UInt8(ascii: "/")) else { return nil }
            return APIResource(
                gvr: GroupVersionResource(group: group, version: version, resource: name), kind: kind, isNamespaced: entry["namespaced"]?.boolValue ?? false,
                verbs: (entry["verbs"]?.arrayValue ?? []).compactMap(\.stringValue))
        }
    }

    /// Where objects of this kind are kept.
    public func resource(apiVersion: String, kind: String) async throws(KubeError) -> APIResource {
        guard let found = try await resources(apiVersion: apiVersion).first(where: { $0.kind == kind }) else {
            throw .unknownKind(apiVersion: apiVersion, kind: kind)
        }
        return found
    }
}
