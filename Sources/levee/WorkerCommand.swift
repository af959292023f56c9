import Base
import DeltaEngine
import Glibc
import Jobs
import ObjectStore

/// `levee worker`: what a TableOperation's pod runs.
enum WorkerCommand {
    private static let taskFile = Option<String>.text("task-file", "FILE", "the task, as JSON in a file")
    private static let task = Option<String>.text("task", "JSON", "the task, as JSON")

    static let command = Command(
        name: "worker", summary: "carry out one operation, as the pods of TableOperations do",
        discussion: """
            The operator makes the task. Progress goes to standard output as lines of JSON; the result to the file that LEVEE_TERMINATION_MESSAGE names
            (default /dev/termination-log). Exit codes: 0 done, 3 try again, 4 trying again cannot help, 143 ended by a signal.
            """,
        options: [taskFile, task], handlesSignals: true
    ) { arguments, _ in
        let signals = try Signals.watch([SIGTERM, SIGINT])
        let worker = Worker(surroundings())
        let work = Task { () -> WorkerExit in
            do throws(WorkerError) {
                return await worker.run(try WorkerTask(json: try text(arguments)))
            } catch {
                return worker.refuse(error)
            }
        }
        Task {
            for await _ in signals { work.cancel() }
        }
        exit(await work.value.rawValue)
    }

    private static func text(_ arguments: Arguments) throws(WorkerError) -> Bytes {
        switch (arguments[task], arguments[taskFile]) {
        case let (text?, nil): return Bytes(text)
        case let (nil, path?):
            guard let bytes = contents(of: path) else { throw .badTask(reason: "\(path): \(String(cString: strerror(errno)))") }
            return bytes
        default: throw .badTask(reason: "give either --task or --task-file")
        }
    }

    private static func surroundings() -> Worker.Surroundings {
        let resources = AvailableResources.current()
        let logger = Logger(label: "levee.worker", sink: StandardErrorSink(format: .text))
        return Worker.Surroundings(
            stores: StoreFactory(executor: BlockingExecutor(threads: max(4, resources.cpuCount * 2), name: "levee-io")),
            environment: ProcessEnvironment.current,
            engine: EngineEnvironment(
                logger: logger, parallelism: resources.cpuCount, memoryBudget: resources.memoryLimit / 2, engineInfo: "Levee/\(Levee.version)"),
            terminationMessagePath: environmentVariable("LEVEE_TERMINATION_MESSAGE") ?? "/dev/termination-log"
        ) { line in
            var text = line + "\n"
            // One write a line: the log's readers see whole lines.
            text.withUTF8 { bytes in _ = write(STDOUT_FILENO, bytes.baseAddress, bytes.count) }
        }
    }

    private static func contents(of path: String) -> Bytes? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { break }
            all += piece[..<count]
        }
        return ferror(file) == 0 ? Bytes(all) : nil
    }
}
