import Base
import HTTP

/// `levee ready`: whether an operator answers, for images that have no other program to ask with.
enum ReadyCommand {
    private static let url = Positional(name: "URL", help: "what must answer 200, such as http://levee:8081/readyz")
    private static let timeout = Option<Duration>.duration("timeout", "give up after that long (default 1m)")

    static let command = Command(
        name: "ready", summary: "wait until an operator is ready",
        discussion: "Asks once a second. The exit code is 3 where the time ran out. The chart's test pod runs it.",
        positionals: [url], options: [timeout], examples: ["levee ready http://levee.levee-system:8081/readyz --timeout 2m"]
    ) { arguments, console in
        let address = arguments[url]
        guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
            throw UsageError(command: "levee ready", message: "\(address) is no URL; write it as http://HOST:PORT/readyz")
        }
        let limit = arguments[timeout] ?? .seconds(60)
        let answer = try await answer(of: address, within: limit)
        switch console.format {
        case .text: try console.print("\(address): \(answer)\n")
        case .json: try console.print(JSON.encode(["url": .string(address), "answer": .string(answer)]) + "\n")
        }
    }

    /// The body of the first answer that says yes.
    private static func answer(of url: String, within limit: Duration) async throws -> String {
        var configuration = HTTPClientConfiguration()
        configuration.proxy = .direct
        configuration.connectTimeout = .seconds(5)
        configuration.maximumResponseSize = 64 << 10
        let client = try HTTPClient(configuration: configuration)
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        while true {
            let obstacle: String
            do {
                let response = try await client.execute(HTTPRequest(url: url, timeout: .seconds(5)))
                let text = response.body.text.split(whereSeparator: \.isNewline).joined(separator: " ")
                if response.status == 200 { return text }
                obstacle = "it answers \(response.status): \(text)"
            } catch {
                if case .cancelled = error { throw CancellationError() }
                obstacle = "\(error)"
            }
            guard clock.now + .seconds(1) < deadline else { throw NotReady(url: url, limit: limit, obstacle: obstacle) }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// `levee ready` has waited long enough.
struct NotReady: Error, CustomStringConvertible {
    let url: String
    let limit: Duration
    let obstacle: String

    var description: String { "\(url) was not ready within \(limit.components.seconds) s: \(obstacle)" }
}
