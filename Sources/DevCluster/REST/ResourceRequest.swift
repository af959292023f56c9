import Base
import HTTP

/// A request for objects of one resource.
struct ResourceRequest {
    let server: RESTServer
    let request: ServerRequest
    let path: ResourcePath
    let definition: ResourceDefinition

    private var api: ClusterAPI { server.api }

    func respond() async throws(APIError) -> ServerResponse {
        if definition.isNamespaced, path.namespace == nil, path.name != nil || request.method != "GET" { throw .methodNotAllowed }
        if !definition.isNamespaced, path.namespace != nil { throw .noSuchPath }
        guard let name = path.name else { return try await respondForCollection() }
        switch path.subresource {
        case nil: return try await respondForObject(name, .none)
        case "status"? where definition.hasStatus: return try await respondForObject(name, .status)
        case "finalize"? where definition.kind == "Namespace" && request.method == "PUT": return try await finalize(name)
        case "log"? where definition.kind == "Pod" && request.method == "GET":
            return try server.logs.response(to: request, pod: try api.get(definition, path.namespace ?? "", name))
        default: throw .noSuchPath
        }
    }

    private func respondForCollection() async throws(APIError) -> ServerResponse {
        switch request.method {
        case "GET": return request.flag("watch") ? try watch(name: nil) : try list()
        case "POST":
            let result = try await api.create(definition, path.namespace ?? "", try body(), try writeOptions())
            return try written(result, status: 201)
        case "DELETE": return try await deleteCollection()
        default: throw .methodNotAllowed
        }
    }

    private func respondForObject(_ name: String, _ subresource: WriteOptions.Subresource) async throws(APIError) -> ServerResponse {
        let namespace = path.namespace ?? ""
        switch request.method {
        case "GET":
            if request.flag("watch") { return try watch(name: name) }
            return json(try rendering().object(try api.get(definition, namespace, name)))
        case "PUT":
            let object = try body()
            var options = try writeOptions()
            options.subresource = subresource
            return try written(try await api.update(definition, namespace, name, object, options), status: 200)
        case "PATCH":
            var options = try writeOptions()
            options.subresource = subresource
            let result = try await api.patch(definition, namespace, name, try patch(&options), options)
            return try written(result, status: result.isCreated ? 201 : 200)
        case "DELETE" where subresource == .none:
            return try await delete(name)
        default: throw .methodNotAllowed
        }
    }

    // MARK: Reading

    private func list() throws(APIError) -> ServerResponse {
        let query = try ListQuery(request, definition, namespace: path.namespace)
        let page = try api.list(definition, query)
        return json(try rendering().list(page.objects, metadata: page.metadata))
    }

    private func watch(name: String?) throws(APIError) -> ServerResponse {
        var query = try ListQuery(request, definition, namespace: path.namespace)
        if let name { query.name = name }
        let sendsInitial = request.flag("sendInitialEvents")
        if sendsInitial, query.resourceVersionMatch != "NotOlderThan" {
            throw .badRequest("sendInitialEvents needs resourceVersionMatch=NotOlderThan")
        }
        let wanted = UInt64(query.resourceVersion) ?? 0
        let revision = api.store.revision
        if wanted > revision { throw .resourceVersionTooLarge(wanted, current: revision) }
        let timeout = request.parameter("timeoutSeconds").flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil } ?? Int64(1800 + api.random.integer(below: 1800))
        let headers: HTTPHeaders = ["Content-Type": "application/json", "Cache-Control": "no-cache, private"]
        // `sendInitialEvents=false`: from now on, whatever there is.
        let fromNow = !sendsInitial && request.parameter("sendInitialEvents") != nil
        let start: ClusterStore.WatchStart = sendsInitial || wanted == 0 && !fromNow ? .current : .after(wanted == 0 ? revision : wanted)
        guard let watch = api.store.watch(definition.storage, from: start) else {
            let expired = APIError.expired("too old resource version: \(wanted) (\(revision))")
            return ServerResponse(status: 200, headers: headers, body: .stream(ExpiredWatchStream(expired)))
        }
        let stream = WatchStream(
            api, try rendering(), query, watch, allowsBookmarks: request.flag("allowWatchBookmarks"),
            sendsInitialEnd: sendsInitial && request.flag("allowWatchBookmarks"), timeout: .seconds(timeout))
        return ServerResponse(status: 200, headers: headers, body: .stream(stream))
    }

    private func rendering() throws(APIError) -> ObjectRendering {
        ObjectRendering(
            definition: definition, format: try ResponseFormat.negotiate(request.headers["Accept"]),
            includeObject: request.parameter("includeObject") ?? "Metadata", now: api.now)
    }

    // MARK: Writing

    private func written(_ result: WriteResult, status: Int) throws(APIError) -> ServerResponse {
        var response = json(try rendering().object(result.object), status: status)
        for warning in result.warnings {
            response.headers.append(name: "Warning", value: "299 - \"\(warning.replacingQuotes)\"")
        }
        return response
    }

    private func delete(_ name: String) async throws(APIError) -> ServerResponse {
        let result = try await api.delete(definition, path.namespace ?? "", name, try deleteOptions())
        if !result.isGone { return json(try rendering().object(result.object)) }
        var details = definition.name.details(name)
        details["uid"] = .string(result.object.uid)
        return json(["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": .object(details)])
    }

    private func deleteCollection() async throws(APIError) -> ServerResponse {
        let options = try deleteOptions()
        let page = try api.list(definition, try ListQuery(request, definition, namespace: path.namespace))
        for object in page.objects {
            do throws(APIError) {
                _ = try await api.delete(definition, object.namespace, object.name, options)
            } catch {
                if error.code != 404 { throw error }
            }
        }
        return json(try rendering().list(page.objects, metadata: page.metadata))
    }

    /// `PUT /api/v1/namespaces/NAME/finalize`: sets the finalizers in the spec; without any, a deleted namespace goes.
    private func finalize(_ name: String) async throws(APIError) -> ServerResponse {
        let wanted = try body()
        let result = try await api.finalizeNamespace(name, finalizers: wanted.at("spec", "finalizers")?.arrayValue ?? [])
        return json(result)
    }

    // MARK: Parsing

    private func body() throws(APIError) -> JSONValue { try RequestBody.parse(request) }

    private func patch(_ options: inout WriteOptions) throws(APIError) -> Patch {
        let type = MediaType(request.headers["Content-Type"] ?? "").name
        switch type {
        case "application/json-patch+json": return .json(try RequestBody.parse(request.body, isYAML: false))
        case "application/merge-patch+json": return .merge(try RequestBody.parse(request.body, isYAML: false))
        case "application/strategic-merge-patch+json": return .strategic(try RequestBody.parse(request.body, isYAML: false))
        case "application/apply-patch+yaml":
            guard let manager = request.parameter("fieldManager"), !manager.isEmpty else {
                throw .badRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
            }
            options.force = request.flag("force")
            return .apply(try RequestBody.parse(request.body, isYAML: true))
        default:
            throw .unsupportedMediaType(
                "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml")
        }
    }

    private func writeOptions() throws(APIError) -> WriteOptions {
        var options = WriteOptions()
        options.isDryRun = try isDryRun()
        options.fieldManager = request.parameter("fieldManager").flatMap { $0.isEmpty ? nil : $0 } ?? userAgentName
        switch request.parameter("fieldValidation") {
        case nil, ""?, "Warn"?: options.fieldValidation = .warn
        case "Ignore"?: options.fieldValidation = .ignore
        case "Strict"?: options.fieldValidation = .strict
        case let other?: throw .badRequest("fieldValidation: Unsupported value: \"\(other)\": supported values: \"Ignore\", \"Strict\", \"Warn\"")
        }
        return options
    }

    /// Without a field manager, the program's name: what stands before the first slash of its user agent.
    private var userAgentName: String {
        let agent = request.headers["User-Agent"] ?? ""
        let name = agent.prefix { $0 != "/" }
        return name.isEmpty ? "unknown" : String(name.prefix(128))
    }

    private func isDryRun() throws(APIError) -> Bool {
        let values = request.query.filter { $0.name == "dryRun" }.map(\.value)
        if let wrong = values.first(where: { $0 != "All" && !$0.isEmpty }) {
            throw .badRequest("dryRun: Unsupported value: \"\(wrong)\": supported values: \"All\"")
        }
        return values.contains("All")
    }

    private func deleteOptions() throws(APIError) -> DeleteOptions {
        var options = request.body.isEmpty ? DeleteOptions() : try DeleteOptions(try body())
        if let seconds = request.parameter("gracePeriodSeconds").flatMap({ Int64($0) }) { options.gracePeriodSeconds = seconds }
        if let name = request.parameter("propagationPolicy"), !name.isEmpty { options.propagation = try DeleteOptions.propagation(name) }
        if try isDryRun() { options.isDryRun = true }
        return options
    }

    private func json(_ value: JSONValue, status: Int = 200) -> ServerResponse {
        RESTServer.json(value, status: status, pretty: request.parameter("pretty") == "true")
    }
}

/// Reads what clients send: JSON, YAML, or protocol buffers.
enum RequestBody {
    static func parse(_ request: ServerRequest) throws(APIError) -> JSONValue {
        let type = MediaType(request.headers["Content-Type"] ?? "application/json").name
        switch type {
        case "application/json", "text/json": return try parse(request.body, isYAML: false)
        case "application/yaml": return try parse(request.body, isYAML: true)
        case ProtobufBody.mediaType: return try ProtobufBody.parse(request.body.array)
        default: throw .unsupportedMediaType("application/json, application/yaml, \(ProtobufBody.mediaType)")
        }
    }

    static func parse(_ body: Bytes, isYAML: Bool) throws(APIError) -> JSONValue {
        do {
            return try JSON.parse(body)
        } catch {
            guard isYAML else { throw .badRequest("the object provided is unrecognized (must be JSON): \(error)") }
        }
        let documents: [JSONValue]
        do {
            documents = try YAML.parseAll(body)
        } catch {
            throw .badRequest("error decoding YAML: \(error)")
        }
        guard documents.count == 1 else { throw .badRequest("one YAML document is expected, the body has \(documents.count)") }
        return documents[0]
    }
}

extension ServerRequest {
    /// A boolean parameter: there without a value counts as true.
    fileprivate func flag(_ name: String) -> Bool {
        guard let value = parameter(name) else { return false }
        return ["", "1", "true", "True", "TRUE", "t", "T"].contains(value)
    }
}

extension String {
    /// For a quoted header value.
    fileprivate var replacingQuotes: String { reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : $1.isNewline ? " " : "\($1)" } }
}
