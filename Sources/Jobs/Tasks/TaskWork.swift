import Base
import DeltaEngine

/// A kind of work that a worker knows, and its parameters: what stands in the task's JSON under the kind's name.
public protocol TaskWork: Codable, Hashable, Sendable {
    /// As a TableOperation's spec names it, too.
    static var name: String { get }
    /// Whether it changes a table; what does not may go on beside writers that are not safe.
    static var commits: Bool { get }

    /// The table that it changes: the task's, if it does not say otherwise.
    func committed(_ run: TaskRun) throws -> DeltaTable

    /// Does it, by the engine's operation for it, and says what happened in the words of the status.
    func run(_ run: TaskRun) async throws -> TaskResult
}

extension TaskWork {
    public static var commits: Bool { true }

    public func committed(_ run: TaskRun) throws -> DeltaTable { run.table }
}

extension WorkerTask {
    /// What is to be done, of whatever kind. In JSON an object with one member, by the kind's name.
    public struct Work: Sendable {
        /// Every kind there is.
        static let kinds: [any TaskWork.Type] = [
            OptimizeWork.self, VacuumWork.self, CheckpointWork.self, DeleteWork.self, RestoreWork.self, ReorgWork.self, RepairWork.self,
            CompactLogWork.self, LogCleanupWork.self, ComputeStatisticsWork.self, GenerateManifestWork.self, CloneWork.self, ConvertWork.self,
            CreateTableWork.self, SetPropertiesWork.self, ProbeWork.self,
        ]

        public let value: any TaskWork

        public init(_ value: any TaskWork) { self.value = value }
    }
}

extension WorkerTask.Work: Hashable {
    public static func == (left: Self, right: Self) -> Bool { AnyHashable(left.value) == AnyHashable(right.value) }

    public func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
}

extension WorkerTask.Work: Codable {
    fileprivate struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        let named = Self.kinds.filter { values.contains(Key($0.name)) }
        guard named.count == 1, let kind = named.first else {
            let names = Self.kinds.map { $0.name }
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "must have exactly one of \(names.dropLast().joined(separator: ", ")) and \(names.last ?? "")"))
        }
        value = try Self.decode(kind, from: values)
    }

    private static func decode<Kind: TaskWork>(_ kind: Kind.Type, from values: KeyedDecodingContainer<Key>) throws -> any TaskWork {
        try values.decode(kind, forKey: Key(kind.name))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(value, forKey: Key(type(of: value).name))
    }
}
