/// How far an operation is, for a progress line or a status.
public struct OperationProgress: Sendable, Hashable {
    public enum Phase: String, Sendable {
        case planning
        case listing
        case reading
        case rewriting
        case writing
        case deleting
        case committing
    }

    public var phase: Phase
    public var filesDone: Int64
    /// 0 where it is not known.
    public var filesTotal: Int64
    public var bytesDone: Int64
    /// 0 where it is not known.
    public var bytesTotal: Int64

    public init(phase: Phase, filesDone: Int64 = 0, filesTotal: Int64 = 0, bytesDone: Int64 = 0, bytesTotal: Int64 = 0) {
        self.phase = phase
        self.filesDone = filesDone
        self.filesTotal = filesTotal
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }
}

/// Told of progress now and then, from any thread, one call at a time. It should return promptly: the operation waits for it.
public typealias ProgressReporter = @Sendable (OperationProgress) -> Void
