import Base
import Jobs
import KubeClient
import ObjectStore
import TestSupport
import Testing

@testable import Operator

@Suite struct ProfileStoresTests {
    private static let clock = ManualClock()

    private static func place(_ location: String = "s3://lake/orders", uid: String = "u1", certificates: StoreAccess.SecretKey? = nil) throws -> TablePlace {
        var access = StoreAccess(scheme: .s3, profile: ObjectKey(namespace: "lake", name: "lake"), profileUID: uid)
        access.secretName = "keys"
        access.certificates = certificates
        return TablePlace(location: try TableLocation(location), access: .store(access))
    }

    private static func stores(_ secrets: FakeSecrets, _ clock: ManualClock) -> ProfileStores {
        ProfileStores(
            stores: StoreFactory(executor: BlockingExecutor(threads: 1, name: "test"), options: StoreOptions(usesAmbientIdentity: false)), secrets: secrets,
            clock: clock)
    }

    @Test func aWatchedSecretIsReadOnceUntilItChanges() async throws {
        let (secrets, clock) = (FakeSecrets(), ManualClock())
        secrets.put("keys", ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"])
        secrets.watch()
        let stores = Self.stores(secrets, clock)
        for _ in 0..<5 { _ = try await stores.open(Self.place()) }
        clock.advance(by: .seconds(3600))
        _ = try await stores.open(Self.place("s3://lake/other"))
        #expect(secrets.reads == 1)
        secrets.put("keys", ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "c"])
        _ = try await stores.open(Self.place())
        #expect(secrets.reads == 2)
        secrets.put("keys", nil)
        await #expect(throws: Obstacle.self) { try await stores.open(Self.place()) }
    }

    @Test func aSecretThatNobodyWatchesIsReadAgainAfterAWhile() async throws {
        let (secrets, clock) = (FakeSecrets(), ManualClock())
        secrets.put("keys", ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"])
        let stores = Self.stores(secrets, clock)
        for _ in 0..<5 { _ = try await stores.open(Self.place()) }
        #expect(secrets.reads == 1)
        clock.advance(by: .seconds(16))
        _ = try await stores.open(Self.place())
        #expect(secrets.reads == 2)
    }

    @Test func eachProfileHasItsOwn() async throws {
        let (secrets, clock) = (FakeSecrets(), ManualClock())
        secrets.put("keys", ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"])
        secrets.watch()
        let stores = Self.stores(secrets, clock)
        _ = try await stores.open(Self.place(uid: "u1"))
        _ = try await stores.open(Self.place(uid: "u2"))
        #expect(secrets.reads == 2)
        #expect(try Self.place(uid: "u1").cacheKey != Self.place(uid: "u2").cacheKey)
        #expect(try Self.place(uid: "u1").identity == Self.place(uid: "u2").identity)
    }

    /// What the operator's process may must not be lent to a profile that has nothing of its own.
    @Test func theOperatorsOwnIdentityIsNobodyElses() async throws {
        var access = StoreAccess(scheme: .s3, profile: ObjectKey(namespace: "lake", name: "lake"), profileUID: "u")
        access.options = ["aws_region": "us-east-1"]
        let place = TablePlace(location: try TableLocation("s3://lake/orders"), access: .store(access))
        #expect(!place.access.isReachedByOperator)
        let stores = Self.stores(FakeSecrets(), ManualClock())
        await #expect(throws: Obstacle.self) { try await stores.open(place) }
    }

    @Test(arguments: [
        (#"{"root":"s3://lake/","s3":{}}"#, true), (#"{"root":"s3://lake/","s3":{},"credentials":{"serviceAccountName":"tables"}}"#, false),
        (#"{"root":"s3://lake/","s3":{},"credentials":{"secretRef":{"name":"keys"}}}"#, false),
    ])
    func itIsLentWhereTheOperatorIsToldTo(spec: String, isLent: Bool) async throws {
        let profile = StorageProfile(
            metadata: ObjectMeta(name: "lake", namespace: "lake"), spec: try JSON.decode(StorageProfileSpec.self, from: spec), status: nil)
        for reach in [OperatorReach(), OperatorReach(ownIdentity: true)] {
            guard case let .store(access) = try Placement.access(to: profile, reach: reach) else { return }
            #expect(access.lendsOperatorIdentity == (isLent && reach.ownIdentity))
            guard access.lendsOperatorIdentity else { continue }
            _ = try await Self.stores(FakeSecrets(), ManualClock()).open(TablePlace(location: try TableLocation("s3://lake/x"), access: .store(access)))
            #expect(StorageAccess.store(access).taskStorage?.usesPodIdentity == true, "pods have their own")
        }
    }
}

@Suite struct PlacementTests {
    private static func profile(_ spec: String) throws -> StorageProfile {
        StorageProfile(metadata: ObjectMeta(name: "lake", namespace: "lake"), spec: try JSON.decode(StorageProfileSpec.self, from: spec), status: nil)
    }

    @Test(
        arguments: [
            (#"{"root":"s3://lake/","s3":{}}"#, [:]),
            (
                #"{"root":"s3a://lake/x","s3":{"endpoint":"http://minio:9000","allowHTTP":true,"region":"eu-1","pathStyle":true,"requesterPays":true}}"#,
                [
                    "aws_endpoint_url_s3": "http://minio:9000", "aws_allow_http": "true", "aws_region": "eu-1", "aws_virtual_hosted_style_request": "false",
                    "aws_request_payer": "true",
                ]
            ),
            (
                #"{"root":"s3://lake/","s3":{"encryption":{"algorithm":"KMSDualLayer","kmsKeyID":"k","bucketKey":true}}}"#,
                ["aws_server_side_encryption": "aws:kms:dsse", "aws_sse_kms_key_id": "k", "aws_sse_bucket_key_enabled": "true"]
            ),
            (
                #"{"root":"az://lake/x","azure":{"account":"a","endpoint":"https://blobs","authorityHost":"https://login"}}"#,
                ["azure_storage_account_name": "a", "azure_storage_endpoint": "https://blobs", "azure_authority_host": "https://login"]
            ),
            (#"{"root":"gs://lake/x","gcs":{"endpoint":"http://gcs","allowHTTP":true}}"#, ["google_base_url": "http://gcs", "google_allow_http": "true"]),
        ] as [(String, [String: String])])
    func aSpecBecomesOptions(spec: String, options: [String: String]) throws {
        guard case let .store(access) = try Placement.access(to: Self.profile(spec), reach: OperatorReach()) else {
            Issue.record("not a store")
            return
        }
        #expect(access.options == options)
    }

    @Test(arguments: [
        ("s3://lake/bronze/orders", true), ("s3a://lake/bronze/orders", true), ("s3://lake/bronze", false), ("s3://lake/bronzes/x", false),
        ("s3://other/bronze/orders", false), ("gs://lake/bronze/orders", false),
    ])
    func tablesLieBelowTheRoot(location: String, isInside: Bool) throws {
        let profile = try Self.profile(#"{"root":"s3a://lake/bronze/","s3":{}}"#)
        let place = try? Placement.resolve(location: location, profile: profile, profileName: "lake", reach: OperatorReach())
        #expect((place != nil) == isInside)
    }
}
