import Base

/// Where a pod's files are on this machine.
struct PodDirectories: Sendable {
    /// `DATA/pods`.
    let root: String
    /// `DATA/volumes`: what outlives pods.
    let claims: String

    init(dataDirectory: String) {
        root = "\(dataDirectory)/pods"
        claims = "\(dataDirectory)/volumes"
    }

    func pod(_ uid: String) -> String { "\(root)/\(uid)" }

    func volume(_ uid: String, _ name: String) -> String { "\(pod(uid))/volumes/\(name)" }

    func container(_ uid: String, _ name: String) -> String { "\(pod(uid))/containers/\(name)" }

    /// The output of one run of a container; runs count from 0 with its restarts.
    func log(_ uid: String, _ container: String, run: Int64) -> String { "\(self.container(uid, container))/\(run).log" }

    func claim(_ namespace: String, _ name: String) -> String { "\(claims)/\(namespace)/\(name)" }
}
