"""Containers and blobs: what is stored, in a flat or a hierarchical namespace."""

import base64
import email.utils
import hashlib
import secrets
import time

from .azure_auth import Refused
from .keyspace import Keyspace
from .web import http_date

KEPT_HEADERS = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"]


def tag():
    return f'"0x8D{secrets.token_hex(7).upper()}"'


class Blob:
    def __init__(self, content, headers, blocks=None, directory=False, with_digest=True):
        self.content = content
        self.blocks = blocks or {}
        self.appended = []
        self.copy_id, self.copy_looks = None, 0
        self.is_directory = directory
        self.etag = tag()
        self.modified = self.created = time.time()
        self.properties = {name: headers[f"x-ms-blob-{name}"] for name in KEPT_HEADERS if f"x-ms-blob-{name}" in headers}
        self.properties.setdefault("content-type", headers.get("content-type") or "application/octet-stream")
        self.md5 = base64.b64encode(hashlib.md5(content).digest()).decode() if with_digest else headers.get("x-ms-blob-content-md5")
        self.set_metadata(headers, touch=False)

    def set_metadata(self, headers, touch=True):
        self.metadata = {name.removeprefix("x-ms-meta-"): value for name, value in headers.items() if name.startswith("x-ms-meta-")}
        if self.metadata.get("hdi_isfolder") == "true":
            self.is_directory = True
        if touch:
            self._touch()

    def _touch(self):
        self.etag, self.modified = tag(), time.time()

    def flush(self):
        self.content += b"".join(self.appended)
        self.appended = []
        self._touch()

    def own_headers(self):
        properties = {f"x-ms-blob-{name}": value for name, value in self.properties.items()}
        return {**properties, **{f"x-ms-meta-{name}": value for name, value in self.metadata.items()}}

    def identity(self):
        return {"ETag": self.etag, "Last-Modified": http_date(self.modified)}

    def digest(self):
        return {"Content-MD5": self.md5} if self.md5 else {}

    def headers(self):
        metadata = {f"x-ms-meta-{name}": value for name, value in self.all_metadata().items()}
        kinds = {"x-ms-blob-type": "BlockBlob", "x-ms-lease-status": "unlocked", "x-ms-lease-state": "available", "x-ms-server-encrypted": "true"}
        kinds["x-ms-creation-time"] = http_date(self.created)
        if self.is_directory:
            kinds["x-ms-resource-type"] = "directory"
        return {**self.identity(), **self.digest(), **self.properties, **kinds, **metadata}

    def all_metadata(self):
        return {**self.metadata, "hdi_isfolder": "true"} if self.is_directory else self.metadata


class Container:
    def __init__(self, hierarchical):
        self.hierarchical = hierarchical
        # A hierarchical namespace is walked directory by directory.
        order = (lambda name: [part.encode() for part in name.split("/")]) if hierarchical else (lambda name: name.encode())
        self.blobs = Keyspace(order)
        self.uncommitted = {}
        self._etag, self._modified = tag(), time.time()

    def headers(self):
        return {"ETag": self._etag, "Last-Modified": http_date(self._modified), "x-ms-lease-status": "unlocked", "x-ms-lease-state": "available"}

    def get(self, name):
        return self.blobs.get(name.rstrip("/") if self.hierarchical else name)

    def check_parents(self, name):
        """In a hierarchical namespace a file has no children."""
        parts = name.split("/")
        for count in range(1, len(parts)):
            parent = self.blobs.get("/".join(parts[:count]))
            if parent is not None and not parent.is_directory:
                raise Refused(409, "ResourceTypeMismatch", "The specified resource type does not match the type of the existing resource.")

    def put(self, name, content, headers, **options):
        blob = Blob(content, headers, **options)
        if self.hierarchical:
            name = name.rstrip("/")
            parts = name.split("/")
            for count in range(1, len(parts)):
                parent = "/".join(parts[:count])
                if parent not in self.blobs:
                    self.blobs[parent] = Blob(b"", {}, directory=True, with_digest=False)
        self.blobs[name] = blob
        self.uncommitted.pop(name, None)
        return blob

    def delete(self, name):
        return self.blobs.pop(name.rstrip("/") if self.hierarchical else name)

    def children(self, name):
        prefix = f"{name.rstrip('/')}/"
        found = []
        for key in self.blobs.keys(start=prefix):
            if not key.startswith(prefix):
                break
            found.append(key)
        return found

    def rename(self, old, new):
        for key in [*self.children(old), old]:
            blob = self.blobs.pop(key)
            if blob is not None:
                self.blobs[new + key[len(old):]] = blob


def check_conditions(headers, blob):
    """The conditional headers, for reads and writes alike."""
    unmet = Refused(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and (blob is None or match not in ("*", blob.etag)):
        raise unmet
    if blob is None:
        return
    if none_match is not None and none_match in ("*", blob.etag):
        raise Refused(304, "ConditionNotMet", unmet.message) if none_match != "*" else unmet
    for name, fails in (("if-modified-since", lambda since: blob.modified < since + 1), ("if-unmodified-since", lambda since: blob.modified >= since + 1)):
        if name in headers and fails(email.utils.parsedate_to_datetime(headers[name]).timestamp()):
            raise Refused(304 if name == "if-modified-since" else 412, "ConditionNotMet", unmet.message)
