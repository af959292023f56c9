import Base
import HTTP

/// Deletes by the thousand. What cannot be said in XML, and all on servers that know no batches, is deleted one by one.
struct S3Deletion: Sendable {
    static let batchSize = 1000
    private static let parallelBatches = 4
    private static let parallelSingles = 16

    let bucket: S3Bucket

    /// Those that could not be deleted. Throws only where nothing can be said of any (no credentials, cancellation).
    func delete(_ keys: [String]) async throws -> [(key: String, error: ObjectStoreError)] {
        try Task.checkCancellation()
        if keys.count == 1 { return try await singles(keys) }
        let unspeakable = keys.filter { !$0.isXMLText }
        let speakable = keys.filter(\.isXMLText)
        let batches = stride(from: 0, to: speakable.count, by: Self.batchSize).map { Array(speakable[$0..<min($0 + Self.batchSize, speakable.count)]) }
        let outcomes = try await concurrentMap(batches, limit: Self.parallelBatches) { try await batch($0) }
        return try await outcomes.flatMap(\.self) + singles(unspeakable)
    }

    private func batch(_ keys: [String]) async throws -> [(key: String, error: ObjectStoreError)] {
        var request = bucket.request("delete-batch", "deleting", "POST", key: "", query: [("delete", "")])
        if let first = keys.first { request.target = keys.count == 1 ? bucket.shown(first) : "\(bucket.shown(first)) and \(keys.count - 1) more" }
        let document = Bytes(Self.document(keys))
        request.body = RemoteBody(document)
        request.headers["Content-Type"] = "application/xml"
        // Servers want one of the two to know that the list of what is to go arrived whole.
        if let digest = Digest.of([document], .md5) {
            request.headers["Content-MD5"] = Base64.encode(digest)
        } else {
            request.headers["X-Amz-Checksum-SHA256"] = Base64.encode(Digest.sha256([document]))
        }
        request.answers = [405, 501]
        let response: RemoteResponse
        do {
            response = try await bucket.client.send(request)
        } catch let failure as RemoteFailure {
            // Nothing is known of any of these; the others' batches may have gone.
            let error = failure.storeError
            if case .invalidCredentials = error { throw error }
            return keys.map { ($0, error) }
        }
        if response.status == 405 || response.status == 501 { return try await singles(keys) }
        let errors: [KeyError]
        do throws(XMLError) {
            errors = try Self.errors(in: response.body)
        } catch {
            return keys.map { ($0, .failed(path: bucket.shown($0), operation: "deleting", message: "\(error)", retryable: true)) }
        }
        let failures = errors.filter { !$0.isTransient }.map { ($0.key, $0.storeError(bucket.shown($0.key))) }
        return try await failures + singles(errors.filter(\.isTransient).map(\.key))
    }

    private func singles(_ keys: [String]) async throws -> [(key: String, error: ObjectStoreError)] {
        let outcomes = try await concurrentMap(keys, limit: Self.parallelSingles) { key -> (key: String, error: ObjectStoreError)? in
            var request = bucket.request("delete", "deleting", "DELETE", key: key)
            // One that is not there counts as deleted.
            request.answers = [404]
            do {
                let response = try await bucket.client.send(request)
                guard response.status == 404, let error = S3ErrorDocument(response.body), error.code == "NoSuchBucket" else { return nil }
                return (key, .failed(path: bucket.shown(key), operation: "deleting", message: "there is no such bucket", retryable: false))
            } catch let failure as RemoteFailure {
                if case .invalidCredentials = failure.storeError { throw failure.storeError }
                return (key, failure.storeError)
            }
        }
        return outcomes.compactMap(\.self)
    }

    static func document(_ keys: [String]) -> String {
        var text = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
        for key in keys { text += "<Object><Key>\(key.xmlEscaped)</Key></Object>" }
        return text + "</Delete>"
    }

    struct KeyError: Hashable, Sendable {
        var key = ""
        var code = ""
        var message = ""

        var isTransient: Bool { ["InternalError", "SlowDown", "ServiceUnavailable", "OperationAborted", "RequestTimeout"].contains(code) }

        func storeError(_ path: String) -> ObjectStoreError {
            code == "AccessDenied"
                ? .permissionDenied(path: path, operation: "deleting (\(code): \(message.shownShort(200)))")
                : .failed(path: path, operation: "deleting", message: "\(code.shownShort(80)): \(message.shownShort(200))", retryable: false)
        }
    }

    static func errors(in body: Bytes) throws(XMLError) -> [KeyError] {
        var reader = XMLReader(body)
        var errors: [KeyError] = []
        _ = try reader.root()
        try reader.forEachChild { (reader, name) throws(XMLError) in
            guard name == "Error" else { return try reader.skipElement() }
            var error = KeyError()
            try reader.forEachChild { (reader, name) throws(XMLError) in
                switch name {
                case "Key": error.key = try reader.textOfElement()
                case "Code": error.code = try reader.textOfElement()
                case "Message": error.message = try reader.textOfElement()
                default: try reader.skipElement()
                }
            }
            if error.code != "NoSuchKey" { errors.append(error) }
        }
        return errors
    }
}

extension String {
    /// For a text in XML. White space that a parser would change goes as references.
    var xmlEscaped: String {
        var text = ""
        text.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&apos;"
            case "\r": text += "&#13;"
            case "\n": text += "&#10;"
            case "\t": text += "&#9;"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Whether XML 1.0 can say it: control characters it cannot.
    var isXMLText: Bool {
        unicodeScalars.allSatisfy { ($0.value >= 0x20 || $0 == "\t" || $0 == "\n" || $0 == "\r") && $0.value != 0xFFFE && $0.value != 0xFFFF }
    }
}
