import Base
import Jobs

extension TableOperationSpec {
    /// What its worker is to do. Throws where the spec names nothing, or says it in a way that cannot be understood.
    func work() throws(InvalidSpec) -> any TaskWork {
        let members: [(any OperationMember)?] = [
            optimize, vacuum, checkpoint, delete, restore, reorg, repair, compactLog, logCleanup, computeStatistics, generateManifest,
            clone, convert, createTable, setProperties,
        ]
        guard let member = members.compactMap(\.self).first else {
            throw InvalidSpec(
                field: "optimize", message: "the operation has nothing to do; set one (`kubectl explain tableoperation.spec` lists them) in a new operation")
        }
        return try member.work()
    }
}

/// A member of a TableOperation's spec that says what to do.
private protocol OperationMember {
    func work() throws(InvalidSpec) -> any TaskWork
}

extension TableOperationSpec.Optimize: OperationMember {
    fileprivate func work() throws(InvalidSpec) -> any TaskWork {
        OptimizeWork(
            targetFileSize: try SpecText.optional(targetFileSize, "optimize.targetFileSize", SpecText.fileSize), condition: self.where,
            maximumBytes: try SpecText.optional(maxBytes, "optimize.maxBytes", SpecText.bytes),
            maximumCommitBytes: try SpecText.optional(maxBytesPerCommit, "optimize.maxBytesPerCommit", SpecText.bytes),
            minimumFiles: minFiles.map(Int.init), zOrderBy: zOrderBy, curve: curve.map { $0 == .hilbert ? "hilbert" : "zorder" }, isFull: full)
    }
}

extension TableOperationSpec.Vacuum: OperationMember {
    fileprivate func work() throws(InvalidSpec) -> any TaskWork {
        VacuumWork(
            retentionSeconds: try SpecText.optional(retention, "vacuum.retention", SpecText.duration)?.components.seconds,
            allowShortRetention: allowShortRetention, lite: mode == .lite, inventory: inventory?.location,
            maximumDeletesPerSecond: maxDeletesPerSecond.map(Int.init),
            keepFor: keepFor.isEmpty ? nil : keepFor, forgetClones: forgetClones.isEmpty ? nil : forgetClones)
    }
}

extension TableOperationSpec.Checkpoint: OperationMember {
    fileprivate func work() -> any TaskWork { CheckpointWork() }
}

extension TableOperationSpec.Delete: OperationMember {
    fileprivate func work() -> any TaskWork { DeleteWork(condition: self.where) }
}

extension TableOperationSpec.Restore: OperationMember {
    fileprivate func work() -> any TaskWork { RestoreWork(version: version, timestamp: timestamp, allowMissing: allowMissing) }
}

extension TableOperationSpec.Clone: OperationMember {
    fileprivate func work() throws(InvalidSpec) -> any TaskWork {
        CloneWork(target: target.location, mode: mode == .deep ? "deep" : "shallow", version: version, timestamp: timestamp, replace: replace)
    }
}

extension TableOperationSpec.Convert: OperationMember {
    fileprivate func work() -> any TaskWork {
        ConvertWork(partitionBy: partitionBy.isEmpty ? nil : partitionBy, collectsStatistics: statistics, mapsNames: nameMapping)
    }
}

extension TableOperationSpec.CreateTable: OperationMember {
    /// Linux takes 128 KiB in one argument, and the task is one.
    private static let largestTask = 120_000

    fileprivate func work() throws(InvalidSpec) -> any TaskWork {
        let work = CreateTableWork(
            schema: schema.map { .init(name: $0.name, type: $0.type, nullable: $0.nullable, comment: $0.comment) }, partitionBy: partitionBy ?? [],
            clusterBy: clusterBy ?? [], properties: properties ?? [:], tableName: name, description: description)
        let size = (try? JSON.value(of: work)).map { JSON.encode($0).utf8.count } ?? .max
        guard size <= Self.largestTask else {
            throw InvalidSpec(
                field: "createTable",
                message: "its \(schema.count) columns take \(size) bytes, and a pod's argument holds \(Self.largestTask): "
                    + "make the table with `levee table create`")
        }
        return work
    }
}

extension TableOperationSpec.SetProperties: OperationMember {
    fileprivate func work() -> any TaskWork { SetPropertiesWork(set: set ?? [:], unset: unset ?? []) }
}

extension TableOperationSpec.Reorg: OperationMember {
    fileprivate func work() throws(InvalidSpec) -> any TaskWork {
        ReorgWork(condition: self.where, maximumBytes: try SpecText.optional(maxBytes, "reorg.maxBytes", SpecText.bytes))
    }
}

extension TableOperationSpec.Repair: OperationMember {
    fileprivate func work() -> any TaskWork { RepairWork(lostVectors: lostVectors.workerName, allowManyMissing: allowManyMissing) }
}

extension TableOperationSpec.CompactLog: OperationMember {
    fileprivate func work() -> any TaskWork { CompactLogWork(from: from, to: to, commitsPerFile: commitsPerFile) }
}

extension TableOperationSpec.LogCleanup: OperationMember {
    fileprivate func work() -> any TaskWork { LogCleanupWork() }
}

extension TableOperationSpec.ComputeStatistics: OperationMember {
    fileprivate func work() -> any TaskWork { ComputeStatisticsWork(condition: self.where, missingOnly: missingOnly) }
}

extension TableOperationSpec.GenerateManifest: OperationMember {
    fileprivate func work() -> any TaskWork { GenerateManifestWork() }
}

extension TableOperationSpec.Repair.LostVectors {
    /// As the engine's command line and tasks call it.
    fileprivate var workerName: String {
        switch self {
        case .keep: "keep"
        case .removeFile: "remove-file"
        case .restoreRows: "restore-rows"
        }
    }
}
