import Base
import Glibc

/// The containers of one pod on disk and as processes: starting them, looking after them, ending them.
struct PodContainers {
    let api: ClusterAPI
    let directories: PodDirectories
    let workerBinary: String
    let pod: JSONValue
    let restartDelay: Duration

    private var uid: String { pod.uid }

    var initContainers: [JSONValue] { pod.at("spec", "initContainers")?.arrayValue ?? [] }
    var mainContainers: [JSONValue] { pod.at("spec", "containers")?.arrayValue ?? [] }

    // MARK: Runs

    private func runFile(_ name: String) -> String { "\(directories.container(uid, name))/run.json" }

    /// The latest run of a container; nil where it has never been started.
    func lastRun(_ name: String) -> ContainerRun? { Self.lastRun(in: directories.container(uid, name)) }

    static func lastRun(in directory: String) -> ContainerRun? {
        guard let content = try? StateFiles.read("\(directory)/run.json"), let json = try? JSON.parse(Bytes(content)), let number = json["number"]?.intValue,
            let started = json["startedAt"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        return ContainerRun(prefix: "\(directory)/\(number)", number: number, startedAt: started)
    }

    /// The runs of all containers whose process may be alive.
    func activeRuns() -> [ContainerRun] {
        (initContainers + mainContainers).compactMap { lastRun($0["name"]?.stringValue ?? "") }.filter { run in
            switch run.state(now: api.now) {
            case .running, .starting: true
            case .ended, .lost: false
            }
        }
    }

    var hasStarted: Bool { (initContainers + mainContainers).contains { lastRun($0["name"]?.stringValue ?? "") != nil } }

    /// What became of a container, and whether that is its end.
    struct Outcome {
        let status: JSONValue
        /// The exit code, when it will not be started again.
        var finalCode: Int32?
        var isRunning = false
        var wasLost = false
        /// Why it cannot be started, yet.
        var problem: PodProblem?
    }

    /// Starts the container if it is its turn, and says how it does.
    func step(_ container: JSONValue) -> Outcome {
        let name = container["name"]?.stringValue ?? ""
        guard let run = lastRun(name) else { return start(container, number: 0) }
        switch run.state(now: api.now) {
        case .starting, .running:
            return Outcome(status: status(container, run, state: ["running": ["startedAt": run.startedAt.kubernetes]], isRunning: true), isRunning: true)
        case .lost:
            run.record(code: 137)
            StateFiles.touch("\(run.prefix).lost")
            return ended(container, run, code: 137)
        case let .ended(code):
            run.record(code: code)
            return ended(container, run, code: code)
        }
    }

    /// A container that has to wait for others.
    func waiting(_ container: JSONValue, _ reason: String, _ message: String = "") -> Outcome {
        var waiting: JSONValue = ["reason": .string(reason)]
        if !message.isEmpty { waiting["message"] = .string(message) }
        return Outcome(status: status(container, nil, state: ["waiting": waiting], isRunning: false))
    }

    private func start(_ container: JSONValue, number: Int64) -> Outcome {
        let name = container["name"]?.stringValue ?? ""
        let directory = directories.container(uid, name)
        let run = ContainerRun(prefix: "\(directory)/\(number)", number: number, startedAt: api.now)
        do {
            try StateFiles.makeDirectory(directory)
            try StateFiles.replace("\(run.prefix).message", [])
            let launch = try ContainerCommand(api: api, directories: directories, pod: pod, container: container, workerBinary: workerBinary)
                .launch(prefix: run.prefix, terminationMessage: "\(run.prefix).message")
            // Before the process: a control plane that dies in between must not start the container twice.
            let record: JSONValue = ["number": .integer(number), "startedAt": .string(run.startedAt.rfc3339)]
            try StateFiles.replace(runFile(name), Array(JSON.encode(record).utf8))
            do {
                _ = try ProcessLauncher.start(launch)
            } catch {
                StateFiles.append("\(run.prefix).log", "\(error)\n")
                run.record(code: 128)
                return ended(container, run, code: 128)
            }
        } catch let problem as PodProblem {
            var outcome = waiting(container, problem.reason, problem.message)
            outcome.problem = problem
            return outcome
        } catch {
            var outcome = waiting(container, "CreateContainerError", "\(error)")
            outcome.problem = PodProblem(reason: "CreateContainerError", message: "\(error)")
            return outcome
        }
        return Outcome(status: status(container, run, state: ["running": ["startedAt": run.startedAt.kubernetes]], isRunning: true), isRunning: true)
    }

    private func ended(_ container: JSONValue, _ run: ContainerRun, code: Int32) -> Outcome {
        let wasLost = StateFiles.exists("\(run.prefix).lost")
        let policy = pod.at("spec", "restartPolicy")?.stringValue ?? "Always"
        let restarts = !pod.isBeingDeleted && (policy == "Always" || (policy == "OnFailure" && code != 0))
        guard restarts else {
            var outcome = Outcome(status: status(container, run, state: ["terminated": terminated(container, run, code)], isRunning: false), finalCode: code)
            outcome.wasLost = wasLost
            return outcome
        }
        let wait = min(restartDelay * (1 << min(run.number, 8)), .seconds(300))
        if let ended = run.endedAt, api.now - ended >= wait { return start(container, number: run.number + 1) }
        let state: JSONValue = [
            "waiting": ["reason": "CrashLoopBackOff", "message": .string("the container is started again \(wait.components.seconds)s after it ended")]
        ]
        return Outcome(status: status(container, run, state: state, isRunning: false))
    }

    // MARK: Status

    private func status(_ container: JSONValue, _ run: ContainerRun?, state: JSONValue, isRunning: Bool) -> JSONValue {
        let name = container["name"]?.stringValue ?? ""
        var status: JSONValue = [
            "name": .string(name), "image": container["image"] ?? "", "imageID": "", "ready": .bool(isRunning), "started": .bool(isRunning),
            "restartCount": .integer(run?.number ?? 0), "state": state, "lastState": [:],
        ]
        guard let run else { return status }
        if let process = run.process { status["containerID"] = .string("process://\(process)") }
        // While it waits to be started again, the run is already the last one.
        let isBetweenRuns = state["waiting"] != nil
        if let last = isBetweenRuns ? run : previous(run), case let .ended(code) = last.state(now: api.now) {
            status["lastState"] = ["terminated": terminated(container, last, code)]
        }
        return status
    }

    private func previous(_ run: ContainerRun) -> ContainerRun? {
        guard run.number > 0 else { return nil }
        let directory = run.prefix.dropLast("/\(run.number)".count)
        return ContainerRun(prefix: "\(directory)/\(run.number - 1)", number: run.number - 1, startedAt: run.startedAt)
    }

    private func terminated(_ container: JSONValue, _ run: ContainerRun, _ code: Int32) -> JSONValue {
        var state: JSONValue = ["exitCode": .integer(Int64(code)), "reason": .string(reason(run, code)), "startedAt": run.startedAt.kubernetes]
        state["finishedAt"] = (run.endedAt ?? api.now).kubernetes
        if let process = run.process { state["containerID"] = .string("process://\(process)") }
        let message = terminationMessage(container, run, code)
        if !message.isEmpty { state["message"] = .string(message) }
        return state
    }

    private func reason(_ run: ContainerRun, _ code: Int32) -> String {
        if StateFiles.exists("\(run.prefix).lost") { return "ContainerStatusUnknown" }
        return code == 0 ? "Completed" : code == 128 ? "StartError" : "Error"
    }

    private static let messageLimit = 4096

    private func terminationMessage(_ container: JSONValue, _ run: ContainerRun, _ code: Int32) -> String {
        if StateFiles.exists("\(run.prefix).lost") {
            return "The process ended while no control plane was watching it; its exit code is not known"
        }
        let content = (try? StateFiles.read("\(run.prefix).message")) ?? []
        if !content.isEmpty { return String(decoding: content.prefix(Self.messageLimit), as: UTF8.self) }
        guard code != 0, container["terminationMessagePolicy"]?.stringValue == "FallbackToLogsOnError" || code == 128 else { return "" }
        let log = (try? StateFiles.read("\(run.prefix).log")) ?? []
        return String(decoding: log.suffix(2048), as: UTF8.self)
    }
}

extension StateFiles {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func touch(_ path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        if file >= 0 { close(file) }
    }

    static func append(_ path: String, _ text: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        try? writeAll(file, Array(text.utf8), path: path)
        close(file)
    }
}
