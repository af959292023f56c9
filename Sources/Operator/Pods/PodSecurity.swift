import Base

/// What a jobTemplate may not ask for. A worker's pod is what the restricted Pod Security Standard allows, in namespaces that do not enforce it, too: a
/// person who may create operations gets no more of a node than one who may create pods there.
///
/// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
enum PodSecurity {
    /// Kinds of volumes, by the field that names them.
    private static let volumes: Set<String> = [
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
    ]
    private static let profiles: Set<String> = ["RuntimeDefault", "Localhost"]
    private static let seLinuxTypes: Set<String> = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]
    private static let sysctls: Set<String> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    ]
    /// The name that AppArmor's profiles had before Kubernetes 1.30.
    private static let appArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/"

    static func check(_ template: JobTemplate) throws(InvalidSpec) {
        try checkContext(template.podSecurityContext)
        for volume in template.volumes ?? [] { try checkVolume(volume) }
        for (name, value) in template.metadata?.annotations ?? [:] where name.hasPrefix(appArmorAnnotation) {
            try refuse(value != "runtime/default" && !value.hasPrefix("localhost/"), "metadata.annotations", "\(name) must be runtime/default or localhost/…")
        }
    }

    private static func checkContext(_ context: JSONValue?) throws(InvalidSpec) {
        let field = "podSecurityContext"
        try refuse(context.map(hasDirective) ?? false, field, "must not have directives of a patch ($patch, $retainKeys): name the fields to set")
        try refuse(context?["runAsNonRoot"].map { $0 != true } ?? false, "\(field).runAsNonRoot", "must be true: workers never run as root")
        try refuse(context?["runAsUser"] == 0, "\(field).runAsUser", "must not be 0: workers never run as root; name another user, or leave it out for 65532")
        for name in ["seccompProfile", "appArmorProfile"] {
            guard let profile = context?[name] else { continue }
            try refuse(profile.objectValue == nil, "\(field).\(name)", "must be an object with a type; leave it out for the default")
            guard let type = profile["type"] else { continue }
            try refuse(!profiles.contains(type.stringValue ?? ""), "\(field).\(name).type", "must be RuntimeDefault or Localhost")
        }
        let linux = context?["seLinuxOptions"]
        try refuse(
            !seLinuxTypes.contains(linux?["type"]?.stringValue ?? ""), "\(field).seLinuxOptions.type",
            "must be one of \(seLinuxTypes.filter { !$0.isEmpty }.sorted().joined(separator: ", "))")
        for name in ["user", "role"] {
            try refuse(!(linux?[name]?.stringValue ?? "").isEmpty, "\(field).seLinuxOptions.\(name)", "must not be set")
        }
        for sysctl in context?["sysctls"]?.arrayValue ?? [] {
            let name = sysctl["name"]?.stringValue ?? ""
            try refuse(!sysctls.contains(name), "\(field).sysctls", "\(name) is not one of the safe ones: \(sysctls.sorted().joined(separator: ", "))")
        }
        try refuse(context?["windowsOptions"]?["hostProcess"] == true, "\(field).windowsOptions.hostProcess", "must not be true")
    }

    /// What would take away fields of ours, where the template is merged into them.
    private static func hasDirective(_ value: JSONValue) -> Bool {
        if let members = value.objectValue { return members.keys.contains { $0.hasPrefix("$") } || members.values.contains(where: hasDirective) }
        return value.arrayValue?.contains(where: hasDirective) ?? false
    }

    private static func checkVolume(_ volume: JSONValue) throws(InvalidSpec) {
        let name = volume["name"]?.stringValue ?? ""
        for source in volume.objectValue?.keys ?? [] where source != "name" {
            try refuse(
                !volumes.contains(source), "volumes", "\(name) is a \(source), which workers do not get; use one of \(volumes.sorted().joined(separator: ", "))"
            )
        }
        for source in volume["projected"]?["sources"]?.arrayValue ?? [] {
            guard let token = source["serviceAccountToken"] else { continue }
            try refuse(
                (token["audience"]?.stringValue ?? "").isEmpty, "volumes",
                "\(name) holds a token of the API server, which workers do not get; give the token the audience of who is to take it (a cloud, a vault)")
        }
    }

    private static func refuse(_ isBroken: Bool, _ field: String, _ message: String) throws(InvalidSpec) {
        if isBroken { throw InvalidSpec(field: "jobTemplate.\(field)", message: message) }
    }
}
