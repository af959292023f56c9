import Base
import HTTP

/// One object that is written in pieces.
struct S3MultipartTarget: MultipartTarget {
    let bucket: S3Bucket
    let key: String
    let rules: MultipartRules
    let probeKey: String

    var name: String { bucket.shown(key) }

    func putWhole(_ bytes: Bytes) async throws {
        guard try await bucket.putIfAbsent(key: key, bytes, probeKey: probeKey) else { throw ObjectStoreError.alreadyExists(path: name) }
    }

    func begin() async throws -> any MultipartUpload {
        try await bucket.requireConditions(probeKey: probeKey)
        let token = WriteToken.make(bucket.client.random)
        var request = bucket.request("create-upload", "writing", "POST", key: key, query: [("uploads", "")])
        request.headers[S3Bucket.tokenHeader] = token
        request.headers["Content-Type"] = "application/octet-stream"
        if bucket.configuration.sendsChecksums { request.headers["X-Amz-Checksum-Algorithm"] = "SHA256" }
        bucket.add(bucket.configuration.encryptionHeaders(isWrite: true), to: &request)
        request.isNeverRepeatedUnseen = true
        let response: RemoteResponse
        do {
            response = try await bucket.client.send(request)
        } catch let failure as RemoteFailure {
            if failure.mayHaveActed { await S3MultipartUpload(bucket: bucket, key: key, id: "", token: token, mayHaveTwins: true).abort() }
            throw failure.storeError
        }
        guard let id = try text(of: "UploadId", in: response.body), !id.isEmpty else {
            throw ObjectStoreError.failed(path: name, operation: "writing", message: "the answer names no upload", retryable: true)
        }
        return S3MultipartUpload(bucket: bucket, key: key, id: id, token: token, mayHaveTwins: response.followsAmbiguity)
    }

    private func text(of element: String, in body: Bytes) throws -> String? {
        var reader = XMLReader(body)
        do throws(XMLError) {
            while let event = try reader.next() {
                if event == .start(element) { return try reader.textOfElement() }
            }
        } catch {
            throw ObjectStoreError.failed(path: name, operation: "writing", message: "\(error)", retryable: true)
        }
        return nil
    }
}

struct S3MultipartUpload: MultipartUpload {
    let bucket: S3Bucket
    let key: String
    let id: String
    /// What tells our object from another's.
    let token: String
    /// The answer to an earlier attempt to begin was lost: there may be uploads that nobody knows.
    let mayHaveTwins: Bool

    private var name: String { bucket.shown(key) }

    func upload(_ part: MultipartPart) async throws -> String {
        var request = bucket.request("put-part", "writing", "PUT", key: key, query: [("partNumber", "\(part.number)"), ("uploadId", id)])
        request.body = RemoteBody(part.pieces)
        let checksum = bucket.configuration.sendsChecksums ? Base64.encode(Digest.sha256(part.pieces)) : nil
        if let checksum { request.headers["X-Amz-Checksum-SHA256"] = checksum }
        if case .customer = bucket.configuration.encryption { bucket.add(bucket.configuration.encryptionHeaders(isWrite: true), to: &request) }
        let response = try await bucket.send(request)
        guard let tag = response.headers["ETag"], !tag.isEmpty else {
            throw ObjectStoreError.failed(path: name, operation: "writing", message: "the answer to a part has no ETag", retryable: true)
        }
        return checksum.map { "\(tag) \($0)" } ?? tag
    }

    /// A server that forgets the condition here is asked whether something is there first; commits are not written to it in parts.
    func complete(_ receipts: [String], size: Int64) async throws {
        if !bucket.configuration.endpoint.isAWS, try await existing() != nil { throw ObjectStoreError.alreadyExists(path: name) }
        var request = bucket.request("complete", "writing", "POST", key: key, query: [("uploadId", id)])
        request.headers["If-None-Match"] = "*"
        request.headers["Content-Type"] = "application/xml"
        request.body = RemoteBody(Bytes(document(receipts)))
        // 404: there is no such upload (any more), perhaps because an attempt whose answer was lost has completed it.
        request.answers = [404, 412]
        let status: Int
        do {
            status = try await bucket.client.send(request).status
        } catch let failure as RemoteFailure {
            // Completing twice does no harm, but whose the object is must be known before it is given up.
            if failure.mayHaveActed, try await existing()?.token == token { return await removeTwins() }
            throw failure.storeError
        }
        if (200..<300).contains(status) { return await removeTwins() }
        guard let existing = try await existing() else {
            throw ObjectStoreError.failed(path: name, operation: "writing", message: "the upload is gone before it was complete", retryable: true)
        }
        guard existing.token == token, existing.size == size else { throw ObjectStoreError.alreadyExists(path: name) }
        await removeTwins()
    }

    func abort() async {
        if !id.isEmpty { await abort(id) }
        await removeTwins()
    }

    private func abort(_ id: String) async {
        // Whatever hinders it, the bucket's rule for incomplete uploads is left to take it.
        try? await bucket.abortUpload(key: key, id: id)
    }

    private func existing() async throws -> (size: Int64, token: String?)? {
        do {
            let found = try await bucket.head(key: key)
            return (found.size, found.token)
        } catch ObjectStoreError.notFound {
            return nil
        } catch ObjectStoreError.permissionDenied {
            // Who may not list is told 403 for what is missing.
            return nil
        }
    }

    /// Uploads of this key that nobody knows. The key is this writer's alone (a fresh name), so all of them are its own.
    private func removeTwins() async {
        guard mayHaveTwins, let uploads = try? await bucket.uploads(prefix: key) else { return }
        for upload in uploads where upload.key.hasSameBytes(as: key) && upload.id != id { await abort(upload.id) }
    }

    private func document(_ receipts: [String]) -> String {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for (index, receipt) in receipts.enumerated() {
            let parts = receipt.split(separator: " ", maxSplits: 1)
            text += "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(String(parts.first ?? "").xmlEscaped)</ETag>"
            if parts.count > 1 { text += "<ChecksumSHA256>\(parts[1])</ChecksumSHA256>" }
            text += "</Part>"
        }
        return text + "</CompleteMultipartUpload>"
    }
}
