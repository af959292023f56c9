import Base

/// How far a run is. A worker prints it as one line of JSON at a time; the operator reads the last one from the pod's log.
public struct TaskProgress: Codable, Hashable, Sendable {
    /// What the worker does now, in a word or two.
    public var step: String
    public var filesDone: Int64
    public var filesTotal: Int64
    public var bytesDone: Int64
    public var bytesTotal: Int64

    public init(step: String, filesDone: Int64 = 0, filesTotal: Int64 = 0, bytesDone: Int64 = 0, bytesTotal: Int64 = 0) {
        self.step = step
        self.filesDone = filesDone
        self.filesTotal = filesTotal
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }

    /// What marks a line of the log as progress, before any parsing.
    private static let mark = "{\"levee\":\"progress\","

    /// One line, without its end.
    public var line: String {
        var value = JSONValue.object(["levee": "progress"])
        value["step"] = .string(step)
        value["filesDone"] = .integer(filesDone)
        value["filesTotal"] = .integer(filesTotal)
        value["bytesDone"] = .integer(bytesDone)
        value["bytesTotal"] = .integer(bytesTotal)
        return JSON.encode(value)
    }

    /// nil where the line is something else.
    public init?(line: some StringProtocol) {
        guard line.hasPrefix(Self.mark), let progress = try? JSON.decode(TaskProgress.self, from: Bytes(String(line))) else { return nil }
        self = progress
    }

    /// For people: `120/400 files`.
    public var summary: String {
        filesTotal > 0 ? "\(filesDone)/\(filesTotal) files" : step
    }
}
