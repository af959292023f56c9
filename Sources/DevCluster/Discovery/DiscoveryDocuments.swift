import Base
import HTTP

/// `/version`, `/api`, `/apis` and below: how clients learn what is served.
struct DiscoveryDocuments: Sendable {
    let registry: ResourceRegistry

    /// Nil where the path is not about discovery.
    func response(to request: ServerRequest, _ segments: [String]) throws(APIError) -> ServerResponse? {
        guard request.method == "GET" else { return nil }
        switch segments {
        case ["version"]: return RESTServer.json(Self.version)
        case []: return RESTServer.json(["paths": .array(paths.map { .string($0) })])
        case ["api"]:
            if case let .aggregatedDiscovery(version) = try ResponseFormat.negotiate(request.headers["Accept"]) { return aggregated([""], version) }
            return RESTServer.json(
                [
                    "kind": "APIVersions", "versions": ["v1"],
                    "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": .string(request.headers["Host"] ?? "")]],
                ])
        case ["apis"]:
            if case let .aggregatedDiscovery(version) = try ResponseFormat.negotiate(request.headers["Accept"]) { return aggregated(groups, version) }
            return RESTServer.json(["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groups.map(group))])
        case ["api", "v1"]: return RESTServer.json(resourceList("", "v1"))
        default: break
        }
        if segments.count == 2, segments[0] == "apis", groups.contains(segments[1]) {
            guard var group = group(segments[1]).objectValue else { return nil }
            group["kind"] = "APIGroup"
            group["apiVersion"] = "v1"
            return RESTServer.json(.object(group))
        }
        if segments.count == 3, segments[0] == "apis", versions(of: segments[1]).contains(segments[2]) {
            return RESTServer.json(resourceList(segments[1], segments[2]))
        }
        return nil
    }

    /// The Kubernetes version whose API this is modelled on, in the form that strict clients parse.
    static let version: JSONValue = [
        "major": "1", "minor": "32", "gitVersion": "v1.32.0+levee-dev", "gitCommit": "0000000000000000000000000000000000000000", "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z", "goVersion": "none", "compiler": "swiftc", "platform": "linux/amd64",
    ]

    // MARK: What there is

    private static let reviewGroups: [(group: String, kinds: [(kind: String, plural: String, namespaced: Bool)])] = [
        (
            "authorization.k8s.io",
            [("SelfSubjectAccessReview", "selfsubjectaccessreviews", false), ("SelfSubjectRulesReview", "selfsubjectrulesreviews", false)]
        ),
        ("authentication.k8s.io", [("SelfSubjectReview", "selfsubjectreviews", false)]),
    ]

    private var groups: [String] {
        var names: [String] = []
        for name in registry.all.map(\.group) + Self.reviewGroups.map(\.group) where !name.isEmpty && !names.contains(name) { names.append(name) }
        return names
    }

    /// The preferred one first: stable before beta before alpha, then the higher number.
    private func versions(of group: String) -> [String] {
        if Self.reviewGroups.contains(where: { $0.group == group }) { return ["v1"] }
        let names = Set(registry.all.filter { $0.group == group }.map(\.version))
        return names.sorted { KubernetesVersion($0) > KubernetesVersion($1) }
    }

    private var paths: [String] {
        ["/api", "/api/v1", "/apis"] + groups.flatMap { group in ["/apis/\(group)"] + versions(of: group).map { "/apis/\(group)/\($0)" } }
            + ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
    }

    // MARK: Legacy documents

    private func group(_ name: String) -> JSONValue {
        let versions: [JSONValue] = versions(of: name).map { ["groupVersion": .string("\(name)/\($0)"), "version": .string($0)] }
        return ["name": .string(name), "versions": .array(versions), "preferredVersion": versions.first ?? [:]]
    }

    private func resourceList(_ group: String, _ version: String) -> JSONValue {
        var resources: [JSONValue] = []
        for definition in registry.all where definition.group == group && definition.version == version {
            var entry: JSONObject = [
                "name": .string(definition.plural), "singularName": .string(definition.singular), "namespaced": .bool(definition.isNamespaced),
                "kind": .string(definition.kind), "verbs": .array(definition.verbs.map { .string($0) }),
            ]
            if !definition.shortNames.isEmpty { entry["shortNames"] = .array(definition.shortNames.map { .string($0) }) }
            if !definition.categories.isEmpty { entry["categories"] = .array(definition.categories.map { .string($0) }) }
            resources.append(.object(entry))
            for subresource in definition.subresources {
                resources.append([
                    "name": .string("\(definition.plural)/\(subresource)"), "singularName": "", "namespaced": .bool(definition.isNamespaced),
                    "kind": .string(definition.kind), "verbs": .array(Self.verbs(of: subresource).map { .string($0) }),
                ])
            }
        }
        for (_, kinds) in Self.reviewGroups where Self.isReview(group) {
            for kind in kinds where Self.group(of: kind.kind) == group {
                resources.append([
                    "name": .string(kind.plural), "singularName": .string(kind.kind.lowercased()), "namespaced": .bool(kind.namespaced),
                    "kind": .string(kind.kind),
                    "verbs": ["create"],
                ])
            }
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
            "resources": .array(resources),
        ]
    }

    private static func isReview(_ group: String) -> Bool { reviewGroups.contains { $0.group == group } }

    private static func group(of reviewKind: String) -> String? { reviewGroups.first { $0.kinds.contains { $0.kind == reviewKind } }?.group }

    private static func verbs(of subresource: String) -> [String] {
        switch subresource {
        case "log": ["get"]
        case "finalize": ["update"]
        default: ["get", "patch", "update"]
        }
    }

    // MARK: Aggregated discovery

    private func aggregated(_ groups: [String], _ version: String) -> ServerResponse {
        let items: [JSONValue] = groups.map { group in
            let versions: [JSONValue] = (group.isEmpty ? ["v1"] : versions(of: group)).map { name in
                ["version": .string(name), "freshness": "Current", "resources": .array(aggregatedResources(group, name))]
            }
            var metadata: JSONObject = ["creationTimestamp": .null]
            if !group.isEmpty { metadata["name"] = .string(group) }
            return ["metadata": .object(metadata), "versions": .array(versions)]
        }
        var response = RESTServer.json([
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:], "items": .array(items),
        ])
        response.headers["Content-Type"] = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
        return response
    }

    private func aggregatedResources(_ group: String, _ version: String) -> [JSONValue] {
        var resources: [JSONValue] = registry.all.filter { $0.group == group && $0.version == version }.map { definition in
            let kind: JSONValue = ["group": .string(group), "version": .string(version), "kind": .string(definition.kind)]
            var entry: JSONObject = [
                "resource": .string(definition.plural), "responseKind": kind, "scope": definition.isNamespaced ? "Namespaced" : "Cluster",
                "singularResource": .string(definition.singular), "verbs": .array(definition.verbs.map { .string($0) }),
            ]
            if !definition.shortNames.isEmpty { entry["shortNames"] = .array(definition.shortNames.map { .string($0) }) }
            if !definition.categories.isEmpty { entry["categories"] = .array(definition.categories.map { .string($0) }) }
            if !definition.subresources.isEmpty {
                entry["subresources"] = .array(
                    definition.subresources.map { name in
                        ["subresource": .string(name), "responseKind": kind, "verbs": .array(Self.verbs(of: name).map { .string($0) })]
                    })
            }
            return .object(entry)
        }
        for (reviewGroup, kinds) in Self.reviewGroups where reviewGroup == group {
            resources += kinds.map { kind in
                [
                    "resource": .string(kind.plural), "responseKind": ["group": .string(group), "version": .string(version), "kind": .string(kind.kind)],
                    "scope": kind.namespaced ? "Namespaced" : "Cluster", "singularResource": .string(kind.kind.lowercased()), "verbs": ["create"],
                ]
            }
        }
        return resources
    }
}

/// `v1` above `v1beta2` above `v1alpha1`, names of another form last.
struct KubernetesVersion: Comparable {
    private let rank: (Int, Int, Int)
    private let name: String

    init(_ name: String) {
        self.name = name
        let digits = name.dropFirst().prefix { $0.isNumber }
        let rest = name.dropFirst(1 + digits.count)
        guard name.hasPrefix("v"), let major = Int(digits) else {
            rank = (0, 0, 0)
            return
        }
        let stage = rest.isEmpty ? 3 : rest.hasPrefix("beta") ? 2 : rest.hasPrefix("alpha") ? 1 : 0
        rank = (stage, major, Int(rest.drop { !$0.isNumber }) ?? 0)
    }

    static func == (left: KubernetesVersion, right: KubernetesVersion) -> Bool { left.name == right.name }

    static func < (left: KubernetesVersion, right: KubernetesVersion) -> Bool {
        left.rank == right.rank ? left.name > right.name : left.rank < right.rank
    }
}
