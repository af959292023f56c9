import Base
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// Where keys come from, against servers that speak as AWS' do.
@Suite struct S3CredentialTests {
    /// Answers by path and notes what it was asked.
    final class Service: Sendable {
        let server: HTTPServer
        let asked: Lock<[ServerRequest]>

        init(_ answer: @escaping @Sendable (ServerRequest) -> ServerResponse) throws {
            let asked = Lock<[ServerRequest]>([])
            self.asked = asked
            server = try HTTPServer { request in
                asked.withLock { $0.append(request) }
                return answer(request)
            }
        }

        var url: String { "http://127.0.0.1:\(server.port)" }
        var requests: [ServerRequest] { asked.withLock { $0 } }
    }

    static func chain(_ environment: [String: String], options: [String: String] = [:], ambient: Bool = true, clock: any WallClock = SystemClock()) throws
        -> AWSCredentialChain
    {
        let quiet = ["AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"].merging(environment) { $1 }
        return try AWSCredentialChain(
            StoreOptions(options, environment: quiet, usesAmbientIdentity: ambient), region: "eu-west-1", loop: HTTPClientLoop(), metrics: MetricsRegistry(),
            clock: clock, tls: TLSConfiguration())
    }

    static func sts(_ action: String, expires: Timestamp) -> ServerResponse {
        .text(
            """
            <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result><Credentials><AccessKeyId>ASIA1</AccessKeyId>
            <SecretAccessKey>s&amp;cret</SecretAccessKey><SessionToken>tok/en+=</SessionToken><Expiration>\(expires.rfc3339)</Expiration></Credentials>
            </\(action)Result></\(action)Response>
            """, contentType: "text/xml")
    }

    @Test func aServiceAccountsTokenBecomesARole() async throws {
        let clock = ManualClock()
        let service = try Service { _ in Self.sts("AssumeRoleWithWebIdentity", expires: clock.now() + .seconds(3600)) }
        let directory = try TemporaryDirectory()
        try directory.write("token", "first\n")
        let chain = try Self.chain(
            [
                "AWS_ROLE_ARN": "arn:aws:iam::1:role/levee", "AWS_WEB_IDENTITY_TOKEN_FILE": directory.appending("token"),
                "AWS_ENDPOINT_URL_STS": service.url,
            ], clock: clock)
        let credentials = try await chain.credential()
        #expect(credentials.accessKeyID == "ASIA1" && credentials.secretAccessKey == "s&cret" && credentials.sessionToken == "tok/en+=")
        let form = try #require(service.requests.first?.body.text)
        #expect(
            form.contains("Action=AssumeRoleWithWebIdentity") && form.contains("WebIdentityToken=first")
                && form.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Flevee"))
        #expect(service.requests.first?.headers["Authorization"] == nil)
        // Kubernetes has renewed the token by the time the keys end.
        try directory.write("token", "second\n")
        clock.advance(by: .seconds(3590))
        _ = try await chain.credential()
        #expect(service.requests.last?.body.text.contains("WebIdentityToken=second") == true)
    }

    @Test func aRoleThatIsRefusedIsSaidWithTheServicesWords() async throws {
        let service = try Service { _ in
            .text(
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error><RequestId>r1</RequestId></ErrorResponse>", status: 403
            )
        }
        let directory = try TemporaryDirectory()
        try directory.write("token", "verysecrettoken")
        let chain = try Self.chain(
            ["AWS_ROLE_ARN": "arn:role", "AWS_WEB_IDENTITY_TOKEN_FILE": directory.appending("token"), "AWS_ENDPOINT_URL_STS": service.url])
        do {
            _ = try await chain.credential()
            Issue.record("there were credentials")
        } catch let error as CredentialsError {
            #expect(error.message.contains("AccessDenied") && error.message.contains("r1") && error.message.contains("arn:role"))
            #expect(!error.message.contains("verysecrettoken") && !error.isRetryable)
        }
    }

    @Test func aPodsAgentIsShownTheTokenOfTheDay() async throws {
        let service = try Service { request in
            request.headers["Authorization"] == "day two"
                ? .text(#"{"AccessKeyId":"ASIA2","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#) : .text("{}", status: 401)
        }
        let directory = try TemporaryDirectory()
        try directory.write("token", "day two\n")
        let chain = try Self.chain(
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(service.url)/v1/credentials?id=a%2Fb",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": directory.appending("token"),
            ])
        #expect(try await chain.credential().accessKeyID == "ASIA2")
        #expect(service.requests.first?.path == "/v1/credentials" && service.requests.first?.parameter("id") == "a/b")
    }

    @Test(arguments: [
        ("https://anything.example/x", true), ("http://127.0.0.1:80/x", true), ("http://127.1.2.3/x", true), ("http://169.254.170.23/v1", true),
        ("http://[fd00:ec2::23]/v1", true), ("http://localhost/x", true), ("http://169.254.169.254/x", false), ("http://evil.example/x", false),
        ("http://127.0.0.1.evil.example/x", false), ("http://127.0.0/x", false), ("http://10.0.0.1/x", false),
    ])
    func keysAreNotFetchedOverAnOpenNetwork(text: String, isTrusted: Bool) throws {
        #expect(ContainerAWSCredentials.mayBeTrusted(try #require(RemoteURL(base: text))) == isTrusted)
    }

    @Test func aMachinesRoleIsAskedForWithAToken() async throws {
        let service = try Service { request in
            if request.method == "PUT", request.path == "/latest/api/token" { return .text("tok") }
            guard request.headers["X-aws-ec2-metadata-token"] == "tok" else { return .text("", status: 401) }
            if request.path == "/latest/meta-data/iam/security-credentials/" { return .text("node role\n") }
            return request.path == "/latest/meta-data/iam/security-credentials/node%20role"
                ? .text(#"{"Code":"Success","AccessKeyId":"ASIA3","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#)
                : .text("", status: 404)
        }
        let chain = try Self.chain(["AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url])
        #expect(try await chain.credential().accessKeyID == "ASIA3")
        #expect(service.requests.first?.headers["X-aws-ec2-metadata-token-ttl-seconds"] == "21600")
    }

    @Test func aProfilesRoleIsTakenWithAnotherProfilesKeys() async throws {
        let service = try Service { _ in Self.sts("AssumeRole", expires: SystemClock().now() + .seconds(3600)) }
        let directory = try TemporaryDirectory()
        try directory.write(
            "config",
            """
            [default]
            region = eu-central-1
            # a comment
            [profile lake]
            role_arn = arn:aws:iam::1:role/lake
            source_profile = base
            external_id = x 1
            s3 =
                addressing_style = path
            [profile circle]
            role_arn = a
            source_profile = circle2
            [profile circle2]
            role_arn = b
            source_profile = circle
            [profile shell]
            credential_process = /bin/false
            """)
        try directory.write("credentials", "[base]\naws_access_key_id=AKIA\naws_secret_access_key = abc = def\n")
        let files = [
            "AWS_CONFIG_FILE": directory.appending("config"), "AWS_SHARED_CREDENTIALS_FILE": directory.appending("credentials"),
            "AWS_ENDPOINT_URL_STS": service.url,
        ]
        func chain(_ profile: String) throws -> AWSCredentialChain { try Self.chain(files.merging(["AWS_PROFILE": profile]) { $1 }) }
        #expect(try await chain("lake").credential().accessKeyID == "ASIA1")
        let request = try #require(service.requests.first)
        #expect(request.body.text.contains("ExternalId=x%201") && request.headers["Authorization"]?.contains("Credential=AKIA/") == true)
        #expect(try await chain("base").credential().secretAccessKey == "abc = def")
        for (profile, reason) in [("circle", "circle"), ("shell", "credential_process"), ("nobody", "no such profile")] {
            await #expect(
                performing: { _ = try await chain(profile).credential() }, throws: { ($0 as? CredentialsError)?.message.contains(reason) == true })
        }
        #expect(try S3Configuration(bucket: "b", options: StoreOptions(environment: files)).endpoint.region == "eu-central-1")
    }

    @Test func mountedKeysAreReadAgain() async throws {
        let clock = ManualClock()
        let directory = try TemporaryDirectory()
        try directory.write("AWS_ACCESS_KEY_ID", "AKIA1\n")
        try directory.write("AWS_SECRET_ACCESS_KEY", "one\n")
        let chain = try Self.chain([:], options: ["levee_credentials_directory": directory.path], ambient: false, clock: clock)
        #expect(try await chain.credential().accessKeyID == "AKIA1")
        try directory.write("AWS_ACCESS_KEY_ID", "AKIA2\n")
        #expect(try await chain.credential().accessKeyID == "AKIA1")
        clock.advance(by: .seconds(60))
        #expect(try await chain.credential().accessKeyID == "AKIA2")
        try directory.write("AWS_ACCESS_KEY_ID", "AKIA3\n")
        #expect(await chain.renew())
        #expect(try await chain.credential().accessKeyID == "AKIA3")
    }

    @Test func nothingIsLookedForWhereTheProcessRunsForOthers() async throws {
        let chain = try Self.chain(["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"], ambient: false)
        await #expect(throws: CredentialsError.self) { try await chain.credential() }
        #expect(try await Self.chain(["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"]).credential().accessKeyID == "AKIA")
        await #expect(throws: CredentialsError.self) { try await Self.chain(["AWS_ACCESS_KEY_ID": "AKIA"]).credential() }
    }
}

/// Requests and what becomes of them, against a server that answers as it is told.
@Suite struct S3RequestTests {
    static func bucket(_ service: S3CredentialTests.Service, _ options: [String: String] = [:], policy: RetryPolicy = FaultyRuns.policy()) throws -> S3Bucket {
        let base = ["endpoint": service.url, "allow_http": "true", "access_key_id": "AKIA", "secret_access_key": "s", "region": "us-east-1"]
        return try S3Bucket(
            name: "lake", options: StoreOptions(base.merging(options) { $1 }, usesAmbientIdentity: false), loop: HTTPClientLoop(), metrics: MetricsRegistry(),
            policy: policy)
    }

    static func error(_ code: String, _ status: Int, headers: HTTPHeaders = [:]) -> ServerResponse {
        ServerResponse(status: status, headers: headers, body: .bytes(Bytes("<Error><Code>\(code)</Code><RequestId>r7</RequestId></Error>")))
    }

    @Test(arguments: [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed"), (307, "TemporaryRedirect")])
    func theBucketsRegionIsLearnt(status: Int, code: String) async throws {
        let service = try S3CredentialTests.Service { request in
            request.headers["Authorization"]?.contains("/eu-west-3/s3/") == true
                ? .text("content") : Self.error(code, status, headers: ["x-amz-bucket-region": "eu-west-3"])
        }
        let bucket = try Self.bucket(service)
        for _ in 0..<2 { #expect(try await bucket.reader(key: "k").read(nil).text == "content") }
        #expect(service.requests.count == 3)
    }

    @Test func aClockThatIsOffIsSetByTheServers() async throws {
        let service = try S3CredentialTests.Service { request in
            request.headers["X-Amz-Date"]?.hasPrefix("2031") == true
                ? .text("content") : Self.error("RequestTimeTooSkewed", 403, headers: ["X-Date": "", "Date": "Sat, 01 Feb 2031 10:00:00 GMT"])
        }
        // The server writes its own Date; so the refusal's date is checked through the signer.
        let signer = S3Signer(
            bucket: "lake", endpoint: .aws(region: "us-east-1", usesVirtualHost: true),
            credentials: try S3CredentialTests.chain(["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"]), payloadSigning: .automatic)
        let refusal = ServerFailure(status: 403, code: "RequestTimeTooSkewed", headers: ["Date": "Sat, 01 Feb 2031 10:00:00 GMT"])
        #expect(await signer.wasRefused(refusal, at: try #require(Timestamp(rfc3339: "2026-01-01T00:00:00Z"))))
        var request = try Self.bucket(service).request("get", "", "GET", key: "k")
        try await signer.sign(&request, at: try #require(Timestamp(rfc3339: "2026-01-01T00:01:00Z")))
        #expect(request.headers["X-Amz-Date"] == "20310201T100100Z")
        #expect(request.url.string == "https://lake.s3.us-east-1.amazonaws.com/k")
    }

    @Test func onlyAWSIsFollowedToOtherHosts() async throws {
        func location(_ endpoint: S3Endpoint, _ host: String) async -> String {
            let signer = S3Signer(bucket: "lake", endpoint: endpoint, credentials: nil, payloadSigning: .automatic)
            _ = await signer.wasRefused(ServerFailure(status: 307, headers: ["Location": "https://\(host)/k?x=y"]), at: SystemClock().now())
            return signer.endpoint.url(bucket: "lake", key: "k").authority
        }
        let aws = S3Endpoint.aws(region: "us-east-1", usesVirtualHost: true)
        #expect(await location(aws, "lake.s3-us-west-2.amazonaws.com") == "lake.s3-us-west-2.amazonaws.com")
        #expect(await location(aws, "evil.example") == "lake.s3.us-east-1.amazonaws.com")
        #expect(await location(aws, "amazonaws.com.evil.example") == "lake.s3.us-east-1.amazonaws.com")
        let custom = S3Endpoint(scheme: "https", authority: "minio", region: "us-east-1", usesVirtualHost: false, isAWS: false)
        #expect(await location(custom, "lake.s3-us-west-2.amazonaws.com") == "minio")
    }

    /// One of three servers: forgets the condition, says that it does not know it, keeps to it.
    @Test(arguments: [("ignores", false), ("refuses", false), ("keeps", true)])
    func commitsAreRefusedWhereTheConditionIsNot(server: String, isSafe: Bool) async throws {
        let objects = Lock<[String: (Bytes, String?)]>([:])
        let service = try S3CredentialTests.Service { request in
            objects.withLock { objects in
                switch request.method {
                case "PUT":
                    if server == "refuses" { return Self.error("NotImplemented", 501) }
                    if server == "keeps", request.headers["If-None-Match"] == "*", objects[request.path] != nil { return Self.error("PreconditionFailed", 412) }
                    objects[request.path] = (request.body, request.headers[S3Bucket.tokenHeader])
                    return .text("")
                case "DELETE":
                    objects[request.path] = nil
                    return ServerResponse(status: 204)
                default:
                    guard let object = objects[request.path] else { return Self.error("NoSuchKey", 404) }
                    return ServerResponse(status: 200, headers: [S3Bucket.tokenHeader: object.1 ?? ""], body: .bytes(object.0))
                }
            }
        }
        let store = S3Store(bucket: try Self.bucket(service), prefix: "t/")
        let path = try ObjectPath("_delta_log/00000000000000000001.json")
        if isSafe {
            try await store.put(path, Bytes("{}"), mode: .ifAbsent)
            await #expect(throws: ObjectStoreError.alreadyExists(path: "s3://lake/t/\(path.string)")) {
                try await store.put(path, Bytes("{}"), mode: .ifAbsent)
            }
        } else {
            for _ in 0..<2 {
                await #expect(
                    performing: { try await store.put(path, Bytes("{}"), mode: .ifAbsent) },
                    throws: { if case .noConditionalWrites = $0 as? ObjectStoreError { true } else { false } })
            }
            #expect(objects.withLock { $0["/lake/t/\(path.string)"] } == nil)
            await #expect(
                performing: { try await store.write(ObjectPath("part.parquet")).finish() },
                throws: { if case .noConditionalWrites = $0 as? ObjectStoreError { true } else { false } })
        }
        // What the probe wrote is gone.
        #expect(objects.withLock { $0.keys.filter { $0.contains("_levee/probe") } }.isEmpty)
    }

    @Test func conflictsAndBusyServersAreTriedAgain() async throws {
        let count = Lock(0)
        let service = try S3CredentialTests.Service { request in
            let number = count.withLock { count -> Int in
                count += 1
                return count
            }
            switch number {
            case 1: return Self.error("ConditionalRequestConflict", 409)
            case 2: return Self.error("SlowDown", 503, headers: ["Retry-After": "0"])
            default: return request.method == "GET" ? Self.error("NoSuchKey", 404) : .text("")
            }
        }
        let store = S3Store(bucket: try Self.bucket(service, ["conditional_put": "etag"]), prefix: "")
        // The conflict was not carried out and is sent again at once; after the 503 the object is looked for first.
        let outcome = try await store.bucket.put(probe: "k", Bytes("x"))
        #expect(outcome == .written)
        #expect(service.requests.map(\.method) == ["PUT", "PUT", "GET", "PUT"])
    }

    @Test func errorsOfABatchAreTheirKeys() async throws {
        let service = try S3CredentialTests.Service { request in
            if request.method == "DELETE" { return ServerResponse(status: 204) }
            return .text(
                """
                <?xml version="1.0"?><DeleteResult><Error><Key>t/b</Key><Code>AccessDenied</Code><Message>no</Message></Error>
                <Error><Key>t/c</Key><Code>InternalError</Code><Message>again</Message></Error><Error><Key>t/d</Key><Code>NoSuchKey</Code></Error></DeleteResult>
                """)
        }
        let store = S3Store(bucket: try Self.bucket(service), prefix: "t/")
        let failures = try await store.delete(["a", "b", "c", "d"].map { try ObjectPath($0) })
        #expect(failures.map(\.path.string) == ["b"])
        let batch = try #require(service.requests.first)
        #expect(batch.headers["Content-MD5"] == Base64.encode(Digest.of([batch.body], .md5) ?? []))
        #expect(service.requests.map(\.path) == ["/lake", "/lake/t/c"])
    }

    @Test func everyRequestSaysWhoPaysAndHowItIsEncrypted() async throws {
        let service = try S3CredentialTests.Service { _ in .text("") }
        let key = Base64.encode([UInt8](repeating: 7, count: 32))
        let bucket = try Self.bucket(service, ["request_payer": "true", "aws_server_side_encryption": "sse-c", "aws_sse_customer_key_base64": key])
        try await bucket.put(key: "k", Bytes("x"))
        _ = try? await bucket.reader(key: "k").read(nil)
        for request in service.requests {
            #expect(request.headers["x-amz-request-payer"] == "requester")
            #expect(request.headers["x-amz-server-side-encryption-customer-key"] == key)
            #expect(request.headers["Authorization"]?.contains("x-amz-server-side-encryption-customer-key-md5") == true)
        }
        let kms = try Self.bucket(service, ["aws_sse_kms_key_id": "arn:key"])
        try await kms.put(key: "k", Bytes("x"))
        #expect(service.requests.last?.headers["x-amz-server-side-encryption"] == "aws:kms")
        #expect(service.requests.last?.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:key")
    }
}

extension S3Bucket {
    /// A conditional put without the question whether the store keeps conditions.
    func put(probe key: String, _ bytes: Bytes) async throws -> ConditionalPut.Outcome { try await conditionalPut(key: key, bytes) }
}
