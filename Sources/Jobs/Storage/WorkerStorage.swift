import Base
import ObjectStore

/// How a worker's pod is told of its storage: what is no secret stands in the task, what is one lies in mounted files.
public enum WorkerStorage {
    /// Names the directory with a file for each key of the profile's secret.
    public static let credentialsVariable = "LEVEE_CREDENTIALS_DIRECTORY"
    /// Names the file with the authorities that may sign the server's certificate.
    public static let certificatesVariable = "LEVEE_CA_BUNDLE"

    /// The options that the task's store is opened with.
    ///
    /// A secret's own files are read by the store itself, again and again, so that a rotated one takes effect. An identity that the pod happens to have does
    /// not count where the profile names a secret.
    public static func options(_ storage: WorkerTask.Storage?, environment: [String: String]) throws(WorkerError) -> StoreOptions {
        var given = storage?.options ?? [:]
        if let file = environment[certificatesVariable] { given["ca_bundle"] = file }
        if given["aws_server_side_encryption"] == "sse-c", let directory = environment[credentialsVariable] {
            let file = "\(directory)/\(SecretCredentials.customerKey)"
            do throws(SystemError) {
                let key = try readFile(file, limit: 4096).text
                given["aws_sse_customer_key_base64"] = String(key.filter { !$0.isWhitespace })
            } catch {
                throw .unusableStorage(
                    reason: "\(file), the key that the objects are encrypted with, cannot be read: \(error); put it into the profile's secret")
            }
        }
        return StoreOptions(given, environment: environment, usesAmbientIdentity: storage?.usesPodIdentity ?? true)
    }
}
