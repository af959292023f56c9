"""Azure Blob Storage and the Data Lake endpoint, strict in what a client has to get right. `python3 -m servers.azure` runs it and prints how to reach it.

Path-style, as emulators have it: http://127.0.0.1:PORT/ACCOUNT/CONTAINER/BLOB. One port answers for both endpoints, since the vendor's SDK makes one address
from the other by replacing `.dfs.` in a host name; what Data Lake requests are shows in their parameters.
"""

import argparse
import base64
import hashlib
import json
import re
import secrets
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

from .azure_auth import Refused, TokenServer, check_sas, check_shared_key, hmac_base64
from .azure_blobs import Container, check_conditions
from .azure_listing import list_blobs, list_paths
from .web import Answer, Headers, Request, Server, end_with_parent, multipart

OLDEST_VERSION, LATEST_VERSION = "2017-11-09", "2026-10-06"
BATCH_LIMIT = 256


class AzureServer(Server):
    """`hierarchical`: with a hierarchical namespace. `existing_status`: what a Put Blob with If-None-Match: * answers where a blob is (409, or 412 as some do)."""

    name = "azure"

    def __init__(self, account="devstoreaccount1", hierarchical=False, tokens=None, existing_status=409, port=0):
        super().__init__(port)
        self.account = account
        self.keys = [base64.b64encode(secrets.token_bytes(64)).decode() for _ in range(2)]
        self.hierarchical = hierarchical
        self.existing_status = existing_status
        # Off for appliances and emulators that list from the beginning whatever they are asked for.
        self.honours_start_from = True
        self.supports_batch = True
        # How often a copy is looked at before it is done.
        self.copy_looks = 0
        # As a server that would let two writers overwrite each other's commits.
        self.ignores_conditions = False
        self.tokens = tokens or TokenServer()
        self._containers = {}

    @property
    def endpoint(self):
        return f"{self.url}/{self.account}"

    def __enter__(self):
        super().__enter__()
        self.tokens.__enter__()
        return self

    def __exit__(self, *error):
        self.tokens.__exit__(*error)
        super().__exit__(*error)

    def create(self, name):
        with self.lock:
            return self._containers.setdefault(name, Container(self.hierarchical))

    def container(self, name):
        container = self._containers.get(name)
        if container is None:
            raise Refused(404, "ContainerNotFound", "The specified container does not exist.")
        return container

    def control(self, what, request):
        """For tests in another process."""
        if what == "configure":
            for name, value in json.loads(request.body).items():
                setattr(self, name, value)
            return Answer(204)
        if what == "containers":
            self.create(json.loads(request.body)["name"])
            return Answer(204)
        if what == "rotate":
            # The first key is worthless from now on.
            self.keys = [self.keys[1], base64.b64encode(secrets.token_bytes(64)).decode()]
            return Answer.json(200, {"key": self.keys[0]})
        return super().control(what, request)

    # Requests

    def handle(self, request):
        identifier = f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-0000-0000-{secrets.token_hex(6)}"
        data_lake = is_data_lake(request)
        try:
            answer = self._route(request, data_lake)
        except Refused as refused:
            answer = failure(refused, identifier, data_lake)
        answer.headers.setdefault("x-ms-request-id", identifier)
        answer.headers.setdefault("x-ms-version", request.headers.get("x-ms-version", LATEST_VERSION))
        if "x-ms-client-request-id" in request.headers:
            answer.headers.setdefault("x-ms-client-request-id", request.headers["x-ms-client-request-id"])
        return answer

    def _route(self, request, data_lake):
        account, container, blob = split(request)
        if account != self.account:
            raise Refused(404, "ResourceNotFound", "The specified resource does not exist.")
        version = request.headers.get("x-ms-version") or request.parameters.get("sv", "")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", version) or not OLDEST_VERSION <= version <= LATEST_VERSION:
            raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.", detail="x-ms-version")
        batch = request.parameters.get("comp") == "batch"
        operation, needs = (self._batch, "dw") if batch else operation_of(self, request, container, blob, data_lake)
        self._authorize(request, container, blob, needs)
        with self.lock:
            return operation(request, container, blob)

    def _authorize(self, request, container, blob, needs):
        authorization = request.headers.get("authorization", "")
        if authorization.startswith("Bearer "):
            self.tokens.check(authorization.removeprefix("Bearer "))
        elif authorization:
            check_shared_key(self.account, self.keys, request)
        elif "sig" in request.parameters:
            kind = "o" if blob is not None else "c" if container else "s"
            check_sas(self.account, self.keys, request, container, blob, needs, kind)
        else:
            raise Refused(401, "NoAuthenticationInformation", "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.")

    # Containers

    def create_container(self, request, container, _):
        if container in self._containers:
            raise Refused(409, "ContainerAlreadyExists", "The specified container already exists.")
        return Answer(201, self.create(container).headers())

    def delete_container(self, _, container, __):
        self.container(container)
        del self._containers[container]
        return Answer(202)

    def container_properties(self, _, container, __):
        properties = self.container(container).headers()
        return Answer(200, {**properties, "x-ms-namespace-enabled": str(self.hierarchical).lower()})

    def account_information(self, *_):
        return Answer(200, {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2", "x-ms-is-hns-enabled": str(self.hierarchical).lower()})

    def list_containers(self, *_):
        root = ElementTree.Element("EnumerationResults", ServiceEndpoint=self.endpoint)
        containers = ElementTree.SubElement(root, "Containers")
        for name, container in sorted(self._containers.items()):
            entry = ElementTree.SubElement(containers, "Container")
            ElementTree.SubElement(entry, "Name").text = name
            properties = ElementTree.SubElement(entry, "Properties")
            for header, value in container.headers().items():
                ElementTree.SubElement(properties, header).text = value
        ElementTree.SubElement(root, "NextMarker")
        return xml_answer(root)

    def list_blobs(self, request, container, _):
        return xml_answer(list_blobs(self.container(container), request, f"{self.endpoint}/", self.honours_start_from))

    # Blobs

    def put_blob(self, request, container, name):
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise Refused(400, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified.", detail="x-ms-blob-type")
        if "content-length" not in request.headers:
            raise Refused(411, "MissingContentLengthHeader", "Content-Length is required.")
        check_digest(request)
        blobs = self.container(container)
        self._check_new(blobs, request, name)
        blob = blobs.put(name, request.body, request.headers)
        return Answer(201, {**blob.identity(), "x-ms-request-server-encrypted": "true", **blob.digest()})

    def _check_new(self, blobs, request, name):
        existing = None if self.ignores_conditions else blobs.get(name)
        if existing is not None and request.headers.get("if-none-match") == "*":
            if self.existing_status == 409:
                raise Refused(409, "BlobAlreadyExists", "The specified blob already exists.")
            raise Refused(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
        check_conditions(request.headers, existing)
        if existing is not None and existing.is_directory and self.hierarchical:
            raise Refused(409, "ResourceTypeMismatch", "The specified resource type does not match the type of the existing resource.")
        if self.hierarchical:
            blobs.check_parents(name)

    def put_block(self, request, container, name):
        identifier = request.parameters.get("blockid", "")
        try:
            decoded = base64.b64decode(identifier, validate=True)
        except ValueError:
            raise Refused(400, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid.", detail="blockid")
        check_digest(request)
        blocks = self.container(container).uncommitted.setdefault(name, {})
        if not decoded or len(decoded) > 64 or any(len(other) != len(identifier) for other in blocks):
            raise Refused(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.", detail="block ids of a blob have one length")
        blocks[identifier] = request.body
        return Answer(201, {"x-ms-request-server-encrypted": "true"})

    def put_block_list(self, request, container, name):
        blobs = self.container(container)
        self._check_new(blobs, request, name)
        committed = blobs.get(name)
        old, new = (committed.blocks if committed else {}), blobs.uncommitted.get(name, {})
        content, blocks = [], {}
        for element in parse_xml(request.body, "BlockList"):
            sources = {"Latest": [new, old], "Uncommitted": [new], "Committed": [old]}.get(element.tag)
            identifier = (element.text or "").strip()
            found = next((source[identifier] for source in sources or [] if identifier in source), None)
            if found is None:
                raise Refused(400, "InvalidBlockList", "The specified block list is invalid.", detail=f"no block {identifier}")
            content.append(found)
            blocks[identifier] = found
        blob = blobs.put(name, b"".join(content), request.headers, blocks=blocks, with_digest=False)
        return Answer(201, {**blob.identity(), "x-ms-request-server-encrypted": "true"})

    def block_list(self, request, container, name):
        blobs = self.container(container)
        committed = blobs.get(name)
        if committed is None and name not in blobs.uncommitted:
            raise not_found()
        root = ElementTree.Element("BlockList")
        for tag, blocks in (("CommittedBlocks", committed.blocks if committed else {}), ("UncommittedBlocks", blobs.uncommitted.get(name, {}))):
            group = ElementTree.SubElement(root, tag)
            for identifier, content in blocks.items():
                block = ElementTree.SubElement(group, "Block")
                ElementTree.SubElement(block, "Name").text = identifier
                ElementTree.SubElement(block, "Size").text = str(len(content))
        return xml_answer(root)

    def _existing(self, request, container, name):
        blob = self.container(container).get(name)
        if blob is None:
            raise not_found()
        check_conditions(request.headers, blob)
        return blob

    def get_blob(self, request, container, name):
        blob = self._existing(request, container, name)
        wanted = request.headers.get("x-ms-range") or request.headers.get("range")
        headers = {"Accept-Ranges": "bytes", **blob.headers()}
        if not wanted:
            return Answer(200, headers, blob.content)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if not found or found[2] and int(found[2]) < int(found[1]):
            raise Refused(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.", detail="Range")
        size, first = len(blob.content), int(found[1])
        if first >= size:
            raise Refused(416, "InvalidRange", "The range specified is invalid for the current size of the resource.", {"Content-Range": f"bytes */{size}"})
        last = min(int(found[2]) if found[2] else size - 1, size - 1)
        if "Content-MD5" in headers:
            headers["x-ms-blob-content-md5"] = headers.pop("Content-MD5")
        return Answer(206, {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}, blob.content[first : last + 1])

    def blob_properties(self, request, container, name):
        blob = self._existing(request, container, name)
        copy = {}
        if blob.copy_id:
            copy = {"x-ms-copy-id": blob.copy_id, "x-ms-copy-status": "pending" if blob.copy_looks else "success"}
            blob.copy_looks = max(0, blob.copy_looks - 1)
        return Answer(200, {"Accept-Ranges": "bytes", **copy, **blob.headers()}, length=len(blob.content))

    def set_metadata(self, request, container, name):
        blob = self._existing(request, container, name)
        blob.set_metadata(request.headers)
        return Answer(200, blob.identity())

    def delete_blob(self, request, container, name):
        blobs = self.container(container)
        blob = self._existing(request, container, name)
        if blob.is_directory and self.hierarchical and blobs.children(name):
            raise Refused(409, "DirectoryIsNotEmpty", "This operation is not permitted on a non-empty directory.")
        blobs.delete(name)
        return Answer(202, {"x-ms-delete-type-permanent": "true"})

    def copy_blob(self, request, container, name):
        source = Request("GET", *urllib.parse.urlsplit(request.headers["x-ms-copy-source"])[2:4], Headers(), b"")
        _, source_container, source_name = split(source)
        if "sig" in request.parameters and "sig" not in source.parameters:
            # Whoever is let in by a signature needs one for the source, too.
            raise Refused(403, "CannotVerifyCopySource", "Server failed to authenticate the request.")
        blob = self._existing(Request("GET", "", "", Headers(), b""), source_container, source_name)
        self._check_new(self.container(container), request, name)
        headers = blob.own_headers()
        if any(header.startswith("x-ms-meta-") for header in request.headers):
            # Metadata of its own takes the place of the source's.
            headers = {header: value for header, value in headers.items() if not header.startswith("x-ms-meta-")}
            headers |= {header: value for header, value in request.headers.items() if header.startswith("x-ms-meta-")}
        copy = self.container(container).put(name, blob.content, headers)
        copy.copy_id, copy.copy_looks = secrets.token_hex(16), self.copy_looks
        return Answer(202, {**copy.identity(), "x-ms-copy-id": copy.copy_id, "x-ms-copy-status": "pending" if copy.copy_looks else "success"})

    def _batch(self, request, container, _):
        if not self.supports_batch:
            raise Refused(400, "UnsupportedHttpVerb", "The resource doesn't support the specified Http Verb.")
        try:
            parts = multipart(request.body, request.headers.get("content-type"))
        except ValueError as error:
            raise Refused(400, "InvalidInput", "One of the request inputs is not valid.", detail=str(error))
        if not parts or len(parts) > BATCH_LIMIT:
            raise Refused(400, "ExceedsMaxBatchRequestCount" if parts else "InvalidInput", f"{len(parts)} requests are in the batch.")
        boundary = f"batchresponse_{secrets.token_hex(16)}"
        body = []
        for place, (headers, content) in enumerate(parts):
            if headers.get("content-type") != "application/http" or headers.get("content-transfer-encoding") != "binary":
                raise Refused(400, "InvalidInput", "One of the request inputs is not valid.", detail="a part's headers")
            answer = self._part(content, container)
            body.append(f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {headers.get('content-id', place)}\r\n\r\n".encode())
            reason = {202: "Accepted"}.get(answer.status, "The specified blob does not exist.")
            body.append(f"HTTP/1.1 {answer.status} {reason}\r\n".encode())
            body += [f"{name}: {value}\r\n".encode() for name, value in answer.headers.items()]
            if answer.body:
                body.append(f"Content-Length: {len(answer.body)}\r\n".encode())
            body += [b"\r\n", answer.body, b"\r\n" if answer.body else b""]
        body.append(f"--{boundary}--\r\n".encode())
        return Answer(202, {"Content-Type": f"multipart/mixed; boundary={boundary}"}, b"".join(body))

    def _part(self, content, container):
        head, _, _ = content.partition(b"\r\n\r\n")
        line, *fields = head.decode().splitlines()
        method, target, _ = line.split(" ")
        raw_path, _, query = target.partition("?")
        headers = Headers.of(field.split(":", 1) for field in fields if field)
        part = Request(method, raw_path, query, headers, b"")
        fault = self._fault(f"PART {method} {target}")
        if fault is not None and fault.status:
            return failure(Refused(fault.status, "ServerBusy", "The server is busy."), secrets.token_hex(8), False)
        try:
            account, inner, blob = split(part)
            if method != "DELETE" or account != self.account or (container and inner != container):
                raise Refused(400, "InvalidInput", "One of the request inputs is not valid.", detail=target)
            self._authorize(part, inner, blob, "d")
            return self.delete_blob(part, inner, blob)
        except Refused as refused:
            return failure(refused, secrets.token_hex(8), False)

    # Data Lake

    def create_path(self, request, container, name):
        blobs = self.container(container)
        directory = request.parameters.get("resource") == "directory"
        source = request.headers.get("x-ms-rename-source")
        existing = blobs.get(name)
        if existing is not None and request.headers.get("if-none-match") == "*":
            raise Refused(409, "PathAlreadyExists", "The specified path already exists.")
        if self.hierarchical:
            blobs.check_parents(name)
        if source:
            _, _, old = split(Request("PUT", f"/{self.account}" + source.partition("?")[0], "", Headers(), b""))
            if blobs.get(old) is None:
                raise Refused(404, "RenameSourceParentPathNotFound", "The parent directory of the source path does not exist.")
            blobs.rename(old, name)
            return Answer(201)
        # An empty file that everybody can see at once: what a commit must not be made of.
        blob = blobs.put(name, b"", request.headers, directory=directory)
        return Answer(201, blob.identity())

    def update_path(self, request, container, name):
        blobs = self.container(container)
        blob = blobs.get(name)
        if blob is None:
            raise Refused(404, "PathNotFound", "The specified path does not exist.")
        action, position = request.parameters.get("action"), int(request.parameters.get("position", 0))
        if action == "append":
            if position != len(blob.content) + sum(map(len, blob.appended)):
                raise Refused(400, "InvalidAppendPosition", "The append position is not equal to the length of the file.")
            blob.appended.append(request.body)
            if request.parameters.get("flush") != "true":
                return Answer(202)
        elif action == "flush":
            if position != len(blob.content) + sum(map(len, blob.appended)):
                raise Refused(400, "InvalidFlushPosition", "The uploaded data is not contiguous or the position query parameter value is not equal to the length of the file.")
        else:
            return Answer(200)
        blob.flush()
        return Answer(202 if action == "append" else 200, blob.identity())

    def delete_path(self, request, container, name):
        blobs = self.container(container)
        if blobs.get(name) is None and not blobs.children(name):
            raise Refused(404, "PathNotFound", "The specified path does not exist.")
        if blobs.children(name):
            if request.parameters.get("recursive") != "true":
                raise Refused(409, "DirectoryNotEmpty", "The recursive query parameter value must be true to delete a non-empty directory.")
            for child in blobs.children(name):
                blobs.delete(child)
        blobs.delete(name)
        return Answer(200)

    def path_properties(self, request, container, name):
        blob = self.container(container).get(name)
        if blob is None:
            raise Refused(404, "PathNotFound", "The specified path does not exist.")
        kind = "directory" if blob.is_directory else "file"
        owner = {"x-ms-owner": "$superuser", "x-ms-group": "$superuser", "x-ms-permissions": "rw-r-----", "x-ms-acl": "user::rw-,group::r--,other::---"}
        return Answer(200, {**blob.headers(), **owner, "x-ms-resource-type": kind}, length=len(blob.content))

    def list_paths(self, request, container, _):
        return list_paths(self.container(container), request)


def split(request):
    """Account, container, blob of a path-style address; container and blob are None where they are not named."""
    account, _, rest = request.path.removeprefix("/").partition("/")
    container, slash, blob = rest.partition("/")
    return account, container or None, blob if slash and blob else None


def is_data_lake(request):
    names = request.parameters
    return names.get("resource") in ("file", "directory", "filesystem") or "action" in names or "recursive" in names or "x-ms-rename-source" in request.headers


def operation_of(server, request, container, blob, data_lake):
    """What is asked for, and the SAS permissions of which one is needed."""
    method, parameters = request.method, request.parameters
    what, kind = parameters.get("comp"), parameters.get("restype")
    if kind == "account" and what == "properties":
        return server.account_information, "rwdlacup"
    if container is None:
        if method == "GET" and what == "list":
            return server.list_containers, "l"
    elif blob is None:
        if method == "GET" and parameters.get("resource") == "filesystem":
            return server.list_paths, "l"
        table = {("PUT", None): (server.create_container, "cw"), ("DELETE", None): (server.delete_container, "d"), ("GET", "list"): (server.list_blobs, "l")}
        table[("GET", None)] = table[("HEAD", None)] = (server.container_properties, "rl")
        if (kind == "container" or parameters.get("resource") == "filesystem") and (method, what) in table:
            return table[(method, what)]
    elif data_lake:
        table = {"PUT": (server.create_path, "cw"), "PATCH": (server.update_path, "w"), "DELETE": (server.delete_path, "d"), "HEAD": (server.path_properties, "r")}
        if method in table:
            return table[method]
    else:
        table = {
            ("PUT", None): (server.copy_blob if "x-ms-copy-source" in request.headers else server.put_blob, "cw"),
            ("PUT", "block"): (server.put_block, "cw"),
            ("PUT", "blocklist"): (server.put_block_list, "cw"),
            ("PUT", "metadata"): (server.set_metadata, "w"),
            ("GET", "blocklist"): (server.block_list, "r"),
            ("GET", None): (server.get_blob, "r"),
            ("HEAD", None): (server.blob_properties, "r"),
            ("DELETE", None): (server.delete_blob, "d"),
        }
        if (method, what) in table:
            return table[(method, what)]
    raise Refused(400, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid.", detail=request.raw_query)


def not_found():
    return Refused(404, "BlobNotFound", "The specified blob does not exist.")


def check_digest(request):
    wanted = request.headers.get("content-md5")
    if wanted and base64.b64encode(hashlib.md5(request.body).digest()).decode() != wanted:
        raise Refused(400, "Md5Mismatch", "The MD5 value specified in the request did not match with the MD5 value calculated by the server.")


def parse_xml(body, tag):
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise Refused(400, "InvalidXmlDocument", "XML specified is not syntactically valid.", detail=str(error))
    if root.tag != tag:
        raise Refused(400, "InvalidXmlDocument", "XML specified is not syntactically valid.", detail=root.tag)
    return root


def xml_answer(root, status=200, headers=None):
    # With a byte order mark, as the service does.
    text = '\ufeff<?xml version="1.0" encoding="utf-8"?>' + ElementTree.tostring(root, encoding="unicode")
    return Answer(status, {"Content-Type": "application/xml", **(headers or {})}, text.encode())


def failure(refused, identifier, data_lake):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
    message = f"{refused.message}\nRequestId:{identifier}\nTime:{stamp}"
    headers = {"x-ms-error-code": refused.code, "x-ms-request-id": identifier, **refused.headers}
    if refused.status == 304:
        return Answer(304, headers)
    if data_lake:
        return Answer.json(refused.status, {"error": {"code": refused.code, "message": message}}, headers)
    root = ElementTree.Element("Error")
    ElementTree.SubElement(root, "Code").text = refused.code
    ElementTree.SubElement(root, "Message").text = message
    if refused.detail:
        ElementTree.SubElement(root, "AuthenticationErrorDetail" if refused.status == 403 else "Detail").text = refused.detail
    return xml_answer(root, refused.status, headers)


def account_sas(server, permissions="rwdlac", seconds=3600, **changes):
    """A SAS for the account, as the portal gives out."""
    fields = {"sv": "2022-11-02", "ss": "b", "srt": "sco", "sp": permissions}
    fields["se"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    fields.update(changes)
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"]
    fields["sig"] = hmac_base64(server.keys[0], "\n".join([server.account, *(fields.get(name, "") for name in names), ""]))
    return urllib.parse.urlencode(fields, quote_via=urllib.parse.quote)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hierarchical", action="store_true")
    parser.add_argument("--container", default="lake")
    parser.add_argument("--with-parent", action="store_true", help="ends when standard input does")
    arguments = parser.parse_args()
    server = AzureServer(hierarchical=arguments.hierarchical, port=arguments.port)
    server.create(arguments.container)
    tokens = server.tokens
    facts = {"endpoint": server.endpoint, "control": server.url, "account": server.account, "key": server.keys[0], "container": arguments.container}
    facts |= {"sas": account_sas(server), "authority": tokens.url, "metadata": tokens.metadata_url, "tenant": tokens.tenant, "client": tokens.client}
    facts |= {"secret": tokens.secret, "federated": sorted(tokens.federated_tokens)[0]}
    print(json.dumps(facts), flush=True)
    if arguments.with_parent:
        end_with_parent()
    threading.Thread(target=tokens.serve, daemon=True).start()
    server.serve()


if __name__ == "__main__":
    main()
