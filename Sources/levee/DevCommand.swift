import Base
import DevCluster
import Glibc
import KubeClient
import Operator

/// `levee dev`: a control plane on this machine.
enum DevCommand {
    private static let dataDirectory = Option<String>.text("data-dir", "DIR", "where its state is kept, made if missing (default .levee-dev)")
    private static let port = Option<Int64>.integer("port", "N", atLeast: 0, "the port to listen on, on 127.0.0.1 only (default the last one, or a free one)")
    private static let withoutOperator = Option<Bool>.flag("no-operator", "run the control plane alone; start `levee operator` beside it")

    static let command = Command(
        name: "dev", summary: "run a Kubernetes control plane on this machine, with the operator in it",
        discussion: """
            For laptops and tests: an API server for kubectl on loopback, and Jobs that run as processes of this machine. Containers are not isolated:
            images, resources and security contexts are ignored, and a pod may do what you may do. The state survives restarts; delete the directory to start afresh.
            """,
        options: [dataDirectory, port, withoutOperator],
        examples: ["levee dev --data-dir .dev", "export KUBECONFIG=$PWD/.dev/kubeconfig && kubectl get levee"]
    ) { arguments, console in
        let signals = try Signals.watch([SIGTERM, SIGINT])
        let logger = Logger(label: "levee.dev", sink: StandardErrorSink(format: .text))
        var options = DevCluster.Options(dataDirectory: arguments[dataDirectory] ?? ".levee-dev", workerBinary: try runningProgram())
        options.port = arguments[port].map(Int.init)
        options.customResourceDefinitions = try CustomResourceDefinitions.all.flatMap { try YAML.parseAll(Bytes($0)) }
        let cluster = try await DevCluster.start(options, logger: logger)
        switch console.format {
        case .text: try console.print("export KUBECONFIG=\(cluster.kubeconfigPath)\n")
        case .json: try console.print(JSON.encode(["kubeconfig": .string(cluster.kubeconfigPath), "server": .string(cluster.address)]) + "\n")
        }
        let leveeOperator = arguments[withoutOperator] ? nil : try runOperator(cluster, logger.labelled("levee.operator"))
        for await _ in signals { break }
        leveeOperator?.cancel()
        await leveeOperator?.value
        await cluster.stop()
    }

    /// The operator as `levee operator` runs it, against the control plane in this process; tables may be directories of the machine.
    private static func runOperator(_ cluster: DevCluster, _ logger: Logger) throws -> Task<Void, Never> {
        let configuration = try KubeConfiguration.load(kubeconfig: cluster.kubeconfigPath, environment: [:])
        var options = OperatorOptions(workerImage: "levee")
        options.reach = OperatorReach(hostFilesystem: true)
        return Task {
            do {
                try await OperatorCommand.run(configuration, options, logger)
            } catch is CancellationError {
            } catch {
                logger.error("the operator has ended", ["error": "\(error)"])
            }
        }
    }

    /// The path of this program's file, for the pods that run it too.
    private static func runningProgram() throws -> String {
        guard let path = realpath("/proc/self/exe", nil) else { throw DevCommandError.unknownProgram(errno) }
        defer { free(path) }
        return String(cString: path)
    }
}

enum DevCommandError: Error, CustomStringConvertible {
    case unknownProgram(Int32)

    var description: String {
        switch self {
        case .unknownProgram(let code): "cannot find this program's file through /proc/self/exe: \(String(cString: strerror(code)))"
        }
    }
}
