import Base
import Glibc
import HTTP

/// `GET …/pods/NAME/log`: what a container wrote, as far as it has, or as it writes it.
struct PodLogs: Sendable {
    let directories: PodDirectories
    let store: ClusterStore
    let clock: any WallClock

    func response(to request: ServerRequest, pod: JSONValue) throws(APIError) -> ServerResponse {
        let container = try container(request.parameter("container") ?? "", pod)
        let statuses = (pod.at("status", "containerStatuses")?.arrayValue ?? []) + (pod.at("status", "initContainerStatuses")?.arrayValue ?? [])
        guard let status = statuses.first(where: { $0["name"]?.stringValue == container }) else {
            throw .badRequest("container \"\(container)\" in pod \"\(pod.name)\" is waiting to start: ContainerCreating")
        }
        var run = status["restartCount"]?.intValue ?? 0
        if request.parameter("previous") == "true" {
            run -= 1
            if run < 0 { throw .badRequest("previous terminated container \"\(container)\" in pod \"\(pod.name)\" not found") }
        } else if status.at("state", "waiting") != nil {
            // Between two runs there is the last one to read.
            guard run > 0 || status.at("lastState", "terminated") != nil else {
                let reason = status.at("state", "waiting", "reason")?.stringValue ?? "ContainerCreating"
                throw .badRequest("container \"\(container)\" in pod \"\(pod.name)\" is waiting to start: \(reason)")
            }
        }
        let path = directories.log(pod.uid, container, run: run)
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw APIError(code: 404, reason: "NotFound", message: "the log of container \"\(container)\" in pod \"\(pod.name)\" is gone: \(path)")
        }
        let key = StoredKey(resource: "pods", namespace: pod.namespace, name: pod.name)
        let stream = LogStream(file: file, options: LogStream.Options(request), clock: clock) { [store, run] in
            Self.isRunning(container, key, uid: pod.uid, run: run, store)
        }
        return ServerResponse(status: 200, headers: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache, private"], body: .stream(stream))
    }

    private func container(_ name: String, _ pod: JSONValue) throws(APIError) -> String {
        let all = ((pod.at("spec", "containers")?.arrayValue ?? []) + (pod.at("spec", "initContainers")?.arrayValue ?? [])).compactMap {
            $0["name"]?.stringValue
        }
        if name.isEmpty {
            let main = (pod.at("spec", "containers")?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            if let only = main.first, main.count == 1 { return only }
            throw .badRequest("a container name must be specified for pod \(pod.name), choose one of: [\(main.joined(separator: " "))]")
        }
        guard all.contains(name) else { throw .badRequest("container \(name) is not valid for pod \(pod.name)") }
        return name
    }

    private static func isRunning(_ container: String, _ key: StoredKey, uid: String, run: Int64, _ store: ClusterStore) -> Bool {
        guard let pod = store.get(key), pod.uid == uid else { return false }
        let statuses = (pod.at("status", "containerStatuses")?.arrayValue ?? []) + (pod.at("status", "initContainerStatuses")?.arrayValue ?? [])
        let status = statuses.first { $0["name"]?.stringValue == container }
        return status?["restartCount"]?.intValue ?? 0 == run && status?.at("state", "running") != nil
    }
}

/// Reads a log file to its end, or follows it until its container ends.
final class LogStream: ResponseStream {
    struct Options: Sendable {
        let follows: Bool
        let tailLines: Int?
        let limitBytes: Int?

        init(_ request: ServerRequest) {
            follows = request.parameter("follow") == "true"
            tailLines = request.parameter("tailLines").flatMap { Int($0) }
            limitBytes = request.parameter("limitBytes").flatMap { Int($0) }
        }
    }

    private struct State {
        var offset: off_t = 0
        var sent = 0
        var isStarted = false
    }

    /// How often a followed log is looked at.
    private static let pollInterval = Duration.milliseconds(100)
    private static let chunkSize = 1 << 16

    private let file: Int32
    private let options: Options
    private let clock: any WallClock
    private let isRunning: @Sendable () -> Bool
    private let state = Lock(State())

    init(file: Int32, options: Options, clock: any WallClock, isRunning: @escaping @Sendable () -> Bool) {
        self.file = file
        self.options = options
        self.clock = clock
        self.isRunning = isRunning
    }

    func next() async -> Bytes? {
        if !state.withLock({ $0.isStarted }), let lines = options.tailLines {
            let start = startOfTail(lines)
            state.withLock { $0.offset = start }
        }
        state.withLock { $0.isStarted = true }
        while !Task.isCancelled {
            // Asked before reading, so that what the container wrote last is read.
            let isRunning = isRunning()
            if let bytes = readMore() { return bytes }
            if !options.follows || !isRunning || isLimitReached { return nil }
            do { try await clock.sleep(for: Self.pollInterval) } catch { return nil }
        }
        return nil
    }

    func closed() { close(file) }

    private var isLimitReached: Bool { options.limitBytes.map { limit in state.withLock { $0.sent >= limit } } ?? false }

    private func readMore() -> Bytes? {
        state.withLock { state -> Bytes? in
            let room = min(Self.chunkSize, options.limitBytes.map { $0 - state.sent } ?? Self.chunkSize)
            guard room > 0 else { return nil }
            let offset = state.offset
            let bytes = Bytes(capacity: room) { max(0, pread(file, $0.baseAddress, room, offset)) }
            if bytes.isEmpty { return nil }
            state.offset += off_t(bytes.count)
            state.sent += bytes.count
            return bytes
        }
    }

    /// Where the last `lines` lines begin.
    private func startOfTail(_ lines: Int) -> off_t {
        let end = lseek(file, 0, SEEK_END)
        var position = end
        var found = 0
        var buffer = [UInt8](repeating: 0, count: Self.chunkSize)
        while position > 0 {
            let start = max(0, position - off_t(Self.chunkSize))
            let count = pread(file, &buffer, Int(position - start), start)
            if count <= 0 { return 0 }
            for index in stride(from: count - 1, through: 0, by: -1) where buffer[index] == UInt8(ascii: "\n") {
                let place = start + off_t(index)
                // The line feed at the very end closes the last line.
                if place == end - 1 { continue }
                found += 1
                if found >= lines { return lines == 0 ? end : place + 1 }
            }
            position = start
        }
        return lines == 0 ? end : 0
    }
}
