import Base
import HTTP

/// Routes HTTP requests to the API, and turns what it says into responses.
final class RESTServer: Sendable {
    let api: ClusterAPI
    let documents: DiscoveryDocuments
    let openAPI: OpenAPIDocuments
    let logs: PodLogs
    private let token: String
    private let logger: Logger

    init(api: ClusterAPI, logs: PodLogs, token: String, logger: Logger) {
        self.api = api
        self.logs = logs
        self.token = token
        self.logger = logger
        documents = DiscoveryDocuments(registry: api.registry)
        openAPI = OpenAPIDocuments(registry: api.registry)
    }

    func handle(_ request: ServerRequest) async -> ServerResponse {
        do throws(APIError) {
            return try await respond(to: request)
        } catch {
            if error.code >= 500 { logger.error("request failed", ["method": request.method, "path": request.path, "error": error.message]) }
            var response = Self.json(error.body, status: error.code, pretty: request.parameter("pretty") == "true")
            if let seconds = error.retryAfterSeconds { response.headers["Retry-After"] = "\(seconds)" }
            if error.code == 401 { response.headers["WWW-Authenticate"] = "Bearer" }
            return response
        }
    }

    private func respond(to request: ServerRequest) async throws(APIError) -> ServerResponse {
        let segments = request.pathSegments
        // Probes carry no credentials.
        if ["healthz", "livez", "readyz"].contains(segments.first) { return .text("ok") }
        guard isAuthorized(request) else { throw .unauthorized }
        if let response = try documents.response(to: request, segments) { return response }
        if let response = try openAPI.response(to: request, segments) { return response }
        guard let path = ResourcePath(segments) else { throw .noSuchPath }
        if let review = try AccessReviews.response(to: request, path) { return review }
        guard let definition = api.registry.find(group: path.group, version: path.version, plural: path.plural) else { throw .noSuchPath }
        return try await ResourceRequest(server: self, request: request, path: path, definition: definition).respond()
    }

    private func isAuthorized(_ request: ServerRequest) -> Bool {
        guard let header = request.headers["Authorization"] else { return false }
        let expected = Array("Bearer \(token)".utf8)
        let given = Array(header.utf8)
        // Takes as long for a near miss as for a far one.
        return given.count == expected.count && zip(given, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    static func json(_ value: JSONValue, status: Int = 200, pretty: Bool = false) -> ServerResponse {
        ServerResponse(
            status: status, headers: ["Content-Type": "application/json", "Cache-Control": "no-cache, private"],
            body: .bytes(JSON.encodeBytes(value, pretty: pretty)))
    }
}

/// `kubectl auth can-i`: whoever holds the token may do everything.
enum AccessReviews {
    static func response(to request: ServerRequest, _ path: ResourcePath) throws(APIError) -> ServerResponse? {
        guard path.group == "authorization.k8s.io" || path.group == "authentication.k8s.io", path.version == "v1", request.method == "POST" else { return nil }
        var review = try RequestBody.parse(request)
        switch path.plural {
        case "selfsubjectaccessreviews", "subjectaccessreviews", "localsubjectaccessreviews":
            review["status"] = ["allowed": true]
        case "selfsubjectrulesreviews":
            review["status"] = [
                "incomplete": false, "resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]],
                "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]],
            ]
        case "selfsubjectreviews":
            review["status"] = ["userInfo": ["username": "levee-dev", "groups": ["system:masters", "system:authenticated"]]]
        default: return nil
        }
        return RESTServer.json(review, status: 201)
    }
}
