import Base

/// Sends HTTP requests. Redirects are not followed, cookies not kept, credentials only what the request carries.
///
/// Connections are kept and reused. All clients that share an ``HTTPClientLoop`` share its thread and its connections.
public final class HTTPClient: Sendable {
    public let configuration: HTTPClientConfiguration
    private let loop: HTTPClientLoop

    /// A client with a loop of its own.
    public convenience init(configuration: HTTPClientConfiguration = HTTPClientConfiguration()) throws(HTTPError) {
        self.init(configuration: configuration, loop: try HTTPClientLoop(maximumConnectionsPerHost: configuration.maximumConnectionsPerHost))
    }

    /// A client on a shared loop, whose limit of connections counts instead of the configuration's.
    public init(configuration: HTTPClientConfiguration, loop: HTTPClientLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    /// Sends the request and takes the whole response. Any status is a response; errors are of the exchange. Cancelling the task ends the transfer.
    public func execute(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        var request = request
        request.timeout = request.timeout ?? configuration.requestTimeout
        let sink = WholeResponseSink(label: request.label, limit: request.maximumResponseSize ?? configuration.maximumResponseSize)
        let transfer = HTTPTransfer(request: request, configuration: configuration, sink: sink, core: loop.leastLoaded())
        let result = await withTaskCancellationHandler {
            transfer.post(.start(transfer))
            return await sink.response()
        } onCancel: {
            transfer.post(.cancel(transfer))
        }
        return try result.get()
    }

    /// Sends the request and returns when the response's head is there; the body is read from the result.
    public func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStreamingResponse {
        let sink = StreamedResponseSink(label: request.label)
        let transfer = HTTPTransfer(request: request, configuration: configuration, sink: sink, core: loop.leastLoaded())
        let result = await withTaskCancellationHandler {
            transfer.post(.start(transfer))
            return await sink.head()
        } onCancel: {
            transfer.post(.cancel(transfer))
        }
        let head = try result.get()
        return HTTPStreamingResponse(status: head.status, headers: head.headers, body: HTTPResponseBody(sink: sink, transfer: transfer, loop: loop))
    }
}
