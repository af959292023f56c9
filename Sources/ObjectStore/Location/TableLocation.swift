import Base

/// Where a table (or any tree of objects) lives, in one spelling: what a person wrote as a path or a URL, made absolute and normal.
public struct TableLocation: Sendable, Hashable {
    public enum Scheme: String, Sendable, Hashable, CaseIterable {
        case file, s3
        /// Azure Blob Storage and Azure Data Lake Storage, by whichever of their URLs.
        case azure
        /// Google Cloud Storage.
        case gcs = "gs"
    }

    public let scheme: Scheme
    /// The bucket, or Azure's container with `@` and its account's host where the URL names that; empty for files.
    public let authority: String
    /// Absolute, without `.`, `..`, doubled or trailing slashes; percent escapes of a URL are resolved.
    public let path: String

    /// Reads a path (relative ones count from `relativeTo`), `file:///path` or Hadoop's `file:/path`, `s3://bucket/path` or Hadoop's `s3a://bucket/path`,
    /// `gs://bucket/path`, and Azure's `abfss://container@account.dfs.core.windows.net/path`, `az://container/path` and their like.
    ///
    /// Throws ``ObjectStoreError/unsupportedLocation(location:reason:)`` for other schemes and for what is no location.
    public init(_ uri: String, relativeTo workingDirectory: String = "/") throws(ObjectStoreError) {
        guard !uri.isEmpty else { throw .unsupportedLocation(location: "(empty)", reason: "give a path or a URL like file:///data/orders") }
        guard !uri.utf8.contains(0) else { throw .unsupportedLocation(location: uri, reason: "it has a NUL character") }
        guard let (scheme, rest) = Self.splitScheme(uri) else {
            self.init(.file, path: uri.hasPrefix("/") ? uri : "\(workingDirectory)/\(uri)")
            return
        }
        switch scheme {
        case "file":
            var path = rest
            if path.hasPrefix("//") {
                path = path.dropFirst(2)
                if path.hasPrefix("localhost/") { path = path.dropFirst("localhost".count) }
            }
            guard path.hasPrefix("/") else {
                throw .unsupportedLocation(location: uri, reason: "a file URL names an absolute path of this machine, as file:///data/orders does")
            }
            self.init(.file, path: try Self.decoded(path, of: uri))
        case "s3", "s3a", "s3n":
            let (bucket, path) = Self.splitAuthority(rest)
            guard (1...255).contains(bucket.utf8.count), bucket.utf8.allSatisfy({ $0.isBucketCharacter }), bucket.utf8.first != UInt8(ascii: ".") else {
                throw .unsupportedLocation(location: uri, reason: "an S3 URL names a bucket, as s3://lake/orders does")
            }
            self.init(.s3, authority: bucket, path: try Self.decoded(path, of: uri))
        case "gs", "gcs":
            let (bucket, path) = Self.splitAuthority(rest)
            guard (1...255).contains(bucket.utf8.count), bucket.utf8.allSatisfy({ $0.isBucketCharacter }) else {
                throw .unsupportedLocation(location: uri, reason: "a URL of Google Cloud Storage names a bucket, as gs://lake/orders does")
            }
            self.init(.gcs, authority: bucket, path: try Self.decoded(path, of: uri))
        case _ where AzureLocation.schemes.contains(scheme):
            let (authority, path) = Self.splitAuthority(rest)
            let place = try AzureLocation(scheme: scheme, authority: authority, path: try Self.decoded(path, of: uri))
            self.init(.azure, authority: place.authority, path: place.path)
        default:
            throw .unsupportedLocation(location: uri, reason: "\(scheme):// is not known; use file://, s3://, abfss://, az:// or gs://")
        }
    }

    /// What stands between `//` and the next slash, and the rest from there on.
    private static func splitAuthority(_ rest: Substring) -> (authority: String, path: Substring) {
        let behind = rest.dropFirst(2)
        let authority = behind.prefix { $0 != "/" }
        return (String(authority), behind[authority.endIndex...])
    }

    private static func decoded(_ path: Substring, of uri: String) throws(ObjectStoreError) -> String {
        guard let decoded = String(path).percentDecoded else {
            throw .unsupportedLocation(
                location: uri, reason: "a `%` in a URL must be followed by two hexadecimal digits that make valid UTF-8; write `%25` for a percent sign")
        }
        return decoded
    }

    private init(_ scheme: Scheme, authority: String = "", path: String) {
        self.scheme = scheme
        self.authority = authority
        var components: [String] = []
        for component in path.pathComponents {
            switch component {
            case ".": continue
            case "..": _ = components.popLast()
            default: components.append(component)
            }
        }
        self.path = "/" + components.joined(separator: "/")
    }

    /// The scheme in lower case and what follows its colon; nil for a plain path, which may well have a colon.
    private static func splitScheme(_ uri: String) -> (scheme: String, rest: Substring)? {
        guard let colon = uri.firstIndex(of: ":") else { return nil }
        let scheme = uri[..<colon].lowercased()
        let rest = uri[uri.index(after: colon)...]
        guard let first = scheme.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first),
            scheme.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E }),
            rest.hasPrefix("//") || (scheme == "file" && rest.hasPrefix("/"))
        else { return nil }
        return (scheme, rest)
    }

    /// By bytes, as file systems do.
    public static func == (left: TableLocation, right: TableLocation) -> Bool {
        left.scheme == right.scheme && left.authority == right.authority && left.path.hasSameBytes(as: right.path)
    }

    /// The location of something below this one; `name` may have several components.
    public func appending(_ name: String) -> TableLocation { TableLocation(scheme, authority: authority, path: "\(path)/\(name)") }

    /// The location that this one is in; the root's own is the root.
    public var parent: TableLocation { TableLocation(scheme, authority: authority, path: path.pathComponents.dropLast().joined(separator: "/")) }

    /// The root of the bucket, the container or this machine's files that it is in.
    public var container: TableLocation { TableLocation(scheme, authority: authority, path: "/") }

    /// What follows `root` in the path, without a slash at its start; nil for a place that is not below it.
    public func path(below root: TableLocation) -> String? {
        guard self != root, isInside(root) else { return nil }
        return String(decoding: path.utf8.dropFirst(root.path == "/" ? 1 : root.path.utf8.count + 1), as: UTF8.self)
    }

    /// The last component; empty for the root.
    public var name: String { path.pathComponents.last ?? "" }

    /// Whether this is `other` or lies below it.
    public func isInside(_ other: TableLocation) -> Bool {
        scheme == other.scheme && authority == other.authority && (self == other || other.path == "/" || path.utf8.starts(with: "\(other.path)/".utf8))
    }
}

extension TableLocation: CustomStringConvertible {
    /// `file:///data/orders`, `s3://lake/orders`, `abfss://lake@account.dfs.core.windows.net/orders`
    public var description: String {
        switch scheme {
        case .file, .s3, .gcs: "\(scheme.rawValue)://\(authority)\(path.percentEncodedPath)"
        // The scheme that goes with the host, as the vendor's tools take it; without an account only `az` means something.
        case .azure: "\(authority.contains("@") ? "abfss" : "az")://\(authority)\(path.percentEncodedPath)"
        }
    }
}

extension UInt8 {
    fileprivate var isBucketCharacter: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}

extension String {
    /// `%20` and its like resolved; nil where a percent sign is followed by something else, or where the bytes are no UTF-8.
    public var percentDecoded: String? {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst()?.hexadecimalDigit, let low = rest.popFirst()?.hexadecimalDigit else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Escapes what may not stand in a URL's path: everything but unreserved characters, `/` and the delimiters that RFC 3986 allows there.
    public var percentEncodedPath: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                bytes.append(byte)
            case _ where "-._~/!$&'()*+,;=:@".utf8.contains(byte):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
