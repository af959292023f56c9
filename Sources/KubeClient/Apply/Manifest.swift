import Base
import Glibc

/// An object that a person wrote down, and where.
public struct Manifest: Sendable, Hashable {
    public var resource: Resource
    /// For messages: the file, or `standard input`.
    public var source: String

    public init(resource: Resource, source: String) {
        self.resource = resource
        self.source = source
    }

    /// The objects of files and directories (their `.yaml`, `.yml` and `.json` files, by name, not those further down); `-` is standard input.
    public static func load(_ paths: [String]) throws(KubeError) -> [Manifest] {
        var manifests: [Manifest] = []
        for path in paths {
            if path == "-" {
                manifests += try parse(FileContents.read("/dev/stdin"), source: "standard input")
            } else if let names = directoryEntries(path) {
                let files = names.filter { name in [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) } }.sorted()
                guard !files.isEmpty else { throw .invalidConfiguration(source: path, reason: "the directory has no .yaml, .yml or .json files") }
                for file in files { manifests += try parse(FileContents.read("\(path)/\(file)"), source: "\(path)/\(file)") }
            } else {
                manifests += try parse(FileContents.read(path), source: path)
            }
        }
        return manifests
    }

    /// The objects in a YAML or JSON text; lists are taken apart.
    public static func parse(_ content: Bytes, source: String) throws(KubeError) -> [Manifest] {
        let documents: [JSONValue]
        do {
            documents = try YAML.parseAll(content)
        } catch {
            throw .invalidConfiguration(source: source, reason: "\(error)")
        }
        var manifests: [Manifest] = []
        for document in documents where !document.isNull {
            if document["kind"]?.stringValue == "List", let items = document["items"]?.arrayValue {
                for item in items { manifests.append(try manifest(item, source)) }
            } else {
                manifests.append(try manifest(document, source))
            }
        }
        return manifests
    }

    private static func manifest(_ json: JSONValue, _ source: String) throws(KubeError) -> Manifest {
        let resource = Resource(json: json)
        guard !resource.apiVersion.isEmpty, !resource.kind.isEmpty else {
            throw .invalidConfiguration(source: source, reason: "a document has no apiVersion or no kind: this is no Kubernetes object")
        }
        guard !resource.name.isEmpty else { throw .invalidConfiguration(source: source, reason: "a \(resource.kind) has no metadata.name") }
        return Manifest(resource: resource, source: source)
    }

    /// The names in a directory; nil where `path` is none.
    private static func directoryEntries(_ path: String) -> [String]? {
        guard let directory = opendir(path) else { return nil }
        defer { closedir(directory) }
        guard let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) else { return [] }
        var names: [String] = []
        while let entry = readdir(directory) { names.append(String(cString: (UnsafeRawPointer(entry) + nameOffset).assumingMemoryBound(to: CChar.self))) }
        return names
    }
}
