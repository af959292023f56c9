import ObjectStore
import Testing

/// What a secret's keys say, by the names that people and other tools give them; and nothing of where a store is.
@Suite struct SecretCredentialsTests {
    private static let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]

    @Test(arguments: [
        (TableLocation.Scheme.s3, keys.merging(["AWS_ENDPOINT_URL": "http://elsewhere", "other": "x"]) { $1 }, keys),
        (
            .s3, ["AWS_ACCESS_KEY_ID": "a\n", "AWS_SECRET_ACCESS_KEY": " b ", "AWS_SESSION_TOKEN": "t"],
            keys.merging(["AWS_SESSION_TOKEN": "t"]) { $1 }
        ),
        (.azure, ["account-name": "n", "account-key": "k", "endpoint": "http://elsewhere"], ["account_name": "n", "account_key": "k"]),
        (.azure, ["AZURE_STORAGE_ACCOUNT_KEY": "k"], ["azure_storage_account_key": "k"]),
        (.azure, ["sas-token": "s"], ["sas_token": "s"]),
        (.azure, ["client-id": "c", "tenant-id": "t", "client-secret": "s"], ["client_id": "c", "tenant_id": "t", "client_secret": "s"]),
        (.gcs, ["google-service-account-key": "{}", "other": "x"], ["google_service_account_key": "{}"]),
        (.gcs, ["key.json": "{}"], ["google_service_account_key": "{}"]),
        (.gcs, ["credentials.json": "{}"], ["google_service_account_key": "{}"]),
        (.gcs, ["GOOGLE_APPLICATION_CREDENTIALS": "{}"], ["google_service_account_key": "{}"]),
    ])
    func keysBecomeOptions(scheme: TableLocation.Scheme, entries: [String: String], options: [String: String]) throws {
        #expect(try SecretCredentials(entries, for: scheme).options == options)
    }
}
