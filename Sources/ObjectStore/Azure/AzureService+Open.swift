import Base

extension AzureLocation {
    init(_ location: TableLocation) throws(ObjectStoreError) {
        try self.init(scheme: location.authority.contains("@") ? "abfss" : "az", authority: location.authority, path: location.path)
    }
}

extension AzureService {
    /// A container's service with the credentials that the options name, or else the process has.
    static func open(_ place: AzureLocation, with stores: RemoteStores) throws(ObjectStoreError) -> AzureService {
        let source = AzureCredentialSource(stores: stores, secret: MountedSecret(stores.options))
        let options: AzureOptions
        do {
            options = try source.options()
            // What can be told to be wrong without asking anybody is told now.
            _ = try source.source(options)
        } catch let error as CredentialsError {
            throw .invalidCredentials(path: place.description, message: error.message)
        } catch let error as ObjectStoreError {
            throw error
        } catch {
            throw .invalidCredentials(path: place.description, message: "\(error)")
        }
        let emulator = stores.options.usesAmbientIdentity ? stores.options.environmentValue("azurite_blob_storage_url") : nil
        let container = try AzureContainer(place, options: options, emulatorURL: emulator)
        let signer = AzureSigner(account: container.account, source: AnyCredentialSource(source), clock: stores.clock)
        let client = try stores.client("azure://\(container.account)/\(container.name)", signer: signer, dialect: AzureDialect())
        return AzureService(client: client, signer: signer, container: container, partSize: stores.partSize)
    }
}

/// The credential that the options mean, by whichever way they say; files of a mounted secret are read again every minute.
private struct AzureCredentialSource: CredentialSource {
    let stores: RemoteStores
    let secret: MountedSecret?

    func options() throws(CredentialsError) -> AzureOptions {
        guard let secret else { return AzureOptions(stores.options) }
        return AzureOptions(stores.options.adding(try secret.read(AzureOptions.Key.secrets.flatMap(\.names))))
    }

    func fetch() async throws -> Rechecked<AzureCredential> {
        let options: AzureOptions = try await stores.executor.run { () throws -> AzureOptions in try self.options() }
        do {
            let credential = try await source(options).fetch()
            // Tokens come to an end by themselves.
            let isChecked = if case .token = credential { false } else { secret != nil }
            return Rechecked(credential: credential, recheck: isChecked ? stores.clock.now() + MountedSecret.interval : nil)
        } catch let error as ObjectStoreError {
            throw CredentialsError(message: "\(error)", isRetryable: true)
        }
    }

    /// The order is object_store's: a token, a key, a workload's or an application's identity, a SAS, and at last the machine's own identity.
    func source(_ options: AzureOptions) throws -> AnyCredentialSource<AzureCredential> {
        func fixed(_ credential: AzureCredential) -> AnyCredentialSource<AzureCredential> { AnyCredentialSource(FixedCredential(credential: credential)) }
        func application(_ tenant: String, _ client: String, _ proof: AzureTokens.Application.Proof) throws -> AnyCredentialSource<AzureCredential> {
            let authority = options[.authorityHost] ?? AzureTokens.publicAuthority
            return AnyCredentialSource(
                try AzureTokens.Application(
                    endpoint: try stores.tokenEndpoint(), authority: authority.contains("://") ? authority : "https://\(authority)", tenant: tenant,
                    clientID: client, proof: proof))
        }
        let mayUseProcess = stores.options.usesAmbientIdentity
        if options.flag(.skipSignature) { return fixed(.anonymous) }
        if let token = options[.bearerToken] { return fixed(.token(BearerToken(token: token, expires: nil))) }
        if let key = options[.accountKey] { return fixed(try AzureCredential(accountKey: key)) }
        if let tenant = options[.tenantID], let client = options[.clientID] {
            if mayUseProcess, let file = options[.federatedTokenFile] { return try application(tenant, client, .federatedTokenFile(file)) }
            if let secret = options[.clientSecret] { return try application(tenant, client, .secret(secret)) }
        }
        if let signature = options[.sasToken] { return fixed(try AzureCredential(signature: signature)) }
        if options.flag(.useEmulator) { return fixed(try AzureCredential(accountKey: AzureContainer.emulatorKey)) }
        guard mayUseProcess else {
            throw CredentialsError(
                message: "none are given: put account-name and account-key into the secret, or sas-token, or client-id, tenant-id and client-secret",
                isRetryable: false)
        }
        let identity: (name: String, value: String)? =
            if let id = options[.metadataResourceID] { ("msi_res_id", id) } else if let id = options[.objectID] {
                ("object_id", id)
            } else if let id = options[
                .clientID]
            { ("client_id", id) } else { nil }
        return AnyCredentialSource(
            try AzureTokens.ManagedIdentity(
                endpoint: try stores.tokenEndpoint(isMetadata: true), service: options[.metadataEndpoint], identityHeader: options.identityHeader,
                identity: identity))
    }
}
