import Base
import KubeClient

/// Whom to be towards the API server, by kubectl's names: for every command that talks to one.
enum ClusterOptions {
    private static let user = Option<String>.text("as", "USER", "act as this user (or system:serviceaccount:NAMESPACE:NAME), where the cluster lets you")
    private static let groups = Option<String>.text("as-group", "GROUP", repeatable: true, "with --as: in this group; may be repeated")
    private static let uid = Option<String>.text("as-uid", "UID", "with --as: with this uid")

    static let all: [any AnyOption] = [user, groups, uid]

    /// What the command line says goes before the kubeconfig.
    static func apply(_ arguments: Arguments, to configuration: inout KubeConfiguration, command: String) throws(UsageError) {
        let (groups, uid) = (arguments.all(groups), arguments[uid])
        guard let user = arguments[user] else {
            guard groups.isEmpty, uid == nil else { throw UsageError(command: command, message: "--as-group and --as-uid need --as: whom to act as") }
            return
        }
        configuration.impersonation = Impersonation(user: user, uid: uid, groups: groups)
    }
}
