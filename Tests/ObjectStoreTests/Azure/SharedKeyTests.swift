import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct SharedKeyTests {
    /// Three hundred random requests, signed by the vendor's SDK (Tests/Interop/azure_vectors.py): the same bytes.
    @Test func signsAsTheVendorsSDK() throws {
        let repository = #filePath.split(separator: "/").prefix { $0 != "Tests" }.joined(separator: "/")
        let document = try JSON.parse(readFile("/\(repository)/Tests/Interop/vectors/azure_shared_key.json"))
        let account = try #require(document["account"]?.stringValue)
        let key = try #require(document["key"]?.stringValue.flatMap(Base64.decode))
        let vectors = try #require(document["vectors"]?.arrayValue)
        #expect(vectors.count == 300)
        for vector in vectors {
            var url = RemoteURL(scheme: "https", authority: "h", path: try #require(vector["path"]?.stringValue))
            for item in vector["query"]?.arrayValue ?? [] {
                url.query.append(RemoteURL.QueryItem(name: item[0]?.stringValue ?? "", value: item[1]?.stringValue ?? ""))
            }
            var request = RemoteRequest(verb: "", operation: "", target: "", method: try #require(vector["method"]?.stringValue), url: url)
            for (name, value) in try #require(vector["headers"]?.objectValue) { request.headers.append(name: name, value: value.stringValue ?? "") }
            let authorization = SharedKey.authorization(
                of: request, account: account, key: key, contentLength: Int(try #require(vector["length"]?.intValue)))
            #expect(authorization == vector["authorization"]?.stringValue, "\(vector)")
        }
    }
}

@Suite struct AzureLocationTests {
    @Test(arguments: [
        ("abfss://c@acct.dfs.core.windows.net/a/b", "abfss://c@acct.dfs.core.windows.net/a/b"),
        ("abfs://c@acct.blob.core.windows.net/a", "abfss://c@acct.dfs.core.windows.net/a"),
        ("wasbs://c@ACCT.blob.core.windows.net/", "abfss://c@acct.dfs.core.windows.net/"),
        ("https://acct.blob.core.windows.net/c/a%20b/", "abfss://c@acct.dfs.core.windows.net/a%20b"),
        ("https://acct.dfs.core.chinacloudapi.cn/c/x", "abfss://c@acct.dfs.core.chinacloudapi.cn/x"),
        ("az://c@acct.z01.dfs.storage.azure.net/x", "abfss://c@acct.z01.dfs.storage.azure.net/x"), ("az://c/a//b", "az://c/a/b"), ("azure://c", "az://c/"),
        ("adl://c/x", "az://c/x"), ("abfss://c/x", "az://c/x"),
    ])
    func reads(text: String, expected: String) throws {
        let location = try TableLocation(text)
        #expect(location.description == expected)
        #expect(try TableLocation(location.description) == location)
    }

    /// Above all: a host that is not Microsoft's, to which credentials would be sent.
    @Test(arguments: [
        "abfss://c@acct.dfs.core.windows.net.evil.example/x", "abfss://c@evil.example/x", "https://evil.example/c/x", "https://acct.blob.core.windows.net/",
        "https://a.b.blob.core.windows.net/c/x", "abfss://c@blob.core.windows.net/x", "abfss://c@acct.queue.core.windows.net/x", "az:///x", "az://C.d/x",
        "abfss://@acct.dfs.core.windows.net/x", "abfss://c@acct.dfs.core.windows.net:8080/x", "az://c d/x",
    ])
    func refuses(text: String) { #expect(throws: ObjectStoreError.self) { try TableLocation(text) } }

    private func container(_ text: String, _ options: [String: String], environment: [String: String] = [:]) throws -> AzureContainer {
        let options = StoreOptions(options, environment: environment, usesAmbientIdentity: !environment.isEmpty)
        return try AzureContainer(AzureLocation(TableLocation(text)), options: AzureOptions(options))
    }

    @Test func theEndpointIsTheAccountsBlobHost() throws {
        #expect(try container("abfss://c@acct.dfs.core.windows.net/x", [:]).url("a b/ü").string == "https://acct.blob.core.windows.net/c/a%20b/%C3%BC")
        #expect(try container("az://c/x", ["account-name": "acct"]).url().string == "https://acct.blob.core.windows.net/c")
        #expect(try container("az://c/x", [:], environment: ["AZURE_STORAGE_ACCOUNT_NAME": "acct"]).account == "acct")
        #expect(try container("abfss://c@acct.z01.dfs.storage.azure.net/x", [:]).url().string == "https://acct.z01.blob.storage.azure.net/c")
        #expect(try container("az://c/x", ["use_emulator": "true"]).url("k").string == "http://127.0.0.1:10000/devstoreaccount1/c/k")
        let own = ["account_name": "acct", "endpoint": "https://store.example:9000/acct/"]
        #expect(try container("az://c/x", own).url("k").string == "https://store.example:9000/acct/c/k")
        #expect(throws: ObjectStoreError.self) { try container("az://c/x", [:]) }
        #expect(throws: ObjectStoreError.self) { try container("az://c/x", ["account_name": "acct", "endpoint": "http://store.example"]) }
        #expect(throws: ObjectStoreError.self) { try container("abfss://c@acct.dfs.core.windows.net/x", ["account_name": "other"]) }
        #expect(throws: ObjectStoreError.self) { try container("az://c/x", ["account_name": "evil.example/"]) }
    }

    @Test func whatIsGivenKeepsThePodsIdentityOut() {
        let pod = ["AZURE_CLIENT_ID": "pod", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/token", "TOKEN": "x", "CLIENT_SECRET": "y"]
        #expect(AzureOptions(StoreOptions([:], environment: pod))[.federatedTokenFile] == "/token")
        #expect(AzureOptions(StoreOptions([:], environment: pod))[.bearerToken] == nil)
        #expect(AzureOptions(StoreOptions([:], environment: pod))[.clientSecret] == nil)
        for given in [["sas-token": "sig=1"], ["account_key": "a2V5"], ["azure_storage_sas_key": "?sig=1"]] {
            let options = AzureOptions(StoreOptions(given, environment: pod))
            #expect(options[.federatedTokenFile] == nil && options[.clientID] == nil)
        }
        #expect(AzureOptions(StoreOptions([:], environment: pod, usesAmbientIdentity: false))[.federatedTokenFile] == nil)
    }

    @Test func tenantsAreLentNoIdentityOfTheProcess() throws {
        let options = StoreOptions(
            ["account_name": "acct", "federated_token_file": "/etc/passwd", "client_id": "c", "tenant_id": "t"], usesAmbientIdentity: false)
        #expect(throws: ObjectStoreError.self) { try StoreFactory(executor: Backend.executor, options: options).open(TableLocation("az://c/x")) }
        #expect(throws: ObjectStoreError.self) {
            try StoreFactory(executor: Backend.executor, options: StoreOptions(usesAmbientIdentity: false)).open(TableLocation("gs://bucket/x"))
        }
        for (type, secret) in [("external_account", "/etc/passwd"), ("service_account", "no key")] {
            let document = """
                {"type": "\(type)", "audience": "a", "subject_token_type": "t", "credential_source": {"file": "\(secret)"}, "client_email": "e", "private_key": "\(secret)"}
                """
            let options = StoreOptions(["google_service_account_key": document], usesAmbientIdentity: false)
            #expect(throws: ObjectStoreError.self) { try StoreFactory(executor: Backend.executor, options: options).open(TableLocation("gs://bucket/x")) }
        }
    }
}

@Suite struct ByteOrderTests {
    /// Any names that a hierarchical namespace can hold come out in the order of their bytes, in whatever pages they came.
    @Test(arguments: 0..<20)
    func ordersWhatComesDirectoryByDirectory(seed: UInt64) throws {
        let random = SeededRandomSource(seed: seed)
        let words = ["a", "a-", "a.b", "a b", "a0", "b", "a/", "c"]
        var names: Set<String> = []
        for _ in 0..<300 {
            let name = (0...random.integer(below: 4)).map { _ in words[random.integer(below: words.count)] }.joined(
                separator: random.integer(below: 2) == 0 ? "/" : "")
            if (try? ObjectPath(name)) != nil { names.insert(name) }
        }
        // A file has no children there.
        names = names.filter { name in !names.contains { $0.hasPrefix("\(name)/") } }
        let walked = names.sorted { left, right in
            left.split(separator: "/").map { Array($0.utf8) }.lexicographicallyPrecedes(right.split(separator: "/").map { Array($0.utf8) }) {
                $0.lexicographicallyPrecedes($1)
            }
        }
        for prefix in ["", "a/", "a"] {
            var order = ByteOrder(prefix: prefix)
            var found: [String] = []
            for (index, name) in walked.filter({ $0.hasPrefix(prefix) }).enumerated() {
                order.add(ObjectInfo(path: try ObjectPath(name), sizeInBytes: 0, modified: Timestamp(microseconds: 0)))
                if index % 7 == 0 { found += order.take(atEnd: false).map(\.path.string) }
            }
            found += order.take(atEnd: true).map(\.path.string)
            #expect(found == names.filter { $0.hasPrefix(prefix) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "seed \(seed), prefix \(prefix)")
        }
    }
}

@Suite struct AzureListPageTests {
    private static let page = """
        \u{FEFF}<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/"><Prefix>t/</Prefix><Blobs>\
        <Blob><Name>t/a &amp; b</Name><Properties><Last-Modified>Sat, 21 Nov 2026 20:00:00 GMT</Last-Modified><Etag>x</Etag><ResourceType>file</ResourceType>\
        <Content-Length>12</Content-Length></Properties><OrMetadata /></Blob>\
        <Blob><Name Encoded="true">t%2F%01%25</Name><Properties><Content-Length>0</Content-Length><Last-Modified>Sat, 21 Nov 2026 20:00:01 GMT</Last-Modified>\
        </Properties><Metadata><Hdi_isfolder>true</Hdi_isfolder></Metadata></Blob>\
        <BlobPrefix><Name>t/p/</Name></BlobPrefix></Blobs><NextMarker>2!x</NextMarker></EnumerationResults>
        """

    @Test func readsBlobs() throws {
        let page = try AzureListPage(Bytes(Self.page))
        #expect(page.blobs.map(\.name) == ["t/a & b", "t/\u{1}%"])
        #expect(page.blobs.map(\.isDirectory) == [false, true])
        #expect(page.blobs[0].size == 12 && page.marker == "2!x" && page.isHierarchical)
    }

    /// Cut or damaged anywhere it is read or refused, and nothing worse.
    @Test func takesHostileBytes() {
        let whole = Bytes(Self.page)
        for length in 0..<(whole.count - 1) { #expect(throws: XMLError.self) { try AzureListPage(whole.prefix(length)) } }
        let random = SeededRandomSource(seed: 11)
        for _ in 0..<1000 {
            var bytes = whole.array
            for _ in 0..<3 { bytes[random.integer(below: bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
            _ = try? AzureListPage(Bytes(bytes))
        }
        for text in ["", "<Error/>", "<EnumerationResults><Blobs><Blob><Name>x</Name></Blob></Blobs></EnumerationResults>"] {
            #expect(throws: XMLError.self) { try AzureListPage(Bytes(text)) }
        }
    }
}
