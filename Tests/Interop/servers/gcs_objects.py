"""Buckets and objects, their generations and the answers that describe them."""

import base64
import hashlib
import itertools
import re
import time
import xml.etree.ElementTree as ElementTree

from .keyspace import Keyspace
from .web import Answer, http_date

try:
    # Comes with Google's client, which insists on the checksum; others do without.
    import google_crc32c
except ImportError:
    google_crc32c = None

_generations = itertools.count(int(time.time() * 1_000_000))
XML_CODES = {400: "InvalidArgument", 401: "AuthenticationRequired", 403: "AccessDenied", 404: "NoSuchKey", 409: "Conflict", 412: "PreconditionFailed", 416: "InvalidRange"}


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status, reason, message, headers=None, detail=None):
        super().__init__(message)
        self.status, self.reason, self.message, self.headers, self.detail = status, reason, message, headers or {}, detail

    def as_json(self):
        if self.status == 304:
            return Answer(304, self.headers)
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.status == 412:
            error |= {"locationType": "header", "location": "If-Match"}
        return Answer.json(self.status, {"error": {"code": self.status, "message": self.message, "errors": [error]}}, self.headers)

    def as_xml(self):
        root = ElementTree.Element("Error")
        ElementTree.SubElement(root, "Code").text = "NoSuchBucket" if "bucket" in self.message else XML_CODES.get(self.status, self.reason)
        ElementTree.SubElement(root, "Message").text = self.message
        if self.detail:
            ElementTree.SubElement(root, "Details").text = self.detail
        headers = {"Content-Type": "application/xml; charset=UTF-8", **self.headers}
        return Answer(self.status, headers, b"<?xml version='1.0' encoding='UTF-8'?>" + ElementTree.tostring(root))


def check_generation(parameters, found):
    """`ifGenerationMatch` and its like; generation 0 is that of no object."""
    generation = found.generation if found else 0
    if "ifGenerationMatch" in parameters and int(parameters["ifGenerationMatch"]) != generation:
        raise Problem(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
    if "ifGenerationNotMatch" in parameters and int(parameters["ifGenerationNotMatch"]) == generation:
        raise Problem(304, "notModified", "Not Modified")


class StoredObject:
    def __init__(self, bucket, name, content, metadata):
        self.bucket, self.name, self.content, self.metadata = bucket, name, content, metadata
        self.generation = next(_generations)
        self.modified = time.time()
        self.md5 = base64.b64encode(hashlib.md5(content).digest()).decode()

    @property
    def etag(self):
        return base64.b64encode(self.generation.to_bytes(8, "big")).decode()

    def resource(self):
        seconds, fraction = divmod(self.modified, 1)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(fraction * 1000):03d}Z"
        return {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": self.metadata.get("contentType", "application/octet-stream"),
            "storageClass": "STANDARD",
            "size": str(len(self.content)),
            "md5Hash": self.md5,
            **self._crc32c(),
            "etag": self.etag,
            "timeCreated": stamp,
            "updated": stamp,
            **({"metadata": self.metadata["metadata"]} if self.metadata.get("metadata") else {}),
        }

    def _crc32c(self):
        if google_crc32c is None:
            return {}
        return {"crc32c": base64.b64encode(google_crc32c.value(self.content).to_bytes(4, "big")).decode()}

    def headers(self):
        return {
            "Content-Type": self.metadata.get("contentType", "application/octet-stream"),
            "Last-Modified": http_date(self.modified),
            "ETag": f'"{self.etag}"',
            "x-goog-generation": self.generation,
            "x-goog-metageneration": "1",
            "x-goog-stored-content-length": len(self.content),
            "x-goog-stored-content-encoding": "identity",
            "x-goog-hash": f"md5={self.md5}",
        }

    def media(self, request):
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        size = len(self.content)
        if not found or found[0] == "bytes=-":
            return Answer(200, self.headers(), self.content, length=size)
        if found[1]:
            first, last = int(found[1]), min(int(found[2] or size), size - 1)
        else:
            first, last = max(0, size - int(found[2])), size - 1
        if first >= size:
            raise Problem(416, "requestedRangeNotSatisfiable", "The requested range cannot be satisfied.", {"Content-Range": f"bytes */{size}"})
        content = self.content[first : last + 1]
        return Answer(206, {**self.headers(), "Content-Range": f"bytes {first}-{last}/{size}"}, content, length=len(content))


class Bucket:
    def __init__(self, name):
        self.name = name
        self.objects = Keyspace()

    def resource(self):
        return {"kind": "storage#bucket", "id": self.name, "name": self.name, "location": "US", "storageClass": "STANDARD", "metageneration": "1"}

    def put(self, name, content, metadata):
        stored = StoredObject(self.name, name, content, metadata)
        self.objects[name] = stored
        return stored
