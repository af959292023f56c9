import Base
import HTTP

/// One page of the uploads in parts that have not ended.
struct S3UploadsPage: Sendable {
    struct Upload: Sendable, Hashable {
        var key = ""
        var id = ""
        var begun = Timestamp(microseconds: 0)
    }

    var uploads: [Upload] = []
    /// Where the next page begins; nil at the end.
    var next: (key: String, id: String)?

    init(_ body: Bytes) throws(XMLError) {
        var reader = XMLReader(body)
        guard try reader.root() == "ListMultipartUploadsResult" else { throw XMLError(reason: "it is no list of uploads", offset: 0) }
        var uploads: [Upload] = []
        var isTruncated = false
        var marker = (key: "", id: "")
        try reader.forEachChild { (reader, name) throws(XMLError) in
            switch name {
            case "Upload": if let upload = try Self.upload(&reader) { uploads.append(upload) }
            case "IsTruncated": isTruncated = try reader.textOfElement() == "true"
            case "NextKeyMarker": marker.key = try reader.textOfElement()
            case "NextUploadIdMarker": marker.id = try reader.textOfElement()
            default: try reader.skipElement()
            }
        }
        self.uploads = uploads
        next = isTruncated && !marker.key.isEmpty ? marker : nil
    }

    /// Nil for one that says not when it was begun: nobody could tell whether its writer is still at work.
    private static func upload(_ reader: inout XMLReader) throws(XMLError) -> Upload? {
        var upload = Upload()
        var begun: Timestamp?
        try reader.forEachChild { (reader, name) throws(XMLError) in
            switch name {
            case "Key": upload.key = try reader.textOfElement()
            case "UploadId": upload.id = try reader.textOfElement()
            case "Initiated": begun = Timestamp(rfc3339: try reader.textOfElement())
            default: try reader.skipElement()
            }
        }
        guard let begun, !upload.key.isEmpty, !upload.id.isEmpty else { return nil }
        upload.begun = begun
        return upload
    }
}

extension S3Bucket {
    /// Many more than a table can have; a server that never comes to an end is not followed for ever.
    private static let mostUploadPages = 100

    /// The uploads of all keys that begin with `prefix`.
    func uploads(prefix: String) async throws -> [S3UploadsPage.Upload] {
        var uploads: [S3UploadsPage.Upload] = []
        var marker: (key: String, id: String)?
        for _ in 0..<Self.mostUploadPages {
            var query = [("uploads", ""), ("prefix", prefix)]
            if let marker { query += [("key-marker", marker.key), ("upload-id-marker", marker.id)] }
            var request = request("list-uploads", "listing uploads", "GET", key: "", query: query)
            request.target = shown(prefix)
            request.expectedResponseSize = 256 << 10
            let response = try await send(request)
            let page: S3UploadsPage
            do throws(XMLError) { page = try S3UploadsPage(response.body) } catch {
                throw ObjectStoreError.failed(path: request.target, operation: request.operation, message: "\(error)", retryable: true)
            }
            uploads += page.uploads.filter { $0.key.utf8.starts(with: prefix.utf8) }
            guard let next = page.next else { break }
            marker = next
        }
        return uploads
    }

    /// One that is not there (any more) is given up already.
    func abortUpload(key: String, id: String) async throws {
        var request = request("abort-upload", "giving up an upload", "DELETE", key: key, query: [("uploadId", id)])
        request.answers = [404]
        _ = try await send(request)
    }
}

extension S3Store {
    private static let parallelAborts = 8

    public func unfinishedUploads(begunBefore time: Timestamp) async throws -> [UnfinishedUpload] {
        try await bucket.uploads(prefix: prefix).compactMap { upload in
            guard upload.begun < time, let relative = String(upload.key.utf8.dropFirst(prefix.utf8.count)), let path = try? ObjectPath(relative) else {
                return nil
            }
            return UnfinishedUpload(path: path, id: upload.id, begun: upload.begun)
        }
    }

    public func giveUp(_ uploads: [UnfinishedUpload]) async throws -> Int {
        let failures = try await concurrentMap(uploads, limit: Self.parallelAborts) { [bucket, prefix] upload in
            do {
                try await bucket.abortUpload(key: prefix + upload.path.string, id: upload.id)
                return 0
            } catch is ObjectStoreError {
                return 1
            }
        }
        return failures.reduce(0, +)
    }
}
