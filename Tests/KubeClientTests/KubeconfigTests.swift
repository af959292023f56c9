import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

struct KubeconfigTests {
    private static let file = """
        apiVersion: v1
        kind: Config
        current-context: dev
        clusters:
        - name: local
          cluster: {server: "http://127.0.0.1:8001/"}
        - name: secured
          cluster:
            server: https://api.example:6443
            certificate-authority-data: Y2E=
            tls-server-name: kubernetes
            proxy-url: http://proxy:3128
            extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: lake}}]
        - name: files
          cluster: {server: "https://files:6443", certificate-authority: ca.crt}
        - name: open
          cluster: {server: "https://open:6443", insecure-skip-tls-verify: true}
        - name: nowhere
          cluster: {}
        users:
        - name: token
          user: {token: abc}
        - name: file
          user: {token: first, tokenFile: secrets/token}
        - name: certificate
          user: {client-certificate-data: Y2VydA==, client-key: /keys/client.key}
        - name: half
          user: {client-certificate-data: Y2VydA==}
        - name: password
          user: {username: u, password: p}
        - name: cloud
          user:
            exec: {apiVersion: client.authentication.k8s.io/v1, command: gke-gcloud-auth-plugin}
        - name: plugin
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1beta1
              command: bin/plugin
              args: [--now]
              env: [{name: A, value: b}]
              installHint: get it
              interactiveMode: IfAvailable
              provideClusterInfo: true
        - name: asks
          user:
            exec: {apiVersion: client.authentication.k8s.io/v1, command: ask, interactiveMode: Always}
        - name: old
          user:
            exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: old}
        - name: helper
          user:
            auth-provider: {name: gcp}
        - name: jane
          user: {token: abc, as: jane, as-uid: "7", as-groups: [a, b], as-user-extra: {scopes: [x]}}
        - name: groups
          user: {token: abc, as-groups: [a]}
        - name: garbled
          user: {client-certificate-data: "%%", client-key-data: Y2VydA==}
        contexts:
        - {name: dev, context: {cluster: local, user: token, namespace: lake}}
        - {name: anonymous, context: {cluster: local}}
        - {name: secured, context: {cluster: secured, user: certificate}}
        - {name: files, context: {cluster: files, user: file}}
        - {name: open, context: {cluster: open, user: password}}
        - {name: half, context: {cluster: open, user: half}}
        - {name: cloud, context: {cluster: open, user: cloud}}
        - {name: plugin, context: {cluster: secured, user: plugin}}
        - {name: asks, context: {cluster: open, user: asks}}
        - {name: old, context: {cluster: open, user: old}}
        - {name: helper, context: {cluster: open, user: helper}}
        - {name: jane, context: {cluster: open, user: jane}}
        - {name: groups, context: {cluster: open, user: groups}}
        - {name: garbled, context: {cluster: open, user: garbled}}
        - {name: lost, context: {cluster: gone}}
        - {name: nobody, context: {cluster: open, user: gone}}
        - {name: nowhere, context: {cluster: nowhere}}
        """

    private func configuration(_ context: String?) throws -> KubeConfiguration {
        var file = KubeconfigFile()
        try file.merge(Bytes(Self.file), file: "/etc/levee/kubeconfig")
        return try file.configuration(context: context)
    }

    @Test func readsContextsClustersAndUsers() throws {
        var expected = KubeConfiguration(server: "http://127.0.0.1:8001", namespace: "lake", credentials: .token("abc"))
        #expect(try configuration(nil) == expected)
        expected = KubeConfiguration(server: "http://127.0.0.1:8001")
        #expect(try configuration("anonymous") == expected)

        expected = KubeConfiguration(server: "https://api.example:6443")
        expected.certificateAuthority = .inline(Bytes("ca"))
        expected.tlsServerName = "kubernetes"
        expected.proxyURL = "http://proxy:3128"
        expected.clientCertificate = .inline(Bytes("cert"))
        expected.clientKey = .file("/keys/client.key")
        #expect(try configuration("secured") == expected)

        expected = KubeConfiguration(server: "https://files:6443", credentials: .tokenFile("/etc/levee/secrets/token"))
        expected.certificateAuthority = .file("/etc/levee/ca.crt")
        #expect(try configuration("files") == expected)

        expected = KubeConfiguration(server: "https://open:6443", credentials: .basic(user: "u", password: "p"))
        expected.insecureSkipTLSVerify = true
        #expect(try configuration("open") == expected)
    }

    @Test(arguments: [
        ("half", "needs both a client certificate and its key"), ("asks", "wants to ask a person"), ("old", "client.authentication.k8s.io/v1alpha1"),
        ("helper", "gcp (auth-provider)"), ("groups", "no as"), ("garbled", "is no base64"),
        ("lost", "names no cluster"), ("nobody", "names the user gone"), ("nowhere", "no http or https server"), ("unknown", "no context unknown"),
    ])
    func saysWhatIsWrong(context: String, message: String) {
        let error = #expect(throws: KubeError.self) { try configuration(context) }
        #expect(error?.description.contains(message) ?? false, "\(String(describing: error))")
        #expect(error?.description.contains("/etc/levee/kubeconfig") ?? false)
    }

    @Test func readsWhoGivesCredentialsAndWhomToActAs() throws {
        #expect(
            try configuration("cloud").credentials
                == .exec(ExecPlugin(apiVersion: "client.authentication.k8s.io/v1", command: "gke-gcloud-auth-plugin", source: "/etc/levee/kubeconfig")))
        let told: JSONValue = [
            "server": "https://api.example:6443", "tls-server-name": "kubernetes", "proxy-url": "http://proxy:3128", "certificate-authority-data": "Y2E=",
            "config": ["audience": "lake"],
        ]
        #expect(
            try configuration("plugin").credentials
                == .exec(
                    ExecPlugin(
                        apiVersion: "client.authentication.k8s.io/v1beta1", command: "/etc/levee/bin/plugin", arguments: ["--now"],
                        environment: [.init(name: "A", value: "b")], installHint: "get it", cluster: told, source: "/etc/levee/kubeconfig")))
        #expect(try configuration("jane").impersonation == Impersonation(user: "jane", uid: "7", groups: ["a", "b"], extra: ["scopes": ["x"]]))
        #expect(try configuration("open").impersonation == nil)
    }

    @Test(arguments: ["- 1", "a: [", "clusters: [{cluster: {}}]", ""])
    func refusesWhatIsNoKubeconfig(content: String) {
        #expect(throws: KubeError.self) {
            var file = KubeconfigFile()
            try file.merge(Bytes(content), file: "f")
            _ = try file.configuration(context: nil)
        }
    }

    @Test func looksForTheFileWhereKubernetesToolsDo() throws {
        let directory = try TemporaryDirectory()
        try directory.write("one", Self.file)
        try directory.write(
            "two", "current-context: other\ncontexts: [{name: other, context: {cluster: added}}]\nclusters: [{name: added, cluster: {server: 'http://added'}}]")
        try directory.write(
            ".kube/config", "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: 'http://home'}}]")
        let none = directory.appending("none")
        func server(_ environment: [String: String], kubeconfig: String? = nil, context: String? = nil) throws -> String {
            try KubeConfiguration.load(kubeconfig: kubeconfig, context: context, environment: environment, serviceAccountDirectory: none).server
        }
        let (one, two) = (directory.appending("one"), directory.appending("two"))
        #expect(try server([:], kubeconfig: one) == "http://127.0.0.1:8001")
        #expect(try server(["KUBECONFIG": "\(none):\(two):\(one)"]) == "http://added", "the first that names a current context wins")
        #expect(try server(["KUBECONFIG": "\(two):\(one)"], context: "dev") == "http://127.0.0.1:8001")
        #expect(try server(["HOME": directory.path]) == "http://home")
        #expect(throws: KubeError.self) { try server(["HOME": none]) }
        #expect(throws: KubeError.self) { try server(["KUBECONFIG": none]) }
        #expect(throws: KubeError.self) { try server([:], kubeconfig: none) }
    }

    @Test func readsThePodsServiceAccount() throws {
        let directory = try TemporaryDirectory()
        try directory.write("namespace", "levee-system\n")
        try directory.write("token", "t")
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let configuration = try KubeConfiguration.load(environment: environment, serviceAccountDirectory: directory.path)
        #expect(configuration.server == "https://[fd00::1]:443")
        #expect(configuration.namespace == "levee-system")
        #expect(configuration.credentials == .tokenFile(directory.appending("token")))
        #expect(configuration.certificateAuthority == .file(directory.appending("ca.crt")))
        #expect(throws: KubeError.self) { try KubeConfiguration.inCluster(environment: [:]) }
    }

    @Test func descriptionsShowNoSecrets() {
        for credentials in [KubeConfiguration.Credentials.token("hidden"), .basic(user: "u", password: "hidden")] {
            #expect(!"\(credentials)".contains("hidden"))
        }
        #expect(!"\(Secret(metadata: ObjectMeta(name: "s"), data: ["k": "aGlkZGVu"]))".contains("aGlk"))
    }
}

struct Base64Tests {
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")])
    func followsTheStandardsVectors(text: String, encoded: String) {
        #expect(Base64.encode(Bytes(text)) == encoded)
        #expect(Base64.decode(encoded)?.text == text)
        #expect(Base64.decode("\n" + encoded.filter { $0 != "=" } + " ")?.text == text)
    }

    @Test(arguments: ["Z", "Zg=", "Zg===", "Z=g=", "Zm9v!", "Zg==Zg=="])
    func refusesWhatIsNone(encoded: String) {
        #expect(Base64.decode(encoded) == nil)
    }
}
