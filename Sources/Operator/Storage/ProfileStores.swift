import Base
import KubeClient
import ObjectStore

/// Opens the stores of profiles, each with its own profile's credentials and with no others: with those of the operator's process only where
/// ``OperatorReach/ownIdentity`` says so.
///
/// What was opened is kept for as long as the profile and its secrets are the same, so that a rotated secret takes effect with the next look at a table.
final class ProfileStores: Sendable {
    private struct Entry {
        let access: StoreAccess
        /// Of each secret, when it was read.
        let versions: [ObjectKey: String]
        let factory: StoreFactory
        var checked: Timestamp
    }

    private let stores: StoreFactory
    private let secrets: any SecretReading
    private let clock: any WallClock
    /// Tells of the process's own identity, for profiles that it may be lent to.
    private let environment: [String: String]
    /// By the profile's uid.
    private let entries = Lock<[String: Entry]>([:])

    /// How long a secret that nobody watches counts without being read again.
    private static let patience = Duration.seconds(15)
    /// One dead store must not hold up the others' tables: it is given up sooner than a worker does.
    private static let limits = ["max_retries": "2", "retry_timeout": "60s", "timeout": "10s", "connect_timeout": "5s"]

    /// - Parameter stores: opens directories of the machine; the stores of profiles share its threads and metrics.
    init(stores: StoreFactory, secrets: any SecretReading, clock: any WallClock, environment: [String: String] = [:]) {
        self.environment = environment
        self.stores = stores
        self.secrets = secrets
        self.clock = clock
    }

    /// Throws ``Obstacle``, `ObjectStoreError`, or `KubeError` where the API server does not answer.
    func open(_ place: TablePlace) async throws -> any ObjectStore {
        switch place.access {
        case .host: try stores.open(place.location)
        case let .claim(access):
            throw Obstacle(reason: .notObservable, message: "the claim \(access.name) is mounted by pods only")
        case let .store(access): try await factory(access).open(place.location)
        }
    }

    /// A store that nothing was learnt of yet, for a probe.
    func openNew(_ location: TableLocation, _ access: StorageAccess) async throws -> any ObjectStore {
        guard case let .store(access) = access else { return try stores.open(location) }
        return try stores.with(try await read(access).options).open(location)
    }

    /// Drops what is kept of a profile that is gone.
    func forget(profileUID uid: String) { entries.withLock { $0[uid] = nil } }

    private func factory(_ access: StoreAccess) async throws -> StoreFactory {
        let known = entries.withLock { $0[access.profileUID] }
        if let known, known.access == access, isCurrent(known) { return known.factory }
        let (options, versions) = try await read(access)
        return entries.withLock { entries in
            // Somebody else may have opened it meanwhile; and what the same secret opened before, knows its store.
            if let there = entries[access.profileUID], there.access == access, there.versions == versions {
                entries[access.profileUID]?.checked = clock.now()
                return there.factory
            }
            let factory = stores.with(options)
            entries[access.profileUID] = Entry(access: access, versions: versions, factory: factory, checked: clock.now())
            return factory
        }
    }

    private func isCurrent(_ entry: Entry) -> Bool {
        let isRecent = clock.now() - entry.checked < Self.patience
        return entry.versions.allSatisfy { key, version in
            switch secrets.known(key) {
            case .version(let known): known == version
            case .absent: false
            case .unknown: isRecent
            }
        }
    }

    // MARK: - Secrets

    private func read(_ access: StoreAccess) async throws -> (options: StoreOptions, versions: [ObjectKey: String]) {
        var options = access.options.merging(Self.limits) { $1 }
        var versions: [ObjectKey: String] = [:]
        if let name = access.secretName {
            let key = ObjectKey(namespace: access.profile.namespace, name: name)
            let secret = try await secret(key, "credentials.secretRef")
            versions[key] = secret.metadata.resourceVersion
            options.merge(try credentials(secret, access)) { $1 }
        } else if !access.lendsOperatorIdentity {
            throw Obstacle(
                reason: .notObservable,
                message: "the profile has no credentials but its pods' own identity, which the operator does not have; a TableOperation runs on its tables")
        }
        if let authorities = access.certificates {
            let key = ObjectKey(namespace: access.profile.namespace, name: authorities.name)
            let secret = try await self.secret(key, "tls.caSecretRef")
            versions[key] = secret.metadata.resourceVersion
            options["ca_certificates"] = try certificates(secret, authorities.key)
        }
        if access.secretName == nil { return (StoreOptions(options, environment: environment, usesAmbientIdentity: true), versions) }
        return (StoreOptions(options, usesAmbientIdentity: false), versions)
    }

    private func secret(_ key: ObjectKey, _ field: String) async throws -> Secret {
        do {
            guard let secret = try await secrets.secret(key) else {
                throw Obstacle(reason: .secretNotFound, message: "there is no Secret \(key.name) in this namespace; create it, or correct \(field)")
            }
            return secret
        } catch let error as KubeError where error.isForbidden {
            throw Obstacle(
                reason: .secretForbidden,
                message: "the operator may not read the Secret \(key.name): allow its service account to get, list and watch it")
        }
    }

    private func credentials(_ secret: Secret, _ access: StoreAccess) throws(Obstacle) -> [String: String] {
        var entries: [String: String] = [:]
        for key in (secret.data ?? [:]).keys { entries[key] = secret.text(key) }
        let found: [String: String]
        do throws(MissingSecretKey) {
            found = try SecretCredentials(entries, for: access.scheme).options
        } catch {
            throw Obstacle(reason: .invalidSecret, message: "the Secret \(secret.metadata.name) does not let anybody in: \(error.reason)")
        }
        guard access.options["aws_server_side_encryption"] == "sse-c" else { return found }
        guard let key = entries[SecretCredentials.customerKey] else {
            throw Obstacle(
                reason: .invalidSecret,
                message: "the Secret \(secret.metadata.name) has no \(SecretCredentials.customerKey), with which s3.encryption CustomerKey encrypts")
        }
        return found.merging(["aws_sse_customer_key_base64": key.filter { !$0.isWhitespace }]) { $1 }
    }

    private func certificates(_ secret: Secret, _ key: String) throws(Obstacle) -> String {
        guard let text = secret.text(key), text.contains("-----BEGIN CERTIFICATE-----") else {
            throw Obstacle(
                reason: .invalidSecret,
                message: "the Secret \(secret.metadata.name) has no certificates (PEM) under the key \(key), which tls.caSecretRef names")
        }
        return text
    }
}
