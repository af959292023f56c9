import Base

/// A place in Azure Storage as people write it: container, path, and the account where the URL names it.
///
/// `abfss://container@account.dfs.core.windows.net/path` (also abfs, az, azure, adl and wasbs with the blob host), `az://container/path`,
/// `https://account.blob.core.windows.net/container/path` and the same on the dfs host.
struct AzureLocation: Sendable, Hashable {
    static let schemes: Set<String> = ["abfs", "abfss", "az", "azure", "adl", "wasb", "wasbs", "https"]
    static let publicSuffix = "core.windows.net"
    /// Nothing but Microsoft's own hosts may be named by a URL: credentials are sent there. Others are set as endpoints, beside the credentials.
    private static let suffixes = [
        publicSuffix, "core.chinacloudapi.cn", "core.usgovcloudapi.net", "core.cloudapi.de", "storage.azure.net", "fabric.microsoft.com",
    ]

    let container: String
    let account: String?
    /// Of the account's Blob endpoint, where the URL names the account: `account.blob.core.windows.net`.
    let host: String?
    /// Without slashes at its ends; not percent-encoded.
    let path: String

    /// - Parameters:
    ///   - scheme: in lower case.
    ///   - authority: what stands between `//` and the next slash.
    ///   - path: what follows, decoded.
    init(scheme: String, authority: String, path: String) throws(ObjectStoreError) {
        let written = "\(scheme)://\(authority.shownShort(200))/\(path)"
        func invalid(_ reason: String) -> ObjectStoreError { .unsupportedLocation(location: written, reason: reason) }
        var components = path.split(separator: "/").map(String.init)
        let container: String
        if scheme == "https" {
            guard let named = Self.host(authority) else { throw invalid("the host is none of Azure Storage's") }
            guard !components.isEmpty else { throw invalid("it names no container: write https://account.blob.core.windows.net/container/path") }
            container = components.removeFirst()
            (account, host) = named
        } else if let at = authority.firstIndex(of: "@") {
            container = String(authority[..<at])
            guard let named = Self.host(String(authority[authority.index(after: at)...])) else {
                throw invalid("behind the @ stands no host of Azure Storage like account.dfs.core.windows.net; for another endpoint set AZURE_STORAGE_ENDPOINT")
            }
            (account, host) = named
        } else {
            container = authority
            (account, host) = (nil, nil)
        }
        guard container.isContainerName else {
            throw invalid(
                "\(container.isEmpty ? "nothing" : container.shownShort(80)) is no container's name: write \(scheme == "https" ? "abfss" : scheme)://container@account.dfs.core.windows.net/path"
            )
        }
        self.container = container
        self.path = components.joined(separator: "/")
    }

    /// Account and Blob host of `account.dfs.core.windows.net`.
    private static func host(_ text: String) -> (account: String, host: String)? {
        let host = text.lowercased()
        for suffix in suffixes where host.hasSuffix(".\(suffix)") {
            let parts = host.dropLast(suffix.count + 1).split(separator: ".", omittingEmptySubsequences: false)
            // `account.z12.blob.storage.azure.net` of zonal endpoints.
            guard parts.count == 2 || (parts.count == 3 && suffix == "storage.azure.net"), let service = parts.last, service == "blob" || service == "dfs",
                parts.allSatisfy({ !$0.isEmpty })
            else { return nil }
            return (String(parts[0]), "\(parts.dropLast().joined(separator: ".")).blob.\(suffix)")
        }
        return nil
    }
}

extension AzureLocation: CustomStringConvertible {
    /// The container and, where the URL names it, the account's Data Lake host.
    var authority: String { host.map { "\(container)@\($0.replacing(".blob.", with: ".dfs."))" } ?? container }

    var description: String { "\(host == nil ? "az" : "abfss")://\(authority)/\(path.percentEncodedPath)" }
}

extension String {
    /// Three to 63 letters, digits and hyphens, in lower case; `$web` and its like exist too. Fabric's workspaces may have upper case.
    fileprivate var isContainerName: Bool {
        (1...63).contains(utf8.count)
            && utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || "-_$".utf8.contains($0) }
    }
}
