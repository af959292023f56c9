import Base
import DeltaEngine
import Jobs
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

@Suite struct OperationTests {
    private static func harness(smallFiles: Int64 = 300) throws -> Harness {
        let harness = Harness()
        try harness.addProfile()
        try harness.addTable(smallFiles: smallFiles)
        return harness
    }

    @Test func anOperationRunsAndStaysAsTheRecord() async throws {
        let harness = try Self.harness()
        try harness.addOperation()
        await harness.steps(4)
        let operation = try #require(harness.operation("run"))
        let status = try #require(operation.status)
        #expect(operation.phase == .succeeded)
        #expect(status.type == .optimize && status.table == "orders" && status.location == Harness.location)
        #expect(status.transaction == .init(appId: "levee.dev/lake/orders", version: 1))
        #expect(status.result?.version == 1 && status.result?.metrics?["numFilesRemoved"] == 300)
        #expect(status.message == "merged")
        #expect(status.duration != nil && status.startTime != nil && status.completionTime != nil)
        #expect(status.conditions?.isTrue("Complete") == true && status.conditions?.isTrue("Ready") == true)
        #expect(status.conditions?["Reconciling"] == nil && status.conditions?["Failed"] == nil)
        #expect(status.observedGeneration == operation.metadata.generation)
        #expect(harness.cluster.events.contains("Normal TableOperation/run Succeeded"))
    }

    /// No policy asks for it, so nothing of it is kept with the policies' tasks.
    @Test func aDeleteIsAnOperationOfItsOwnType() async throws {
        let harness = try Self.harness()
        try harness.addOperation("erase", #"{"tableRef":{"name":"orders"},"delete":{"where":"customer = 7"}}"#)
        let operation = try #require(harness.operation("erase"))
        #expect(operation.type == .delete && operation.task == nil)
        await harness.steps(4)
        #expect(harness.operation("erase")?.status?.type == .delete)
        #expect(harness.operation("erase")?.phase == .succeeded)
        for task in MaintenanceTask.allCases { #expect(OperationType(rawValue: task.rawValue) != nil) }
    }

    @Test func aRestoreTellsItsWorkerWhatToRestore() async throws {
        let harness = try Self.harness()
        try harness.addOperation("back", #"{"tableRef":{"name":"orders"},"restore":{"timestamp":"2026-03-01T06:00:00Z","allowMissing":true}}"#)
        await harness.steps(4)
        #expect(harness.operation("back")?.status?.type == .restore)
        let restore = RestoreWork(timestamp: Timestamp(rfc3339: "2026-03-01T06:00:00Z"), allowMissing: true)
        #expect(harness.ranTasks.map(\.work) == [.init(restore)])
    }

    @Test(
        arguments: [
            (#""compactLog":{"from":3,"to":9}"#, .compactLog, CompactLogWork(from: 3, to: 9)), (#""compactLog":{}"#, .compactLog, CompactLogWork()),
            (#""logCleanup":{}"#, .logCleanup, LogCleanupWork()), (#""generateManifest":{}"#, .generateManifest, GenerateManifestWork()),
            (#""computeStatistics":{"missingOnly":true,"where":"n = 1"}"#, .computeStatistics, ComputeStatisticsWork(condition: "n = 1", missingOnly: true)),
            (
                #""clone":{"target":{"location":"file:///lake/copy","storageRef":{"name":"lake"}},"mode":"Shallow","version":4}"#, .clone,
                CloneWork(target: "file:///lake/copy", mode: "shallow", version: 4)
            ),
            (
                #""clone":{"target":{"location":"file:///lake/copy","storageRef":{"name":"lake"}},"replace":true}"#, .clone,
                CloneWork(target: "file:///lake/copy", mode: "deep", replace: true)
            ),
            (#""convert":{"partitionBy":["day date"],"nameMapping":true}"#, .convert, ConvertWork(partitionBy: ["day date"], mapsNames: true)),
            (#""convert":{}"#, .convert, ConvertWork()),
            (#""setProperties":{"set":{"a":"b"},"unset":["c"]}"#, .setProperties, SetPropertiesWork(set: ["a": "b"], unset: ["c"])),
            (
                #""createTable":{"schema":[{"name":"id","type":"long","nullable":false},{"name":"day","type":"date"}],"partitionBy":["day"],"name":"t"}"#,
                .createTable,
                CreateTableWork(
                    schema: [.init(name: "id", type: "long", nullable: false), .init(name: "day", type: "date")], partitionBy: ["day"], tableName: "t")
            ),
            (
                #""vacuum":{"keepFor":["file:///lake/c"],"forgetClones":["file:///lake/d"]}"#, .vacuum,
                VacuumWork(keepFor: ["file:///lake/c"], forgetClones: ["file:///lake/d"])
            ),
            (#""vacuum":{"inventory":{"location":"file:///lake/i.parquet"}}"#, .vacuum, VacuumWork(inventory: "file:///lake/i.parquet")),
        ] as [(String, OperationType, any TaskWork)])
    func theLogsOperationsAreTranslated(member: String, type: OperationType, work: any TaskWork) async throws {
        let harness = try Self.harness()
        try harness.addOperation("run", "{\"tableRef\":{\"name\":\"orders\"},\(member)}")
        await harness.steps(4)
        #expect(harness.operation("run")?.status?.type == type && harness.operation("run")?.phase == .succeeded)
        #expect(harness.ranTasks.map(\.work) == [.init(work)])
    }

    @Test(arguments: [
        (#"{"location":"file:///elsewhere/copy","storageRef":{"name":"lake"}}"#, "LocationOutsideRoot"),
        (#"{"location":"file:///lake/copy","storageRef":{"name":"other"}}"#, "InvalidSpec"),
    ])
    func aCloneGoesNowhereButBelowItsProfile(target: String, reason: String) async throws {
        let harness = try Self.harness()
        try harness.addOperation("run", "{\"tableRef\":{\"name\":\"orders\"},\"clone\":{\"target\":\(target)}}")
        await harness.steps(4)
        #expect(harness.ranTasks.isEmpty && harness.operation("run")?.phase != .succeeded)
        #expect(harness.operation("run")?.status?.conditions?.contains { $0.reason == reason } ?? false)
    }

    private static let clone = #"{"tableRef":{"name":"orders"},"clone":{"target":{"location":"file:///lake/copy","storageRef":{"name":"lake"}}}}"#

    /// A clone commits to its target, which nobody need have made: there its number is looked for, and what a lost worker did.
    @Test func aClonesRunsAreNumberedAndFoundInItsTarget() async throws {
        let harness = try Self.harness()
        let target = "file:///lake/copy"
        harness.tables[target].failure = DeltaError.notATable(location: target)
        harness.tables[Harness.location].transactions = ["levee.dev/lake/orders": 7]
        try harness.addOperation("first", Self.clone)
        await harness.steps(2)
        #expect(harness.operation("first")?.status?.transaction == .init(appId: "levee.dev/lake/orders", version: 1))
        harness.tables[target].failure = nil
        await harness.steps(4)
        #expect(harness.operation("first")?.phase == .succeeded)
        harness.fate = .loses
        try harness.addOperation("second", Self.clone)
        await harness.steps(4)
        let second = try #require(harness.operation("second")?.status)
        #expect(second.transaction?.version == 2 && second.result?.version == 2)
        #expect(harness.tables[Harness.location].version == 0)
    }

    @Test func aCloneHasItsTargetToItself() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation("clone", Self.clone)
        await harness.steps(2)
        try harness.addOperation("other", #"{"location":"file:///lake/copy","storageRef":{"name":"lake"},"vacuum":{}}"#)
        await harness.steps(2)
        #expect(harness.operation("other")?.status?.message == "clone has the table")
    }

    @Test func aDirectoryIsConvertedThatIsNoTableYet() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        harness.tables["file:///lake/raw"].failure = DeltaError.notATable(location: "file:///lake/raw")
        try harness.addOperation("run", #"{"location":"file:///lake/raw","storageRef":{"name":"lake"},"convert":{}}"#)
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .running)
    }

    @Test func aTableIsMadeThatIsNotThereYet() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        harness.tables[Harness.location].failure = DeltaError.notATable(location: Harness.location)
        try harness.addOperation("run", #"{"tableRef":{"name":"orders"},"createTable":{"schema":[{"name":"id","type":"long"}]}}"#)
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .running)
        let columns = (0..<1000).map { "{\"name\":\"column\($0)\",\"type\":\"\(String(repeating: "x", count: 100))\"}" }.joined(separator: ",")
        try harness.addOperation("large", "{\"location\":\"file:///lake/l\",\"storageRef\":{\"name\":\"lake\"},\"createTable\":{\"schema\":[\(columns)]}}")
        await harness.steps(3)
        #expect(harness.operation("large")?.phase == .failed && harness.operation("large")?.status?.message?.contains("levee table create") == true)
    }

    @Test func anInventoryOutsideOfTheProfileIsRefused() async throws {
        let harness = try Self.harness()
        try harness.addOperation("run", #"{"tableRef":{"name":"orders"},"vacuum":{"inventory":{"location":"file:///elsewhere/inventory.parquet"}}}"#)
        await harness.steps(4)
        #expect(harness.ranTasks.isEmpty)
        #expect(harness.operation("run")?.status?.conditions?["Ready"]?.reason == "LocationOutsideRoot")
    }

    @Test func transactionsGrowFromRunToRun() async throws {
        let harness = try Self.harness()
        try harness.addOperation("a")
        await harness.steps(4)
        harness.tables[Harness.location].smallFiles = 10
        try harness.addOperation("b")
        await harness.steps(4)
        #expect(harness.operation("b")?.status?.transaction?.version == 2)
        #expect(harness.operation("b")?.status?.result?.version == 2)
    }

    @Test func oneOperationPerTableInTheOrderTheyCame() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        for name in ["c", "a", "b"] {
            try harness.addOperation(name)
            harness.clock.advance(by: .seconds(2))
        }
        await harness.steps(3)
        #expect(harness.operation("c")?.phase == .running)
        #expect(harness.operation("a")?.phase == .pending && harness.operation("b")?.phase == .pending)
        #expect(harness.operation("a")?.status?.message == "c has the table")
        #expect(harness.cluster.createdJobs.count == 1)
        harness.fate = .succeeds
        await harness.steps(10)
        #expect(harness.cluster.operations.allSatisfy { $0.phase == .succeeded })
        let started = harness.cluster.operations.sorted { ($0.status?.startTime ?? .epoch) < ($1.status?.startTime ?? .epoch) }.map(\.metadata.name)
        #expect(started == ["c", "a", "b"])
    }

    @Test func aTableByLocationIsTheSameTable() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation("a")
        await harness.steps(2)
        try harness.addOperation("b", #"{"location":"/lake/./orders/","storageRef":{"name":"lake"},"vacuum":{}}"#)
        await harness.steps(2)
        #expect(harness.operation("b")?.status?.message == "a has the table")
    }

    @Test func aSuspendedOperationWaitsAndIsInNobodysWay() async throws {
        let harness = try Self.harness()
        try harness.addOperation("a", #"{"tableRef":{"name":"orders"},"optimize":{},"suspend":true}"#)
        harness.clock.advance(by: .seconds(5))
        try harness.addOperation("b")
        await harness.steps(4)
        #expect(harness.operation("a")?.phase == .pending)
        #expect(harness.operation("b")?.phase == .succeeded)
        harness.cluster.edit { $0.operations[Harness.key("a")]?.spec.suspend = false }
        await harness.steps(4)
        #expect(harness.operation("a")?.phase == .succeeded)
    }

    @Test(arguments: [
        (#"{"tableRef":{"name":"nowhere"},"optimize":{}}"#, ConditionReason.tableNotFound),
        (#"{"location":"file:///lake/orders","storageRef":{"name":"nothing"},"optimize":{}}"#, .storageNotFound),
        (#"{"location":"file:///other/orders","storageRef":{"name":"lake"},"optimize":{}}"#, .locationOutsideRoot),
        (#"{"location":"file:///lake/../etc","storageRef":{"name":"lake"},"optimize":{}}"#, .locationOutsideRoot),
        (#"{"location":"s3://lake/orders","storageRef":{"name":"lake"},"optimize":{}}"#, .locationOutsideRoot),
        (#"{"location":"ftp://lake/orders","storageRef":{"name":"lake"},"optimize":{}}"#, .unsupportedLocation),
        (#"{"optimize":{}}"#, .invalidSpec),
    ])
    func whatCannotBeResolvedWaitsAndSaysWhy(spec: String, reason: ConditionReason) async throws {
        let harness = try Self.harness()
        try harness.addOperation("a", spec)
        await harness.steps(2)
        let status = try #require(harness.operation("a")?.status)
        #expect(status.phase == .pending)
        #expect(status.conditions?["Stalled"]?.reason == reason.rawValue)
        #expect(status.conditions?["Ready"]?.status == .false)
        #expect(status.message?.isEmpty == false)
        #expect(harness.cluster.createdJobs.isEmpty)
    }

    @Test func whatIsMendedGoesOn() async throws {
        let harness = Harness()
        try harness.addOperation()
        await harness.steps(2)
        #expect(harness.operation("run")?.status?.conditions?["Stalled"]?.reason == "TableNotFound")
        try harness.addTable()
        await harness.steps(2)
        #expect(harness.operation("run")?.status?.conditions?["Stalled"]?.reason == "StorageNotFound")
        try harness.addProfile()
        await harness.steps(4)
        #expect(harness.operation("run")?.phase == .succeeded)
        #expect(harness.operation("run")?.status?.conditions?["Stalled"] == nil)
    }

    @Test(arguments: [
        (#"{"tableRef":{"name":"orders"},"optimize":{"targetFileSize":"1Ki"}}"#, "optimize.targetFileSize"),
        (#"{"tableRef":{"name":"orders"},"vacuum":{"retention":"a week"}}"#, "vacuum.retention"),
        (#"{"tableRef":{"name":"orders"}}"#, "kubectl explain tableoperation.spec"),
    ])
    func aSpecThatCannotBeCarriedOutFails(spec: String, message: String) async throws {
        let harness = try Self.harness()
        try harness.addOperation("a", spec)
        await harness.steps(3)
        let operation = try #require(harness.operation("a"))
        #expect(operation.phase == .failed)
        #expect(operation.status?.message?.contains(message) == true, "\(operation.status?.message ?? "")")
        #expect(harness.cluster.createdJobs.isEmpty)
    }

    @Test func anUnreadableTableFailsTheOperationAndStorageTroubleDelaysIt() async throws {
        let harness = try Self.harness()
        harness.tables[Harness.location].failure = DeltaError.storage(.failed(path: "p", operation: "read", message: "busy", retryable: true))
        try harness.addOperation()
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .pending)
        harness.tables[Harness.location].failure = DeltaError.corruptCommit(version: 3, line: 1, reason: "no JSON")
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .failed)
        #expect(harness.operation("run")?.status?.conditions?["Failed"]?.reason == "CorruptLog")
    }

    @Test func aFailureHasTheWorkersWords() async throws {
        let harness = try Self.harness()
        harness.fate = .fails(.permanent, "the data file part-1.parquet is damaged")
        try harness.addOperation()
        await harness.steps(4)
        let operation = try #require(harness.operation("run"))
        #expect(operation.phase == .failed)
        #expect(operation.status?.message == "the data file part-1.parquet is damaged")
        #expect(operation.status?.attempts == 1)
        #expect(operation.status?.conditions?.isTrue("Failed") == true && operation.status?.conditions?.isTrue("Stalled") == true)
        #expect(operation.metadata.finalizers.isEmpty)
    }

    @Test func progressComesFromThePodsLog() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        let operation = try #require(harness.operation("run"))
        var pod = Pod(metadata: ObjectMeta(name: "pod", namespace: Harness.namespace))
        pod.metadata.labels = [Names.Label.operationUID: operation.metadata.uid]
        pod.status = Pod.Status()
        pod.status?.phase = "Running"
        let lines = [
            TaskProgress(step: "rewriting", filesDone: 10, filesTotal: 300).line, TaskProgress(step: "rewriting", filesDone: 120, filesTotal: 300).line,
            "noise",
        ]
        harness.cluster.edit { contents in
            contents.pods[pod.key] = pod
            contents.logs[pod.key] = lines
        }
        await harness.step()
        #expect(harness.operation("run")?.status?.progress?.summary == "120/300 files")
        #expect(harness.operation("run")?.status?.progress?.step == "rewriting")
    }

    @Test func aRunningOperationIsCancelledCleanly() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        harness.cluster.edit { $0.operations[Harness.key("run")]?.spec.cancel = true }
        await harness.step(workers: false)
        #expect(harness.cluster.jobs.allSatisfy { $0.metadata.isBeingDeleted })
        #expect(harness.operation("run")?.phase == .running)
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .cancelled)
        #expect(harness.cluster.jobs.isEmpty)
        #expect(harness.tables[Harness.location].version == 0)
    }

    @Test func aCancelThatCameTooLateFindsTheCommit() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        let operation = try #require(harness.operation("run"))
        _ = harness.tables.commit(Harness.location, operationUID: operation.metadata.uid, transaction: operation.status?.transaction)
        harness.cluster.edit { $0.operations[Harness.key("run")]?.spec.cancel = true }
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .succeeded)
        #expect(harness.operation("run")?.status?.result?.version == 1)
    }

    @Test(
        arguments: [
            (["numCopiedFiles": 3, "copiedFilesSize": 30, "numRemovedFiles": 1, "removedFilesSize": 5], "3/3 files", 30),
            (["numRemovedFiles": 6, "numRemovedBytes": 60, "numAddedFiles": 1], "6/6 files", 60),
            (["numDeletedFiles": 2, "sizeOfDataToDelete": 7], "2/2 files", 7),
            (["numFilesRemoved": 4], "4/4 files", nil), (["numCommits": 4], nil, nil),
        ] as [([String: Int64], String?, Int64?)])
    func whatIsDoneIsCountedByTheOperationsOwnMetrics(metrics: [String: Int64], summary: String?, bytes: Int64?) {
        let progress = TableOperationStatus.Progress(completed: TaskResult(outcome: .succeeded, message: "", metrics: metrics))
        #expect(progress?.summary == summary && progress?.bytesDone == bytes)
    }

    @Test func anOperationIsCancelledBeforeItStarts() async throws {
        let harness = try Self.harness()
        try harness.addOperation("a", #"{"tableRef":{"name":"orders"},"optimize":{},"cancel":true}"#)
        await harness.steps(2)
        #expect(harness.operation("a")?.phase == .cancelled)
        #expect(harness.cluster.createdJobs.isEmpty)
    }

    @Test func aDeletedOperationTakesItsJobAlong() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        let operation = try #require(harness.operation("run"))
        harness.cluster.edit { harness.cluster.delete(operation.key, uid: operation.metadata.uid, &$0) }
        await harness.step(workers: false)
        #expect(harness.operation("run") != nil)
        #expect(harness.cluster.jobs.allSatisfy { $0.metadata.isBeingDeleted })
        await harness.steps(2)
        #expect(harness.operation("run") == nil)
        #expect(harness.cluster.jobs.isEmpty)
    }

    @Test func aJobThatWasDeletedRunsAgainUntilTheDeadline() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation("a", #"{"tableRef":{"name":"orders"},"optimize":{},"activeDeadlineSeconds":60}"#)
        await harness.steps(2)
        harness.cluster.edit { $0.jobs = [:] }
        await harness.steps(2)
        #expect(harness.cluster.createdJobs.count == 2)
        #expect(harness.operation("a")?.phase == .running)
        harness.clock.advance(by: .seconds(60))
        harness.cluster.edit { $0.jobs = [:] }
        await harness.steps(2)
        #expect(harness.operation("a")?.phase == .failed)
        #expect(harness.operation("a")?.status?.conditions?["Failed"]?.reason == "JobLost")
    }

    @Test func aJobThatIsGoneAfterItsCommitHasSucceeded() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        let operation = try #require(harness.operation("run"))
        _ = harness.tables.commit(Harness.location, operationUID: operation.metadata.uid, transaction: operation.status?.transaction)
        harness.cluster.edit { $0.jobs = [:] }
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .succeeded)
        #expect(harness.cluster.createdJobs.count == 1)
    }

    @Test func aRefusedJobFailsTheOperationAndAForbiddenOneWaits() async throws {
        let harness = try Self.harness()
        harness.cluster.refuseJobs(with: InMemoryCluster.status(403, "Forbidden"))
        try harness.addOperation()
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .running)
        #expect(harness.operation("run")?.status?.conditions?["Ready"]?.reason == "JobRefused")
        harness.cluster.refuseJobs(with: InMemoryCluster.status(422, "Invalid"))
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .failed)
        #expect(harness.operation("run")?.status?.message?.contains("jobTemplate") == true)
    }

    @Test func aJobInAQueueIsLeftThereAndSaidToBe() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation("run", #"{"tableRef":{"name":"orders"},"optimize":{},"jobTemplate":{"queueName":"nightly"}}"#)
        await harness.steps(2)
        try harness.addOperation("next")
        await harness.step()
        #expect(harness.operation("run")?.phase == .queued)
        #expect(harness.operation("run")?.status?.conditions?["Ready"]?.reason == "Queued")
        #expect(harness.operation("run")?.status?.message?.contains("nightly") == true)
        #expect(harness.cluster.jobs.map(\.spec?.suspend) == [true])
        // It has the table, however long it waits.
        harness.clock.advance(by: .seconds(100_000))
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .queued && harness.operation("next")?.phase == .pending)
        #expect(harness.cluster.jobs.map(\.spec?.suspend) == [true])

        // Kueue starts it, takes it back, and starts it again.
        func suspend(_ isSuspended: Bool) {
            harness.cluster.edit { contents in for key in contents.jobs.keys { contents.jobs[key]?.spec?.suspend = isSuspended } }
        }
        suspend(false)
        await harness.step()
        #expect(harness.operation("run")?.phase == .running)
        #expect(harness.operation("run")?.status?.startTime == harness.clock.now().wholeSeconds)
        suspend(true)
        await harness.step()
        #expect(harness.operation("run")?.phase == .queued)
        suspend(false)
        harness.fate = .succeeds
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .succeeded)
        #expect(harness.cluster.createdJobs.count == 1)
    }

    @Test func aQueuedOperationIsCancelled() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation("run", #"{"tableRef":{"name":"orders"},"optimize":{},"jobTemplate":{"queueName":"nightly"}}"#)
        await harness.steps(3)
        harness.cluster.edit { $0.operations[Harness.key("run")]?.spec.cancel = true }
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .cancelled)
        #expect(harness.cluster.jobs.isEmpty)
    }

    @Test func aJobWhosePodsAreRefusedSaysByWhom() async throws {
        let harness = try Self.harness()
        harness.fate = .hangs
        try harness.addOperation()
        await harness.steps(2)
        let job = try #require(harness.cluster.jobs.first)
        harness.cluster.edit { $0.refusals[job.key] = "pods \"x\" is forbidden: exceeded quota: small" }
        await harness.steps(2)
        let ready = try #require(harness.operation("run")?.status?.conditions?["Ready"])
        #expect(ready.reason == "PodNotStarting" && ready.message.contains("exceeded quota: small"))
        // There is room again.
        harness.cluster.edit { $0.refusals = [:] }
        harness.fate = .succeeds
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .succeeded)
    }

    @Test func aTemplateThatAsksForTooMuchFailsBeforeAnyJob() async throws {
        let harness = try Self.harness()
        let template = #"{"volumes":[{"name":"h","hostPath":{"path":"/"}}]}"#
        try harness.addOperation("run", #"{"tableRef":{"name":"orders"},"optimize":{},"jobTemplate":\#(template)}"#)
        await harness.steps(3)
        #expect(harness.operation("run")?.phase == .failed)
        #expect(harness.operation("run")?.status?.conditions?["Failed"]?.reason == "InvalidSpec")
        #expect(harness.operation("run")?.status?.message?.contains("spec.jobTemplate.volumes: h is a hostPath") == true)
        #expect(harness.cluster.createdJobs.isEmpty)
    }

    @Test func theLogIsNamedOnceThereIsAPod() async throws {
        let harness = try Self.harness()
        try harness.addOperation()
        await harness.steps(4)
        let operation = try #require(harness.operation("run"))
        #expect(operation.phase == .succeeded)
        #expect(operation.status?.logs?.pod == "\(operation.jobName)-pod")
        #expect(operation.status?.logs?.command == "kubectl logs --namespace lake \(operation.jobName)-pod --container worker")
    }

    @Test func anOperationGoesByItsOwnTimeToLiveOnly() async throws {
        let harness = try Self.harness()
        try harness.addOperation("short", #"{"tableRef":{"name":"orders"},"optimize":{},"ttlSecondsAfterFinished":60}"#)
        try harness.addOperation("kept")
        await harness.steps(8)
        #expect(harness.cluster.operations.count == 2)
        harness.clock.advance(by: .seconds(60))
        await harness.steps(2)
        #expect(harness.cluster.operations.map(\.metadata.name) == ["kept"])
    }

    @Test func aDryRunCommitsNothing() async throws {
        let harness = try Self.harness()
        try harness.addOperation("a", #"{"tableRef":{"name":"orders"},"optimize":{},"dryRun":true}"#)
        await harness.steps(4)
        #expect(harness.operation("a")?.phase == .succeeded)
        #expect(harness.operation("a")?.status?.transaction == nil)
        #expect(harness.tables[Harness.location].version == 0)
    }

    @Test func aTableOnAClaimRunsInAPodThatMountsIt() async throws {
        let harness = Harness()
        harness.fate = .hangs
        try harness.addProfile(#"{"root":"file:///data/lake","filesystem":{"persistentVolumeClaim":"lake-data","mountPath":"/data"}}"#)
        try harness.addTable(location: "file:///data/lake/orders")
        try harness.addOperation()
        await harness.steps(2)
        #expect(harness.operation("run")?.phase == .running)
        let volumes = harness.cluster.jobs.first?.spec?.template?["spec"]?["volumes"]?.arrayValue ?? []
        #expect(volumes.contains(["name": "tables", "persistentVolumeClaim": ["claimName": "lake-data"]]))
        #expect((harness.operation("run")?.status?.transaction?.version ?? 0) > 1_700_000_000_000)
    }
}
