import Base
import ObjectStore
import Testing

@testable import Operator

/// Every pod that a jobTemplate may ask for is one of the restricted Pod Security Standard; what is not is refused by the field's name.
@Suite struct PodSecurityTests {
    /// A rule of the standard, as the standard's page lists them: what a pod must be, and whether it is.
    struct Rule: Sendable, CustomStringConvertible {
        let name: String
        let holds: @Sendable (_ pod: JSONValue, _ annotations: JSONValue) -> Bool

        var description: String { name }
    }

    private static func containers(_ pod: JSONValue) -> [JSONValue] {
        ["containers", "initContainers", "ephemeralContainers"].flatMap { pod[$0]?.arrayValue ?? [] }
    }

    private static func contexts(_ pod: JSONValue) -> [JSONValue] { [pod["securityContext"] ?? [:]] + containers(pod).map { $0["securityContext"] ?? [:] } }

    /// https://kubernetes.io/docs/concepts/security/pod-security-standards/, baseline and restricted.
    static let rules: [Rule] = [
        Rule(name: "HostProcess") { pod, _ in contexts(pod).allSatisfy { $0["windowsOptions"]?["hostProcess"] != true } },
        Rule(name: "Host Namespaces") { pod, _ in ["hostNetwork", "hostPID", "hostIPC"].allSatisfy { pod[$0] == nil || pod[$0] == false } },
        Rule(name: "Privileged Containers") { pod, _ in containers(pod).allSatisfy { $0["securityContext"]?["privileged"] != true } },
        Rule(name: "Capabilities") { pod, _ in
            containers(pod).allSatisfy {
                $0["securityContext"]?["capabilities"]?["drop"]?.arrayValue?.contains("ALL") == true && $0["securityContext"]?["capabilities"]?["add"] == nil
            }
        },
        Rule(name: "Volume Types") { pod, _ in
            let allowed: Set = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"]
            return (pod["volumes"]?.arrayValue ?? []).allSatisfy { volume in
                (volume.objectValue?.keys ?? []).allSatisfy { $0 == "name" || allowed.contains($0) }
            }
        },
        Rule(name: "Host Ports") { pod, _ in containers(pod).allSatisfy { $0["ports"] == nil } },
        Rule(name: "AppArmor") { pod, annotations in
            contexts(pod).allSatisfy { ["RuntimeDefault", "Localhost", nil].contains($0["appArmorProfile"]?["type"]?.stringValue) }
                && (annotations.objectValue ?? JSONObject()).allSatisfy { name, value in
                    !name.hasPrefix("container.apparmor.security.beta.kubernetes.io/") || value == "runtime/default"
                        || value.stringValue?.hasPrefix("localhost/") == true
                }
        },
        Rule(name: "SELinux") { pod, _ in
            contexts(pod).allSatisfy {
                let options = $0["seLinuxOptions"]
                return ["container_t", "container_init_t", "container_kvm_t", "container_engine_t", "", nil].contains(options?["type"]?.stringValue)
                    && ["", nil].contains(options?["user"]?.stringValue) && ["", nil].contains(options?["role"]?.stringValue)
            }
        },
        Rule(name: "/proc Mount Type") { pod, _ in containers(pod).allSatisfy { $0["securityContext"]?["procMount"] == nil } },
        Rule(name: "Sysctls") { pod, _ in
            let allowed: Set = ["kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies"]
            return (pod["securityContext"]?["sysctls"]?.arrayValue ?? []).allSatisfy { allowed.contains($0["name"]?.stringValue ?? "") }
        },
        Rule(name: "Privilege Escalation") { pod, _ in containers(pod).allSatisfy { $0["securityContext"]?["allowPrivilegeEscalation"] == false } },
        Rule(name: "Running as Non-root") { pod, _ in
            pod["securityContext"]?["runAsNonRoot"] == true && contexts(pod).allSatisfy { $0["runAsNonRoot"] != false }
        },
        Rule(name: "Running as Non-root user") { pod, _ in contexts(pod).allSatisfy { $0["runAsUser"] != 0 } },
        Rule(name: "Seccomp") { pod, _ in
            ["RuntimeDefault", "Localhost"].contains(pod["securityContext"]?["seccompProfile"]?["type"]?.stringValue)
                && contexts(pod).allSatisfy { ["RuntimeDefault", "Localhost", nil].contains($0["seccompProfile"]?["type"]?.stringValue) }
        },
        // Ours beyond the standard.
        Rule(name: "No token") { pod, _ in pod["automountServiceAccountToken"] == false },
        Rule(name: "Read-only root") { pod, _ in containers(pod).allSatisfy { $0["securityContext"]?["readOnlyRootFilesystem"] == true } },
    ]

    static let accesses: [StorageAccess] = [
        .host, .claim(ClaimAccess(name: "lake-data", mountPath: "/data")), WorkerJobTests.storeAccess(.s3, secret: "keys"),
        WorkerJobTests.storeAccess(.azure, account: "tables"),
    ]

    /// All that a template may say.
    static let allowed: [String] = [
        "{}",
        #"{"podSecurityContext":{"runAsUser":1000,"runAsGroup":0,"fsGroup":0,"supplementalGroups":[5],"fsGroupChangePolicy":"Always"}}"#,
        #"{"podSecurityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"Localhost","localhostProfile":"p.json"},"appArmorProfile":{"type":"RuntimeDefault"}}}"#,
        #"{"podSecurityContext":{"seccompProfile":{"localhostProfile":"p.json"}}}"#,
        #"{"podSecurityContext":{"seLinuxOptions":{"type":"container_t","level":"s0:c1,c2"},"sysctls":[{"name":"net.ipv4.tcp_syncookies","value":"1"}]}}"#,
        #"{"metadata":{"annotations":{"container.apparmor.security.beta.kubernetes.io/worker":"localhost/p"}}}"#,
        #"{"volumes":[{"name":"a","emptyDir":{}},{"name":"b","configMap":{"name":"c"}},{"name":"c","secret":{"secretName":"s"}},{"name":"d","csi":{"driver":"x"}}]}"#,
        #"{"volumes":[{"name":"scratch","ephemeral":{"volumeClaimTemplate":{}}},{"name":"p","persistentVolumeClaim":{"claimName":"p"}}]}"#,
        #"{"volumes":[{"name":"t","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","path":"token"}}]}}]}"#,
        #"{"serviceAccountName":"x","priorityClassName":"system-node-critical","nodeSelector":{"a":"b"},"tolerations":[{"operator":"Exists"}],"queueName":"q"}"#,
        #"{"volumes":[{"name":"credentials","emptyDir":{}}],"env":[{"name":"LEVEE_CREDENTIALS_DIRECTORY","value":"/v"}]}"#,
        #"{"env":[{"name":"TMPDIR","value":"/v"}],"envFrom":[{"secretRef":{"name":"s"}}],"resources":{"limits":{"nvidia.com/gpu":"1"}}}"#,
    ]

    @Test(arguments: rules, allowed)
    func whatATemplateMayAddKeepsToTheStandard(rule: Rule, template: String) throws {
        for access in Self.accesses {
            let manifest = try WorkerJobTests.job(template: template, access: access).manifest()
            let pod = try #require(manifest.value(at: ["spec", "template"]))
            #expect(rule.holds(pod["spec"] ?? [:], pod["metadata"]?["annotations"] ?? [:]), "\(template) \(access)")
        }
    }

    @Test(arguments: [
        (#"{"podSecurityContext":{"runAsNonRoot":false}}"#, "podSecurityContext.runAsNonRoot"),
        (#"{"podSecurityContext":{"runAsNonRoot":null}}"#, "podSecurityContext.runAsNonRoot"),
        (#"{"podSecurityContext":{"runAsUser":0}}"#, "podSecurityContext.runAsUser"),
        (#"{"podSecurityContext":{"seccompProfile":{"type":"Unconfined"}}}"#, "podSecurityContext.seccompProfile.type"),
        (#"{"podSecurityContext":{"$patch":"replace","runAsUser":1000}}"#, "podSecurityContext"),
        (#"{"podSecurityContext":{"seccompProfile":{"$patch":"delete"}}}"#, "podSecurityContext"),
        (#"{"podSecurityContext":{"seccompProfile":{"type":null}}}"#, "podSecurityContext.seccompProfile.type"),
        (#"{"volumes":[{"$patch":"replace"}]}"#, "volumes"),
        (#"{"podSecurityContext":{"seccompProfile":null}}"#, "podSecurityContext.seccompProfile"),
        (#"{"podSecurityContext":{"appArmorProfile":{"type":"Unconfined"}}}"#, "podSecurityContext.appArmorProfile.type"),
        (#"{"podSecurityContext":{"seLinuxOptions":{"type":"spc_t"}}}"#, "podSecurityContext.seLinuxOptions.type"),
        (#"{"podSecurityContext":{"seLinuxOptions":{"user":"system_u"}}}"#, "podSecurityContext.seLinuxOptions.user"),
        (#"{"podSecurityContext":{"seLinuxOptions":{"role":"r"}}}"#, "podSecurityContext.seLinuxOptions.role"),
        (#"{"podSecurityContext":{"sysctls":[{"name":"kernel.msgmax","value":"1"}]}}"#, "podSecurityContext.sysctls"),
        (#"{"podSecurityContext":{"windowsOptions":{"hostProcess":true}}}"#, "podSecurityContext.windowsOptions.hostProcess"),
        (#"{"metadata":{"annotations":{"container.apparmor.security.beta.kubernetes.io/worker":"unconfined"}}}"#, "metadata.annotations"),
        (#"{"volumes":[{"name":"h","hostPath":{"path":"/"}}]}"#, "volumes"),
        (#"{"volumes":[{"name":"h","emptyDir":{},"hostPath":{"path":"/"}}]}"#, "volumes"),
        (#"{"volumes":[{"name":"n","nfs":{"server":"s","path":"/"}}]}"#, "volumes"),
        (#"{"volumes":[{"name":"t","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}]}"#, "volumes"),
    ])
    func whatTheStandardForbidsIsRefusedByName(template: String, field: String) throws {
        let error = #expect(throws: InvalidSpec.self) { try WorkerJobTests.job(template: template).manifest() }
        #expect(error?.field == "jobTemplate.\(field)")
    }
}
