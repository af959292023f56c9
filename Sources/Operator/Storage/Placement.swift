import KubeClient
import ObjectStore

/// Where things lie, as the specs of profiles and tables say it. Pure.
enum Placement {
    /// Where a table lies, or why it cannot be reached.
    static func resolve(location: String, profile: StorageProfile?, profileName: String, reach: OperatorReach) throws(Obstacle) -> TablePlace {
        guard let profile else {
            throw Obstacle(reason: .storageNotFound, message: "there is no StorageProfile \(profileName) in this namespace; create it, or correct storageRef")
        }
        let (access, root): (StorageAccess, TableLocation)
        do throws(Obstacle) {
            access = try self.access(to: profile, reach: reach)
            root = try self.root(of: profile)
        } catch {
            throw Obstacle(reason: error.reason, message: "StorageProfile \(profileName): \(error.message)", needsPerson: error.needsPerson)
        }
        let table = try self.location(location)
        guard table.isInside(root), table != root else {
            throw Obstacle(
                reason: .locationOutsideRoot,
                message: "\(table) does not lie below \(root), the root of StorageProfile \(profileName); correct the location, or name another profile")
        }
        return TablePlace(location: table, access: access, root: root)
    }

    static func root(of profile: StorageProfile) throws(Obstacle) -> TableLocation { try location(profile.spec.root) }

    /// The schema's rules say most of this too, where the server evaluates them.
    static func access(to profile: StorageProfile, reach: OperatorReach) throws(Obstacle) -> StorageAccess {
        let spec = profile.spec
        func invalid(_ message: String) -> Obstacle { Obstacle(reason: .invalidSpec, message: message) }
        guard [spec.s3 != nil, spec.azure != nil, spec.gcs != nil, spec.filesystem != nil].count(where: { $0 }) == 1 else {
            throw invalid("set exactly one of s3, azure, gcs and filesystem")
        }
        let root = try root(of: profile)
        let expected: TableLocation.Scheme = spec.s3 != nil ? .s3 : spec.azure != nil ? .azure : spec.gcs != nil ? .gcs : .file
        guard root.scheme == expected else { throw invalid("root \(root) is not the URL of a place that the profile describes; \(example(expected))") }
        if let filesystem = spec.filesystem { return try self.filesystem(filesystem, spec, reach: reach) }
        return .store(try store(profile, expected, reach))
    }

    private static func example(_ scheme: TableLocation.Scheme) -> String {
        switch scheme {
        case .s3: "with s3, write s3://bucket/path"
        case .azure: "with azure, write abfss://container@account.dfs.core.windows.net/path"
        case .gcs: "with gcs, write gs://bucket/path"
        case .file: "with filesystem, write file:///data/lake"
        }
    }

    private static func filesystem(_ filesystem: StorageProfileSpec.Filesystem, _ spec: StorageProfileSpec, reach: OperatorReach) throws(Obstacle)
        -> StorageAccess
    {
        if let claim = filesystem.persistentVolumeClaim {
            return .claim(ClaimAccess(name: claim, mountPath: filesystem.mountPath, serviceAccountName: spec.credentials?.serviceAccountName))
        }
        guard reach.hostFilesystem else {
            throw Obstacle(
                reason: .hostFilesystemRefused,
                message:
                    "without filesystem.persistentVolumeClaim the profile means a directory of the operator's machine, which only `levee dev` allows; name a claim"
            )
        }
        return .host
    }

    private static func store(_ profile: StorageProfile, _ scheme: TableLocation.Scheme, _ reach: OperatorReach) throws(Obstacle) -> StoreAccess {
        let spec = profile.spec
        var access = StoreAccess(scheme: scheme, profile: profile.key, profileUID: profile.metadata.uid)
        access.secretName = spec.credentials?.secretRef?.name
        access.serviceAccountName = spec.credentials?.serviceAccountName
        access.lendsOperatorIdentity = reach.ownIdentity && spec.credentials == nil
        access.certificates = spec.tls.map { .init(name: $0.caSecretRef.name, key: $0.caSecretRef.key) }
        access.refusesUnsafeWriters = spec.s3.map { $0.concurrentWriters == nil } ?? false
        access.options = spec.s3?.options ?? spec.azure?.options ?? spec.gcs?.options ?? [:]
        if let endpoint = access.options[StoreAccess.endpointOption(scheme)], endpoint.hasPrefix("http://"),
            !(spec.s3?.allowHTTP ?? spec.azure?.allowHTTP ?? spec.gcs?.allowHTTP ?? false)
        {
            throw Obstacle(reason: .invalidSpec, message: "the endpoint \(endpoint) is reached without TLS: use https, or set allowHTTP: true beside it")
        }
        if spec.s3?.encryption?.algorithm == .customerKey, access.secretName == nil {
            throw Obstacle(
                reason: .invalidSpec,
                message: "s3.encryption with CustomerKey takes the key from the secret (\(SecretCredentials.customerKey)): set credentials.secretRef")
        }
        return access
    }

    private static func location(_ text: String) throws(Obstacle) -> TableLocation {
        do { return try TableLocation(text) } catch {
            throw Obstacle(reason: .unsupportedLocation, message: "\(error)")
        }
    }
}

extension StorageProfileSpec.S3 {
    /// As ``StoreOptions`` knows them.
    fileprivate var options: [String: String] {
        var options: [String: String] = [:]
        options["aws_endpoint_url_s3"] = endpoint
        options["aws_region"] = region
        options["aws_virtual_hosted_style_request"] = pathStyle.map { "\(!$0)" }
        if allowHTTP { options["aws_allow_http"] = "true" }
        if requesterPays { options["aws_request_payer"] = "true" }
        guard let encryption else { return options }
        options["aws_server_side_encryption"] =
            switch encryption.algorithm {
            case .aes256: "AES256"
            case .kms: "aws:kms"
            case .kmsDualLayer: "aws:kms:dsse"
            case .customerKey: "sse-c"
            }
        options["aws_sse_kms_key_id"] = encryption.kmsKeyID
        options["aws_sse_bucket_key_enabled"] = encryption.bucketKey.map { "\($0)" }
        return options
    }
}

extension StorageProfileSpec.Azure {
    fileprivate var options: [String: String] {
        var options: [String: String] = [:]
        options["azure_storage_account_name"] = account
        options["azure_storage_endpoint"] = endpoint
        options["azure_authority_host"] = authorityHost
        if allowHTTP { options["azure_allow_http"] = "true" }
        return options
    }
}

extension StorageProfileSpec.Gcs {
    fileprivate var options: [String: String] {
        var options: [String: String] = [:]
        options["google_base_url"] = endpoint
        if allowHTTP { options["google_allow_http"] = "true" }
        return options
    }
}
