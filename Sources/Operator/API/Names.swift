/// Names that Levee gives to things, and by which it knows them again.
enum Names {
    static let group = "levee.dev"
    static let fieldManager = "levee"
    /// Keeps a TableOperation until its Job is gone.
    static let operationFinalizer = "levee.dev/operation"
    /// Asks for a reconciliation now; any new value will do.
    static let reconcileAnnotation = "levee.dev/reconcile"
    /// Why a policy made an operation.
    static let reasonAnnotation = "levee.dev/reason"
    /// The bytes that an operation is expected to rewrite, which its policy's budget counts until it has ended.
    static let expectedBytesAnnotation = "levee.dev/expected-bytes"
    /// What of the source a TableClone's operation clones; the clone's generation that asked for it; the value of ``reconcileAnnotation`` that did.
    static let askedAnnotation = "levee.dev/asked"
    static let generationAnnotation = "levee.dev/generation"
    static let requestedAnnotation = "levee.dev/requested"
    /// What a probe's Job probes; see ``ProbeJobs``.
    static let probeSubjectAnnotation = "levee.dev/probe-subject"
    /// The container that works, in a worker's pod.
    static let workerContainer = "worker"

    enum Label {
        static let managedBy = "app.kubernetes.io/managed-by"
        static let name = "app.kubernetes.io/name"
        static let component = "app.kubernetes.io/component"
        static let managedByLevee = "levee"
        static let table = "levee.dev/table"
        static let policy = "levee.dev/policy"
        static let task = "levee.dev/task"
        /// The TableClone that an operation works for, and that a DeltaTable shows the target of.
        static let clone = "levee.dev/clone"
        /// The number of a policy's run of a task on a table, or of a TableClone's run, growing.
        static let run = "levee.dev/run"
        static let operation = "levee.dev/operation"
        /// Kueue's: the queue that a Job waits in.
        static let queue = "kueue.x-k8s.io/queue-name"
        static let operationUID = "levee.dev/operation-uid"
        /// Of a probe's Job and pod: its profile, and the Job's own name.
        static let profile = "levee.dev/profile"
        static let probe = "levee.dev/probe"
    }

    /// The name of a policy's operation. A function of what stands in the table's status, so that an operator that died after it made the
    /// operation makes the same one again, and finds it there.
    static func operation(table: String, tableUID: String, task: MaintenanceTask, run: Int64) -> String {
        numbered(table, "\(task.nameComponent)-\(run)", uid: tableUID)
    }

    /// The name of a TableClone's operation; as those of policies, a function of what stands in the status.
    static func operation(clone: String, uid: String, run: Int64) -> String { numbered(clone, "clone-\(run)", uid: uid) }

    private static func numbered(_ name: String, _ number: String, uid: String) -> String {
        let suffix = "-\(number)-\(shortHash(uid, length: 5))"
        return shortened(name, to: 63 - suffix.utf8.count) + suffix
    }

    /// The name of an operation's Job. It holds the operation's uid: an operation deleted and made again under its old name has another Job.
    static func job(operation: String, uid: String) -> String {
        let suffix = "-\(shortHash(uid, length: 8))"
        return shortened(operation, to: 63 - suffix.utf8.count) + suffix
    }

    /// The name of a profile's probe: a function of what stands in the profile's status, so that an operator that died after it made the Job finds it.
    static func probeJob(profile: String, uid: String, run: Int64) -> String {
        let suffix = "-probe-\(run)-\(shortHash(uid, length: 8))"
        return shortened(profile, to: 63 - suffix.utf8.count) + suffix
    }

    /// A name as a label's value, which holds only 63 characters.
    static func labelValue(_ name: String) -> String {
        if name.utf8.count <= 63 { return name }
        return shortened(name, to: 63 - 9) + "-" + shortHash(name, length: 8)
    }

    private static func shortened(_ name: String, to length: Int) -> String {
        var name = name.prefix(length)
        while let last = name.last, last == "-" || last == "." { name = name.dropLast() }
        return String(name)
    }

    /// Letters and digits that make no words, as Kubernetes' own generated names.
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")

    /// FNV-1a in letters: stable from run to run, which `Hasher` is not.
    static func shortHash(_ text: String, length: Int) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // FNV's low bits are its weak ones for short inputs; mix before taking digits off them.
        hash ^= hash >> 33
        hash = hash &* 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 33
        return String(
            (0..<length).map { _ in
                let (quotient, remainder) = hash.quotientAndRemainder(dividingBy: UInt64(alphabet.count))
                hash = quotient
                return alphabet[Int(remainder)]
            })
    }
}
