import Base
import DeltaEngine
import KubeClient
import ObjectStore

/// An error of the engine, the storage or a spec, as a state for a status.
struct Failure: Hashable, Sendable {
    var reason: ConditionReason
    var message: String
    /// Whether it stays until a person changes something.
    var needsPerson: Bool

    init(_ error: any Error) {
        switch error {
        case let error as Obstacle: self.init(error.reason, error.message, needsPerson: error.needsPerson)
        case let error as InvalidSpec: self.init(.invalidSpec, error.description, needsPerson: true)
        case let error as DeltaError: self.init(error)
        case let error as ObjectStoreError: self.init(error)
        default: self.init(.storageFailed, "\(error)", needsPerson: false)
        }
    }

    /// Whether it is about who asks, and says nothing of what is asked for.
    var isOfCredentials: Bool { [.invalidCredentials, .secretNotFound, .invalidSecret, .secretForbidden].contains(reason) }

    private init(_ error: DeltaError) {
        switch error {
        case .notATable: self.init(.notATable, error.description, needsPerson: true)
        case .corruptCommit, .corruptCheckpoint, .corruptLog, .missingCommit, .invalidMetadata, .unsupportedPath:
            self.init(.corruptLog, error.description, needsPerson: true)
        case .unsupportedFeature, .unsupportedProtocol, .unsupportedType: self.init(.unsupportedFeature, error.description, needsPerson: true)
        case let .storage(error): self.init(error)
        default: self.init(.storageFailed, error.description, needsPerson: error.kind != .retryable)
        }
    }

    private init(_ error: ObjectStoreError) {
        switch error {
        case .invalidCredentials: self.init(.invalidCredentials, error.description, needsPerson: true)
        case .containerNotFound: self.init(.unreachable, error.description, needsPerson: true)
        case .noConditionalWrites: self.init(.noConditionalWrites, error.description, needsPerson: true)
        case .permissionDenied: self.init(.permissionDenied, error.description, needsPerson: true)
        case .outOfSpace: self.init(.outOfSpace, error.description, needsPerson: true)
        case .unsupportedLocation: self.init(.unsupportedLocation, error.description, needsPerson: true)
        case .notFound: self.init(.corruptLog, error.description, needsPerson: true)
        default: self.init(.storageFailed, error.description, needsPerson: !error.isRetryable)
        }
    }

    private init(_ reason: ConditionReason, _ message: String, needsPerson: Bool) {
        self.reason = reason
        self.message = message
        self.needsPerson = needsPerson
    }
}
