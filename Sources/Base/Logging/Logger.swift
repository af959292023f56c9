/// A value that can stand in a log record. Booleans and numbers stay what they are in JSON, everything else becomes text.
public typealias LogField = any CustomStringConvertible & Sendable

public enum LogLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    case debug, info, warning, error

    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.severity < right.severity }

    private var severity: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}

/// Writes structured records: a constant message and fields that say what it was about. Never put a credential into either.
public struct Logger: Sendable {
    /// Says nothing.
    public static let none = Logger(label: "", sink: SilentSink(), minimum: .error, isSilent: true)

    public let label: String
    private let sink: any LogSink
    private let minimum: LogLevel
    private let fields: [String: LogField]
    private let isSilent: Bool

    /// - Parameters:
    ///   - label: the part of the program that speaks.
    ///   - minimum: records below it are dropped.
    ///   - fields: stand in every record.
    public init(label: String, sink: any LogSink, minimum: LogLevel = .info, fields: [String: LogField] = [:]) {
        self.init(label: label, sink: sink, minimum: minimum, fields: fields, isSilent: false)
    }

    private init(label: String, sink: any LogSink, minimum: LogLevel, fields: [String: LogField] = [:], isSilent: Bool) {
        self.label = label
        self.sink = sink
        self.minimum = minimum
        self.fields = fields
        self.isSilent = isSilent
    }

    /// A logger that adds these fields to each record; the new ones win.
    public func with(_ fields: [String: LogField]) -> Logger {
        Logger(label: label, sink: sink, minimum: minimum, fields: self.fields.merging(fields) { $1 }, isSilent: isSilent)
    }

    /// The same logger under another label.
    public func labelled(_ label: String) -> Logger {
        Logger(label: label, sink: sink, minimum: minimum, fields: fields, isSilent: isSilent)
    }

    /// Whether a record of that level would be written, for those whose fields are dear to make.
    public func isEnabled(_ level: LogLevel) -> Bool { !isSilent && level >= minimum }

    public func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [String: LogField] = [:]) { log(.debug, message, fields) }
    public func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [String: LogField] = [:]) { log(.info, message, fields) }
    public func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [String: LogField] = [:]) { log(.warning, message, fields) }
    public func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [String: LogField] = [:]) { log(.error, message, fields) }

    private func log(_ level: LogLevel, _ message: () -> String, _ fields: () -> [String: LogField]) {
        guard isEnabled(level) else { return }
        sink.write(LogRecord(level: level, label: label, message: message(), fields: self.fields.merging(fields()) { $1 }))
    }
}

/// What a sink is given.
public struct LogRecord: Sendable {
    public let level: LogLevel
    public let label: String
    public let message: String
    public let fields: [String: LogField]
}

/// Where records go.
public protocol LogSink: Sendable {
    func write(_ record: LogRecord)
}

private struct SilentSink: LogSink {
    func write(_ record: LogRecord) {}
}
