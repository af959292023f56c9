import Base
import HTTP

/// Microsoft Entra's tokens for Azure Storage, each kind by its protocol.
enum AzureTokens {
    static let publicAuthority = "https://login.microsoftonline.com"
    static let resource = "https://storage.azure.com"
    static let metadataEndpoint = "http://169.254.169.254/metadata/identity/oauth2/token"

    /// An application proves itself by its secret, or by a token that another issuer gave it (workload identity).
    struct Application: CredentialSource {
        enum Proof: Sendable {
            case secret(String)
            /// A file that somebody else (the kubelet) keeps fresh: it is read each time.
            case federatedTokenFile(String)
        }

        let endpoint: TokenEndpoint
        let url: RemoteURL
        let clientID: String
        let proof: Proof

        init(endpoint: TokenEndpoint, authority: String, tenant: String, clientID: String, proof: Proof) throws(CredentialsError) {
            guard let base = RemoteURL(base: authority) else {
                throw CredentialsError(message: "the authority host is no URL: \(authority.shownShort(200))", isRetryable: false)
            }
            self.endpoint = endpoint
            self.clientID = clientID
            self.proof = proof
            url = RemoteURL(scheme: base.scheme, authority: base.authority, path: "\(base.path)/\(PercentEncoding.encode(tenant))/oauth2/v2.0/token")
        }

        func fetch() async throws -> AzureCredential {
            var form = [("client_id", clientID), ("scope", "\(AzureTokens.resource)/.default"), ("grant_type", "client_credentials")]
            switch proof {
            case let .secret(secret): form.append(("client_secret", secret))
            case let .federatedTokenFile(path):
                form.append(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
                form.append(("client_assertion", try await endpoint.text(ofFile: path, called: "the federated token")))
            }
            return .token(try await endpoint.token("asking Microsoft Entra for a token", url: url, form: form))
        }
    }

    /// What the machine or the pod is: asked of the metadata service of the instance, or of an App Service's own endpoint.
    struct ManagedIdentity: CredentialSource {
        let endpoint: TokenEndpoint
        let url: RemoteURL
        /// App Service and its like prove with this header that the caller is no forwarded request.
        let identityHeader: String?

        /// - Parameter identity: which of several: `client_id`, `object_id` or `msi_res_id`, and its value.
        init(endpoint: TokenEndpoint, service: String?, identityHeader: String?, identity: (name: String, value: String)?) throws(CredentialsError) {
            let text = service ?? AzureTokens.metadataEndpoint
            guard let base = RemoteURL(base: text) else {
                throw CredentialsError(message: "the managed identity's endpoint is no URL: \(text.shownShort(200))", isRetryable: false)
            }
            self.endpoint = endpoint
            self.identityHeader = identityHeader
            var parameters = [("api-version", "2019-08-01"), ("resource", AzureTokens.resource)]
            if let identity { parameters.append((identity.name, identity.value)) }
            url = base.adding(parameters)
        }

        func fetch() async throws -> AzureCredential {
            var headers: HTTPHeaders = ["Metadata": "true"]
            if let identityHeader { headers["X-IDENTITY-HEADER"] = identityHeader }
            do {
                return .token(try await endpoint.token("asking the managed identity's endpoint for a token", url: url, headers: headers))
            } catch let error as CredentialsError {
                throw error.advising(
                    "where there is no managed identity, set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or an application's AZURE_CLIENT_SECRET")
            }
        }
    }
}
