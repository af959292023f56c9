import Base
import Glibc
import KubeClient

/// `levee operations`: the runs on tables, and following them to their end, for machines without kubectl.
enum OperationsCommand {
    static let kubeconfig = Option<String>.text("kubeconfig", "FILE", "the cluster's kubeconfig (default KUBECONFIG, then ~/.kube/config)")
    static let namespace = Option<String>.text("namespace", "NAME", "the namespace (default the context's)")
    static let follow = Option<Bool>.flag("follow", "wait until all operations have ended, showing their progress")
    static let expect = Option<Int64>.integer("expect", "N", atLeast: 1, "with --follow: wait for at least N operations first")
    static let timeout = Option<Duration>.duration("timeout", "with --follow: give up after that long (default 10m)")

    static let command = Command(
        name: "operations", summary: "list the operations on tables, or follow them",
        discussion: "With --follow the exit code is 1 where an operation failed, and 3 where the time ran out.",
        options: [kubeconfig, namespace, follow, expect, timeout] + ClusterOptions.all,
        examples: ["levee operations", "levee operations --follow --expect 1 --timeout 2m"]
    ) { arguments, console in
        var configuration = try KubeConfiguration.load(kubeconfig: arguments[kubeconfig], environment: ProcessEnvironment.current)
        try ClusterOptions.apply(arguments, to: &configuration, command: "levee operations")
        let client = try KubeClient(configuration: configuration)
        let list = OperationList(client: client, namespace: arguments[namespace] ?? client.namespace)
        if arguments[follow] {
            try await list.follow(expecting: Int(arguments[expect] ?? 0), timeout: arguments[timeout] ?? .seconds(600))
        }
        try await list.print(to: console)
    }
}

/// Operations did not end as `--follow` waits for.
enum FollowError: Error, CustomStringConvertible {
    case failed(names: [String])
    case timedOut(Duration, running: [String])

    var description: String {
        switch self {
        case let .failed(names): "\(names.joined(separator: ", ")) failed; `kubectl describe tableoperation` and its pod's log say why"
        case let .timedOut(limit, running):
            running.isEmpty
                ? "no operation started within \(limit.components.seconds) s; `kubectl describe deltatables` says what was decided and why"
                : "\(running.joined(separator: ", ")) did not end within \(limit.components.seconds) s; they go on, follow them again"
        }
    }
}

/// The TableOperations of one namespace, as they are now.
private struct OperationList {
    static let operations = GroupVersionResource(group: "levee.dev", version: "v1alpha1", resource: "tableoperations")
    static let pollInterval = Duration.milliseconds(250)

    let client: KubeClient
    let namespace: String

    /// Oldest first.
    func load() async throws -> [Operation] {
        let list = try await client.listAll(Self.operations, namespace: namespace)
        return list.items.map(Operation.init).sorted { ($0.created, $0.name) < ($1.created, $1.name) }
    }

    func print(to console: Console) async throws {
        let operations = try await load()
        if console.format == .json {
            try console.print(JSON.encode(.array(operations.map(\.resource.json)), pretty: true) + "\n")
            return
        }
        var table = TextTable([.init("NAME"), .init("TABLE"), .init("TYPE"), .init("PHASE"), .init("PROGRESS"), .init("VERSION", .right), .init("MESSAGE")])
        for operation in operations {
            table.add([
                operation.name, operation.table, operation.type, operation.phase, operation.progress, operation.version, operation.message,
            ])
        }
        try console.print(table)
    }

    func follow(expecting count: Int, timeout: Duration) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        var line = FollowedPhases()
        defer { line.end() }
        while true {
            let operations = try await load()
            let running = operations.filter { !$0.isFinished }
            line.show(operations)
            if operations.count >= count, running.isEmpty {
                let failed = operations.filter { $0.phase == "Failed" }.map(\.name)
                if !failed.isEmpty { throw FollowError.failed(names: failed) }
                return
            }
            guard clock.now < deadline else { throw FollowError.timedOut(timeout, running: running.map(\.name)) }
            try await Task.sleep(for: Self.pollInterval)
        }
    }
}

private struct Operation {
    let resource: Resource

    private func status(_ path: String...) -> JSONValue? { resource.json.value(at: ["status"] + path) }

    var name: String { resource.name }
    var created: String { resource.json.value(at: ["metadata", "creationTimestamp"])?.stringValue ?? "" }
    var phase: String { status("phase")?.stringValue ?? "Pending" }
    var table: String { status("table")?.stringValue ?? "" }
    var type: String { status("type")?.stringValue ?? "" }
    var progress: String { status("progress", "summary")?.stringValue ?? "" }
    var version: String { status("result", "version")?.intValue.map { "\($0)" } ?? "" }
    var message: String { status("message")?.stringValue ?? "" }
    var isFinished: Bool { ["Succeeded", "Failed", "Cancelled"].contains(phase) }
}

/// One line on the terminal that is written over; in a pipe, a line for every change of phase.
private struct FollowedPhases {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var phases: [String: String] = [:]
    private var isOpen = false

    mutating func show(_ operations: [Operation]) {
        if isTerminal {
            let text = operations.filter { !$0.isFinished }.map { "\($0.name) \($0.phase) \($0.progress)" }.joined(separator: "   ")
            write("\r\u{1B}[K" + (text.isEmpty ? "waiting" : text.withoutControlCharacters).truncated(to: 120))
            isOpen = true
            return
        }
        for operation in operations where phases[operation.name] != operation.phase {
            phases[operation.name] = operation.phase
            write("\(operation.name) \(operation.phase)\(operation.progress.isEmpty ? "" : " " + operation.progress)\n")
        }
    }

    mutating func end() {
        if isOpen { write("\r\u{1B}[K") }
        isOpen = false
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}
