import Base
import KubeClient

/// What `levee operator` is told.
public struct OperatorOptions: Sendable {
    /// The namespaces to look after; empty: all of them.
    public var namespaces: [String] = []
    /// What of the process's own it may use for profiles.
    public var reach = OperatorReach()
    /// The image that worker pods run.
    public var workerImage: String
    /// Before the arguments `worker --task …`; empty: the image's entry point.
    public var workerCommand: [String] = ["levee"]
    /// nil: Kubernetes' default for the image's tag.
    public var workerImagePullPolicy: String?
    /// Where people find workers' logs, besides `kubectl logs`.
    public var logLinks = LogLinks.none
    /// Where metrics are served, as `:8080` or `127.0.0.1:8080`; nil: nowhere.
    public var metricsAddress: String?
    /// Where `/healthz` and `/readyz` are served; nil: nowhere.
    public var healthAddress: String?
    /// How many requests it sends to the API server at most; nil: no limit of its own.
    public var requestRate: RequestRate?
    /// How often everything is looked at again though nothing has changed; nil: never.
    public var resyncPeriod: Duration? = .seconds(36_000)
    /// How many objects of a kind are reconciled at once.
    public var workers = 8
    /// How many tables are read at once.
    public var concurrentObservations = 8

    public init(workerImage: String) { self.workerImage = workerImage }
}

/// What of its own the operator's process uses for people's profiles: by default nothing.
public struct OperatorReach: Sendable, Hashable {
    /// Accept StorageProfiles without a claim, which mean directories of this machine. Only for `levee dev`, where pods are processes of this machine.
    public var hostFilesystem: Bool
    /// Open the stores of profiles without credentials with the identity of this process. Everybody who may write a profile then sees what it may see.
    public var ownIdentity: Bool

    public init(hostFilesystem: Bool = false, ownIdentity: Bool = false) {
        self.hostFilesystem = hostFilesystem
        self.ownIdentity = ownIdentity
    }
}

/// An address to listen on.
struct ListenAddress: Hashable, Sendable {
    var host: String
    var port: Int

    init(_ text: String) throws(OperatorError) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port) else {
            throw .badAddress(text)
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.host = host.isEmpty ? "0.0.0.0" : String(host)
        self.port = port
    }
}

/// Why the operator cannot run.
public enum OperatorError: Error, Sendable, Hashable, CustomStringConvertible {
    case badAddress(String)

    public var description: String {
        switch self {
        case let .badAddress(text): "`\(text)` is no address to listen on; write it as :8080 or 127.0.0.1:8080"
        }
    }
}
