import Base
import HTTP

/// One page of List Blobs.
struct AzureListPage: Sendable {
    struct Blob: Sendable {
        var name = ""
        var size: Int64 = 0
        var modified = Timestamp(microseconds: 0)
        var isDirectory = false
    }

    var blobs: [Blob] = []
    /// Where the next page begins; nil at the end.
    var marker: String?
    /// Whether the account has a hierarchical namespace: only then are blobs said to be files or directories.
    var isHierarchical = false

    init() {}

    init(_ document: Bytes) throws(XMLError) {
        var reader = XMLReader(document)
        guard try reader.root() == "EnumerationResults" else { throw XMLError(reason: "it is no list of blobs", offset: 0) }
        var blobs: [Blob] = []
        var marker: String?
        var isHierarchical = false
        try reader.forEachChild { reader, name throws(XMLError) in
            switch name {
            case "Blobs":
                try reader.forEachChild { reader, name throws(XMLError) in
                    if name == "Blob" { blobs.append(try Self.blob(&reader, &isHierarchical)) } else { try reader.skipElement() }
                }
            case "NextMarker":
                let text = try reader.textOfElement()
                marker = text.isEmpty ? nil : text
            default: try reader.skipElement()
            }
        }
        (self.blobs, self.marker, self.isHierarchical) = (blobs, marker, isHierarchical)
    }

    private static func blob(_ reader: inout XMLReader, _ isHierarchical: inout Bool) throws(XMLError) -> Blob {
        var blob = Blob()
        var kind: String?
        var isFolder = false
        var size: Int64?
        var modified: Timestamp?
        try reader.forEachChild { reader, name throws(XMLError) in
            switch name {
            case "Name":
                // Characters that XML cannot hold are percent-encoded, with all others of that name.
                let isEncoded = reader.attribute("Encoded")?.lowercased() == "true"
                let text = try reader.textOfElement()
                blob.name = isEncoded ? PercentEncoding.decode(text) : text
            case "Properties":
                try reader.forEachChild { reader, name throws(XMLError) in
                    switch name {
                    case "Content-Length": size = Int64(try reader.textOfElement())
                    case "Last-Modified": modified = Timestamp(httpDate: try reader.textOfElement())
                    case "ResourceType": kind = try reader.textOfElement()
                    default: try reader.skipElement()
                    }
                }
            case "Metadata":
                try reader.forEachChild { reader, name throws(XMLError) in
                    let value = try reader.textOfElement()
                    if name.lowercased() == "hdi_isfolder" { isFolder = value.lowercased() == "true" }
                }
            default: try reader.skipElement()
            }
        }
        if kind != nil { isHierarchical = true }
        blob.isDirectory = kind == "directory" || isFolder
        guard let size, let modified, !blob.name.isEmpty else { throw XMLError(reason: "a blob without name, size or time", offset: 0) }
        (blob.size, blob.modified) = (size, modified)
        return blob
    }
}
