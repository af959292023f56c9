import Base
import HTTP

/// What a bucket's user said of it.
struct S3Configuration: Sendable {
    /// Encryption by the server, in the headers that writes (and with a customer's key reads) carry.
    enum Encryption: Sendable, Hashable {
        case none
        /// `AES256`, `aws:kms`, `aws:kms:dsse`.
        case server(algorithm: String, keyID: String?, bucketKey: Bool?)
        /// Base 64 of 32 bytes, and of their MD5.
        case customer(key: String, digest: String)
    }

    var endpoint: S3Endpoint
    var encryption = Encryption.none
    var payloadSigning = PayloadSigning.automatic
    var requesterPays = false
    var skipSignature = false
    /// Adds a SHA-256 of each body that the server checks and keeps.
    var sendsChecksums = false
    /// Somebody said that the store has no conditional writes.
    var conditionalPutsDisabled = false
    var tls = TLSConfiguration()
    var proxy = HTTPClientConfiguration.Proxy.environment

    init(bucket: String, options: StoreOptions) throws(ObjectStoreError) {
        let profile: [String: String]
        do throws(CredentialsError) {
            profile = options.usesAmbientIdentity ? try AWSProfileFile.profile(AWSFiles(options).profile, in: AWSFiles(options)) ?? [:] : [:]
        } catch {
            throw .invalidCredentials(path: "s3://\(bucket)", message: error.message)
        }
        let region = options.value("aws_region", "region", "aws_default_region", "default_region") ?? profile["region"] ?? "us-east-1"
        let virtualHost = try options.flag("aws_virtual_hosted_style_request", "virtual_hosted_style_request")
        let custom = options.value("aws_endpoint_url_s3", "aws_endpoint_url", "aws_endpoint", "endpoint_url", "endpoint") ?? profile["endpoint_url"]
        if let custom {
            guard let url = RemoteURL(base: custom) else {
                throw .unsupportedLocation(location: custom, reason: "the endpoint is no URL like https://minio.example:9000")
            }
            if url.scheme == "http", try options.flag("aws_allow_http", "allow_http") != true {
                throw .unsupportedLocation(
                    location: custom, reason: "the endpoint is reached without TLS; set AWS_ALLOW_HTTP=true (allowHTTP in a StorageProfile) to take that")
            }
            let isAWS = url.authority.hasSuffix(".amazonaws.com") || url.authority.hasSuffix(".amazonaws.com.cn")
            endpoint = S3Endpoint(
                scheme: url.scheme, authority: url.authority, basePath: url.path, region: region, usesVirtualHost: virtualHost ?? false, isAWS: isAWS)
        } else {
            // A dot in a bucket's name does not fit under the certificate's wildcard.
            endpoint = .aws(
                region: region, usesVirtualHost: virtualHost ?? !bucket.contains("."), dualStack: try options.flag("aws_use_dualstack_endpoint") ?? false)
        }
        requesterPays = try options.flag("aws_request_payer", "request_payer") ?? false
        skipSignature = try options.flag("aws_skip_signature", "skip_signature") ?? false
        if try options.flag("aws_unsigned_payload", "unsigned_payload") == true { payloadSigning = .never }
        if try options.flag("aws_streaming_payload", "streaming_payload") == true { payloadSigning = .streaming }
        sendsChecksums = options.value("aws_checksum_algorithm", "checksum_algorithm")?.lowercased() == "sha256"
        conditionalPutsDisabled = options.value("aws_conditional_put", "conditional_put")?.lowercased() == "disabled"
        encryption = try Self.encryption(options)
        tls.insecure = try options.flag("allow_invalid_certificates", "aws_allow_invalid_certificates") ?? false
        if let text = options.givenValue("ca_certificates") {
            tls.caPEM = Bytes(text)
        } else if let file = options.value("aws_ca_bundle", "ca_bundle") ?? profile["ca_bundle"] {
            do throws(SystemError) {
                tls.caPEM = try readFile(file, limit: 4 << 20)
            } catch {
                throw .unsupportedLocation(location: file, reason: "the authorities' certificates cannot be read: \(error)")
            }
        }
        if let proxy = options.givenValue("proxy_url") { self.proxy = .url(proxy, bypass: options.givenValue("proxy_excludes") ?? "") }
    }

    private static func encryption(_ options: StoreOptions) throws(ObjectStoreError) -> Encryption {
        let keyID = options.value("aws_sse_kms_key_id")
        switch options.value("aws_server_side_encryption") {
        case nil: return keyID.map { .server(algorithm: "aws:kms", keyID: $0, bucketKey: nil) } ?? .none
        case "AES256"?, "sse-s3"?: return .server(algorithm: "AES256", keyID: nil, bucketKey: nil)
        case let algorithm? where ["aws:kms", "aws:kms:dsse", "sse-kms"].contains(algorithm):
            return .server(
                algorithm: algorithm == "sse-kms" ? "aws:kms" : algorithm, keyID: keyID, bucketKey: try options.flag("aws_sse_bucket_key_enabled"))
        case "sse-c"?:
            guard let text = options.value("aws_sse_customer_key_base64"), let key = Base64.decode(text), key.count == 32,
                let digest = Digest.of([Bytes(key)], .md5)
            else {
                throw .unsupportedLocation(location: "aws_sse_customer_key_base64", reason: "sse-c needs a key of 32 bytes, in base 64")
            }
            return .customer(key: text, digest: Base64.encode(digest))
        case let other?:
            throw .unsupportedLocation(location: "aws_server_side_encryption", reason: "`\(other)` is none of AES256, aws:kms, aws:kms:dsse, sse-c")
        }
    }

    /// For requests that write (`isWrite`) or read an object's bytes.
    func encryptionHeaders(isWrite: Bool) -> [(String, String)] {
        switch encryption {
        case .none: return []
        case let .server(algorithm, keyID, bucketKey):
            guard isWrite else { return [] }
            var headers = [("X-Amz-Server-Side-Encryption", algorithm)]
            if let keyID { headers.append(("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", keyID)) }
            if let bucketKey { headers.append(("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "\(bucketKey)")) }
            return headers
        case let .customer(key, digest):
            return [
                ("X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"), ("X-Amz-Server-Side-Encryption-Customer-Key", key),
                ("X-Amz-Server-Side-Encryption-Customer-Key-MD5", digest),
            ]
        }
    }
}

extension AWSCredentialChain {
    /// The places to look in, by what the options and the environment say.
    convenience init(_ options: StoreOptions, region: String, loop: HTTPClientLoop, metrics: MetricsRegistry, clock: any WallClock, tls: TLSConfiguration)
        throws(ObjectStoreError)
    {
        var sources: [any AWSCredentialSource] = [
            StaticAWSCredentials(
                name: "the options", accessKeyID: options.givenValue("aws_access_key_id", "access_key_id"),
                secretAccessKey: options.givenValue("aws_secret_access_key", "secret_access_key"),
                sessionToken: options.givenValue("aws_session_token", "aws_token", "session_token", "token"))
        ]
        if let directory = options.value("levee_credentials_directory") { sources.append(MountedAWSCredentials(directory: directory, clock: clock)) }
        if options.usesAmbientIdentity {
            sources += try Self.ambient(options, region: region, loop: loop, metrics: metrics, clock: clock, tls: tls)
        }
        self.init(sources, clock: clock)
    }

    private static func ambient(
        _ options: StoreOptions, region: String, loop: HTTPClientLoop, metrics: MetricsRegistry, clock: any WallClock, tls: TLSConfiguration
    ) throws(ObjectStoreError) -> [any AWSCredentialSource] {
        func client(_ store: String, proxy: HTTPClientConfiguration.Proxy, timeout: Duration, attempts: Int) -> RemoteClient {
            var configuration = HTTPClientConfiguration()
            configuration.proxy = proxy
            configuration.tls = tls
            configuration.connectTimeout = timeout
            var policy = RetryPolicy()
            policy.attemptTimeout = timeout
            policy.maximumAttempts = attempts
            policy.deadline = .seconds(60)
            return RemoteClient(
                http: HTTPClient(configuration: configuration, loop: loop), signer: UnsignedRequests(), dialect: MetadataDialect(),
                metrics: RemoteMetrics(registry: metrics, store: store), policy: policy, clock: clock)
        }
        func url(_ text: String) throws(ObjectStoreError) -> RemoteURL {
            guard let url = RemoteURL(base: text) else { throw .unsupportedLocation(location: text, reason: "it is no URL of a service") }
            return url
        }
        let sts = SecurityTokenService(
            client: client("sts", proxy: .environment, timeout: .seconds(10), attempts: 5),
            endpoint: try url(options.value("aws_endpoint_url_sts", "aws_sts_endpoint") ?? SecurityTokenService.defaultEndpoint(region: region)),
            region: region,
            clock: clock)
        let environment = StaticAWSCredentials(
            name: "the environment", accessKeyID: options.environmentValue("aws_access_key_id"),
            secretAccessKey: options.environmentValue("aws_secret_access_key"), sessionToken: options.environmentValue("aws_session_token"))
        let metadata = options.value("aws_ec2_metadata_service_endpoint", "aws_metadata_endpoint", "metadata_endpoint") ?? "http://169.254.169.254"
        return [
            environment,
            WebIdentityAWSCredentials(
                role: options.value("aws_role_arn"), tokenFile: options.value("aws_web_identity_token_file"), session: options.value("aws_role_session_name"),
                sts: sts),
            ProfileAWSCredentials(files: AWSFiles(options), sts: sts, environment: environment),
            ContainerAWSCredentials(
                client: client("container-credentials", proxy: .direct, timeout: .seconds(5), attempts: 4),
                relativeURI: options.value("aws_container_credentials_relative_uri"), fullURI: options.value("aws_container_credentials_full_uri"),
                token: options.environmentValue("aws_container_authorization_token"), tokenFile: options.value("aws_container_authorization_token_file")),
            InstanceAWSCredentials(
                client: client("instance-metadata", proxy: .direct, timeout: .seconds(1), attempts: 3), endpoint: try url(metadata),
                isDisabled: options.value("aws_ec2_metadata_disabled")?.lowercased() == "true"),
        ]
    }
}
