"""The XML API, so far as deltalake's object_store speaks it."""

import secrets
import urllib.parse
import xml.etree.ElementTree as ElementTree

from .gcs_objects import Problem, check_generation
from .web import Answer


class XMLInterface:
    def __init__(self, server):
        self._server = server
        self._uploads = {}

    def handle(self, request):
        bucket_name, slash, name = request.raw_path.removeprefix("/").partition("/")
        bucket, name = self._server.bucket(urllib.parse.unquote(bucket_name)), urllib.parse.unquote(name)
        if not name:
            return self._list(request, bucket)
        parameters = request.parameters
        match request.method:
            case "PUT" if "partNumber" in parameters:
                upload = self._upload(parameters)
                etag = f'"{secrets.token_hex(16)}"'
                upload["parts"][int(parameters["partNumber"])] = (etag, request.body)
                return Answer(200, {"ETag": etag})
            case "PUT":
                return self._put(request, bucket, name)
            case "POST" if "uploads" in parameters:
                identifier = secrets.token_urlsafe(24)
                self._uploads[identifier] = {"parts": {}, "metadata": {"contentType": request.headers.get("content-type")}}
                return self._answer("InitiateMultipartUploadResult", Bucket=bucket.name, Key=name, UploadId=identifier)
            case "POST" if "uploadId" in parameters:
                return self._complete(request, bucket, name)
            case "DELETE" if "uploadId" in parameters:
                self._uploads.pop(parameters["uploadId"], None)
                return Answer(204)
        found = bucket.objects.get(name)
        if found is None:
            raise Problem(404, "notFound", "The specified key does not exist.")
        if request.method == "DELETE":
            bucket.objects.pop(name)
            return Answer(204)
        return found.media(request)

    def _upload(self, parameters):
        upload = self._uploads.get(parameters["uploadId"])
        if upload is None:
            raise Problem(404, "notFound", "The requested upload was not found.")
        return upload

    def _put(self, request, bucket, name):
        headers, content = request.headers, request.body
        existing = bucket.objects.get(name)
        if "x-goog-if-generation-match" in headers:
            check_generation({"ifGenerationMatch": headers["x-goog-if-generation-match"]}, existing)
        metadata = {"contentType": headers.get("content-type", "application/octet-stream")}
        copied = "x-goog-copy-source" in headers
        if copied:
            source_bucket, _, source_name = urllib.parse.unquote(headers["x-goog-copy-source"]).removeprefix("/").partition("/")
            source = self._server.bucket(source_bucket).objects.get(source_name)
            if source is None:
                raise Problem(404, "notFound", "The specified key does not exist.")
            content, metadata = source.content, source.metadata
        stored = bucket.put(name, content, metadata)
        described = {key: value for key, value in stored.headers().items() if key in ("ETag", "x-goog-generation", "x-goog-hash")}
        if copied:
            answer = self._answer("CopyObjectResult", ETag=f'"{stored.etag}"')
            answer.headers |= described
            return answer
        return Answer(200, described)

    def _complete(self, request, bucket, name):
        upload = self._upload(request.parameters)
        content = []
        for part in ElementTree.fromstring(request.body):
            number, etag = int(part.findtext("PartNumber")), part.findtext("ETag")
            known, piece = upload["parts"].get(number, (None, b""))
            if known != etag:
                raise Problem(400, "invalid", "One or more of the specified parts could not be found.")
            content.append(piece)
        if any(len(piece) < 5 << 20 for piece in content[:-1]):
            raise Problem(400, "invalid", "Your proposed upload is smaller than the minimum allowed object size.")
        del self._uploads[request.parameters["uploadId"]]
        stored = bucket.put(name, b"".join(content), upload["metadata"])
        answer = self._answer("CompleteMultipartUploadResult", Bucket=bucket.name, Key=name, ETag=f'"{stored.etag}"')
        answer.headers["x-goog-generation"] = stored.generation
        return answer

    def _list(self, request, bucket):
        parameters = request.parameters
        prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
        limit = min(int(parameters.get("max-keys", 1000)), 1000)
        after = parameters.get("continuation-token") or parameters.get("start-after")
        entries, following = bucket.objects.page(prefix, delimiter, limit, "", after)
        root = ElementTree.Element("ListBucketResult", xmlns="http://doc.s3.amazonaws.com/2006-03-01")
        fields = {"Name": bucket.name, "Prefix": prefix, "KeyCount": len(entries), "IsTruncated": str(following is not None).lower()}
        for tag, value in fields.items():
            ElementTree.SubElement(root, tag).text = str(value)
        if following is not None:
            ElementTree.SubElement(root, "NextContinuationToken").text = following
        for kind, text in entries:
            if kind == "prefix":
                ElementTree.SubElement(ElementTree.SubElement(root, "CommonPrefixes"), "Prefix").text = text
                continue
            stored, contents = bucket.objects.get(text), ElementTree.SubElement(root, "Contents")
            values = {"Key": text, "Generation": stored.generation, "LastModified": stored.resource()["updated"], "ETag": f'"{stored.etag}"'}
            for tag, value in {**values, "Size": len(stored.content)}.items():
                ElementTree.SubElement(contents, tag).text = str(value)
        return Answer(200, {"Content-Type": "application/xml; charset=UTF-8"}, ElementTree.tostring(root))

    def _answer(self, root_tag, **fields):
        root = ElementTree.Element(root_tag)
        for tag, value in fields.items():
            ElementTree.SubElement(root, tag).text = value
        return Answer(200, {"Content-Type": "application/xml; charset=UTF-8"}, ElementTree.tostring(root))
