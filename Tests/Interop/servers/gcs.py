"""Google Cloud Storage's JSON API, strict in what a client has to get right, and as much of the XML API as deltalake speaks.

`python3 -m servers.gcs` runs it and prints how to reach it.
"""

import argparse
import base64
import json
import re
import secrets
import urllib.parse

from .gcs_auth import Identity, Unauthorized
from .gcs_objects import Bucket, Problem, check_generation
from .gcs_xml import XMLInterface
from .web import Answer, Headers, Request, Server, end_with_parent, multipart

BATCH_LIMIT = 100
CHUNK = 256 << 10


class GCSServer(Server):
    name = "gcs"

    def __init__(self, port=0):
        super().__init__(port)
        self.identity = Identity(self.url)
        self.supports_batch = True
        # In how many requests an object is rewritten.
        self.rewrite_requests = 1
        # As a server that would let two writers overwrite each other's commits.
        self.ignores_conditions = False
        # Of each piece of a resumable upload only so much is kept; the client has to send the rest again.
        self.keeps_at_most = None
        self.buckets = {}
        self.uploads = {}
        self._xml = XMLInterface(self)

    def create(self, name):
        with self.lock:
            return self.buckets.setdefault(name, Bucket(name))

    def control(self, what, request):
        """For tests in another process."""
        if what == "buckets":
            self.create(json.loads(request.body)["name"])
            return Answer(204)
        if what == "revoke":
            self.identity.revoke()
            return Answer(204)
        if what == "configure":
            for name, value in json.loads(request.body).items():
                target = self if hasattr(self, name) else self.identity
                setattr(target, name, set(value) if name == "subject_tokens" else value)
            return Answer(204)
        return super().control(what, request)

    def bucket(self, name):
        bucket = self.buckets.get(name)
        if bucket is None:
            raise Problem(404, "notFound", "The specified bucket does not exist.")
        return bucket

    def handle(self, request):
        answer = self.identity.handle(request)
        if answer is not None:
            return answer
        json_api = re.match(r"/(storage|upload/storage|download/storage|batch/storage)/v1(/|$)", request.path)
        try:
            # Whoever has an upload's address may go on with it.
            if not (json_api and "upload_id" in request.parameters):
                self.identity.check(request.headers.get("authorization", ""))
            with self.lock:
                answer = self._json(request) if json_api else self._xml.handle(request)
        except Unauthorized as error:
            problem = Problem(401, "authError", "Invalid Credentials", detail=str(error))
            answer = problem.as_json() if json_api else problem.as_xml()
            answer.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
        except Problem as problem:
            answer = problem.as_json() if json_api else problem.as_xml()
        answer.headers.setdefault("X-GUploader-UploadID", secrets.token_urlsafe(30))
        return answer

    # The JSON API

    def _json(self, request):
        # Names keep their escapes until they are apart: a name may have slashes.
        parts = [urllib.parse.unquote(part) for part in request.raw_path.strip("/").split("/")]
        if parts[0] == "batch":
            return self._batch(request)
        upload, download = parts[0] == "upload", parts[0] == "download"
        parts = parts[3:] if upload or download else parts[2:]
        method = request.method
        match parts:
            case ["b"] if method == "POST":
                name = json.loads(request.body)["name"]
                if name in self.buckets:
                    raise Problem(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
                return Answer.json(200, self.create(name).resource())
            case ["b", bucket] if method == "GET":
                return Answer.json(200, self.bucket(bucket).resource())
            case ["b", bucket, "storageLayout"] if method == "GET":
                self.bucket(bucket)
                return Answer.json(200, {"kind": "storage#storageLayout", "bucket": bucket, "hierarchicalNamespace": {"enabled": False}})
            case ["b", bucket, "o"] if upload and method == "POST":
                return self._upload(request, self.bucket(bucket))
            case ["b", bucket, "o"] if upload and method in ("PUT", "DELETE"):
                return self._resume(request)
            case ["b", bucket, "o"] if method == "GET":
                return self._list(request, self.bucket(bucket))
            case ["b", bucket, "o", name] if method in ("GET", "HEAD"):
                return self._get(request, self.bucket(bucket), name)
            case ["b", bucket, "o", name] if method == "DELETE":
                return self._delete(request, self.bucket(bucket), name)
            case ["b", bucket, "o", name, "compose"] if method == "POST":
                return self._compose(request, self.bucket(bucket), name)
            case ["b", bucket, "o", name, "rewriteTo", "b", target, "o", new] if method == "POST":
                source = self._existing(self.bucket(bucket), name)
                token = request.parameters.get("rewriteToken", "")
                if len(token) + 1 < self.rewrite_requests:
                    sizes = {"totalBytesRewritten": "0", "objectSize": str(len(source.content))}
                    return Answer.json(200, {"kind": "storage#rewriteResponse", "done": False, **sizes, "rewriteToken": token + "x"})
                # A resource in the body takes the place of the source's metadata.
                metadata = json.loads(request.body) if request.body else source.metadata
                copy = self._store(request, self.bucket(target), new, source.content, metadata)
                sizes = {"totalBytesRewritten": str(len(source.content)), "objectSize": str(len(source.content))}
                return Answer.json(200, {"kind": "storage#rewriteResponse", "done": True, **sizes, "resource": copy.resource()})
        raise Problem(404, "notFound", "Not Found")

    def _existing(self, bucket, name):
        found = bucket.objects.get(name)
        if found is None:
            raise Problem(404, "notFound", f"No such object: {bucket.name}/{name}")
        return found

    def _store(self, request, bucket, name, content, metadata):
        if not name:
            raise Problem(400, "required", "Required parameter: name")
        if len(name.encode()) > 1024 or "\r" in name or "\n" in name:
            raise Problem(400, "invalid", "Invalid object name")
        if not self.ignores_conditions:
            check_generation(request.parameters, bucket.objects.get(name))
        return bucket.put(name, content, metadata)

    def _get(self, request, bucket, name):
        found = self._existing(bucket, name)
        check_generation(request.parameters, found)
        if request.parameters.get("alt") != "media":
            return Answer.json(200, found.resource())
        return found.media(request)

    def _delete(self, request, bucket, name):
        found = self._existing(bucket, name)
        check_generation(request.parameters, found)
        bucket.objects.pop(name)
        return Answer(204)

    def _list(self, request, bucket):
        parameters = request.parameters
        prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
        limit = min(int(parameters.get("maxResults", 1000)), 1000)
        after = base64.urlsafe_b64decode(parameters["pageToken"]).decode() if parameters.get("pageToken") else None
        entries, following = bucket.objects.page(prefix, delimiter, limit, parameters.get("startOffset", ""), after)
        if "endOffset" in parameters:
            kept = [entry for entry in entries if entry[1].encode() < parameters["endOffset"].encode()]
            entries, following = kept, following if len(kept) == len(entries) else None
        listed = {"kind": "storage#objects"}
        if following is not None:
            listed["nextPageToken"] = base64.urlsafe_b64encode(following.encode()).decode()
        items = [bucket.objects.get(text).resource() for kind, text in entries if kind == "key"]
        if fields := re.search(r"items\(([\w,]+)\)", parameters.get("fields", "")):
            items = [{name: item[name] for name in fields[1].split(",") if name in item} for item in items]
        # Absent rather than empty.
        listed |= {"items": items} if items else {}
        prefixes = [text for kind, text in entries if kind == "prefix"]
        return Answer.json(200, listed | ({"prefixes": prefixes} if prefixes else {}))

    def _compose(self, request, bucket, name):
        body = json.loads(request.body)
        sources = body.get("sourceObjects", [])
        if not 1 <= len(sources) <= 32:
            raise Problem(400, "invalid", "The number of source components is out of range.")
        content = b"".join(self._existing(bucket, source["name"]).content for source in sources)
        return Answer.json(200, self._store(request, bucket, name, content, body.get("destination", {})).resource())

    # Uploads

    def _upload(self, request, bucket):
        parameters, kind = request.parameters, request.parameters.get("uploadType")
        if kind == "media":
            metadata = {"contentType": request.headers.get("content-type", "application/octet-stream")}
            return Answer.json(200, self._store(request, bucket, parameters.get("name"), request.body, metadata).resource())
        if kind == "multipart":
            try:
                (_, described), (headers, content) = multipart(request.body, request.headers.get("content-type"))
                metadata = json.loads(described)
            except ValueError as error:
                raise Problem(400, "badContent", f"Malformed multipart body: {error}")
            metadata.setdefault("contentType", headers.get("content-type", "application/octet-stream"))
            return Answer.json(200, self._store(request, bucket, metadata.get("name") or parameters.get("name"), content, metadata).resource())
        if kind == "resumable":
            metadata = json.loads(request.body) if request.body else {}
            name = metadata.get("name") or parameters.get("name")
            if not name:
                raise Problem(400, "required", "Required parameter: name")
            # A failed condition shows at once, and again when the upload ends.
            check_generation(parameters, bucket.objects.get(name))
            identifier = secrets.token_urlsafe(40)
            metadata.setdefault("contentType", request.headers.get("x-upload-content-type", "application/octet-stream"))
            self.uploads[identifier] = {"bucket": bucket, "name": name, "metadata": metadata, "request": request, "content": bytearray(), "done": None}
            query = urllib.parse.urlencode({"uploadType": "resumable", "name": name, "upload_id": identifier})
            return Answer(200, {"Location": f"{self.url}{request.raw_path}?{query}", "X-GUploader-UploadID": identifier})
        raise Problem(400, "invalid", f"Invalid upload type: {kind}")

    def _resume(self, request):
        upload = self.uploads.get(request.parameters.get("upload_id"))
        if upload is None:
            raise Problem(410, "gone", "The upload is gone.")
        if request.method == "DELETE":
            del self.uploads[request.parameters["upload_id"]]
            return Answer(499)
        if upload["done"] is not None:
            return Answer.json(200, upload["done"].resource())
        content, found = upload["content"], re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", request.headers.get("content-range", ""))
        if "content-range" not in request.headers:
            first, total = 0, len(request.body)
        elif not found:
            raise Problem(400, "invalid", "Failed to parse Content-Range header.")
        else:
            total = None if found[3] == "*" else int(found[3])
            if found[1] is None:
                if request.body:
                    raise Problem(400, "invalid", "Invalid request. There were bytes where the range has none.")
                first = len(content)
            else:
                first = int(found[1])
                if int(found[2]) - first + 1 != len(request.body):
                    raise Problem(400, "invalid", f"Invalid request. There were {len(request.body)} byte(s) in the request body. There should have been {int(found[2]) - first + 1}.")
        if first > len(content):
            raise Problem(503, "backendError", f"Invalid request. According to the Content-Range header, the upload offset is {first} byte(s), which exceeds already uploaded size of {len(content)} byte(s).")
        fresh = request.body[len(content) - first :]
        if self.keeps_at_most is not None and len(fresh) > self.keeps_at_most:
            content += fresh[: self.keeps_at_most]
            return Answer(308, {"Range": f"bytes=0-{len(content) - 1}"} if content else {})
        is_last = total is not None and len(content) + len(fresh) >= total
        if total is not None and len(content) + len(fresh) > total:
            raise Problem(400, "invalid", "more bytes than the range's total")
        if not is_last:
            # The service keeps whole pieces only, and says how far it got.
            content += fresh[: (len(content) + len(fresh)) // CHUNK * CHUNK - len(content)] if len(request.body) else b""
            return Answer(308, {"Range": f"bytes=0-{len(content) - 1}"} if content else {})
        content += fresh
        upload["done"] = self._store(upload["request"], upload["bucket"], upload["name"], bytes(content), upload["metadata"])
        return Answer.json(200, upload["done"].resource())

    # Batches

    def _batch(self, request):
        if not self.supports_batch:
            raise Problem(404, "notFound", "Not Found")
        try:
            parts = multipart(request.body, request.headers.get("content-type"))
        except ValueError as error:
            raise Problem(400, "badRequest", f"Failed to parse batch request, error: {error}")
        if not 1 <= len(parts) <= BATCH_LIMIT:
            raise Problem(400, "badRequest", f"The batch has {len(parts)} requests, the limit is {BATCH_LIMIT}.")
        boundary = f"batch_{secrets.token_urlsafe(16)}"
        body = []
        for headers, content in parts:
            if headers.get("content-type") != "application/http":
                raise Problem(400, "badRequest", "Failed to parse batch request: a part is no application/http")
            answer = self._part(content)
            identifier = headers.get("content-id", "")
            named = f"Content-ID: <response-{identifier.strip('<>')}>\r\n" if identifier else ""
            body.append(f"--{boundary}\r\nContent-Type: application/http\r\n{named}\r\nHTTP/1.1 {answer.status} {'No Content' if answer.status == 204 else 'Status'}\r\n".encode())
            body += [f"{name}: {value}\r\n".encode() for name, value in answer.headers.items()]
            body += [f"Content-Length: {len(answer.body)}\r\n\r\n".encode(), answer.body, b"\r\n"]
        body.append(f"--{boundary}--\r\n".encode())
        return Answer(200, {"Content-Type": f"multipart/mixed; boundary={boundary}"}, b"".join(body))

    def _part(self, content):
        head, _, body = re.split(rb"(\r?\n\r?\n)", content, maxsplit=1) if re.search(rb"\r?\n\r?\n", content) else (content, b"", b"")
        line, *fields = head.decode().splitlines()
        method, target = line.split(" ")[:2]
        # Google's client sends whole addresses.
        raw_path, _, query = re.sub(r"^https?://[^/]+", "", target).partition("?")
        fault = self._fault(f"PART {method} {target}")
        try:
            if fault is not None and fault.status:
                raise Problem(fault.status, "backendError", "Backend Error")
            if not raw_path.startswith("/storage/v1/"):
                raise Problem(400, "badRequest", "not a request of this API")
            return self._json(Request(method, raw_path, query, Headers.of(field.split(":", 1) for field in fields if ":" in field), body))
        except Problem as problem:
            return problem.as_json()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bucket", default="lake")
    parser.add_argument("--with-parent", action="store_true", help="ends when standard input does")
    arguments = parser.parse_args()
    server = GCSServer(port=arguments.port)
    server.create(arguments.bucket)
    identity = server.identity
    facts = {"endpoint": server.url, "control": server.url, "bucket": arguments.bucket, "serviceAccount": json.dumps(identity.service_account)}
    facts |= {"email": identity.email, "subjectToken": sorted(identity.subject_tokens)[0]}
    facts |= {"federated": json.dumps(identity.external_account("TOKEN_FILE", False)), "impersonated": json.dumps(identity.external_account("TOKEN_FILE", True))}
    print(json.dumps(facts), flush=True)
    if arguments.with_parent:
        end_with_parent()
    server.serve()


if __name__ == "__main__":
    main()
