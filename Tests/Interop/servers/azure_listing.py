"""List Blobs and the Data Lake's list of paths."""

import base64
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

from .azure_auth import Refused
from .web import Answer, http_date

# What XML 1.0 cannot hold.
UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def marker_of(text):
    """Opaque, as the service's are: nobody shall make one up."""
    return "2!" + base64.urlsafe_b64encode(text.encode()).decode()


def text_of(marker):
    try:
        return base64.urlsafe_b64decode(marker.removeprefix("2!")).decode() if marker.startswith("2!") else None
    except ValueError:
        return None


def invalid(name):
    return Refused(400, "OutOfRangeQueryParameterValue", "One of the query parameters specified in the request URI is outside the permissible range.", detail=name)


def list_blobs(container, request, endpoint, honours_start_from):
    parameters = request.parameters
    prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    limit = int(parameters.get("maxresults", 5000))
    if limit <= 0:
        raise invalid("maxresults")
    after = None
    if parameters.get("marker"):
        after = text_of(parameters["marker"])
        if after is None:
            raise invalid("marker")
    # Documented from version 2026-02-06 on; deltalake counts on it with an older one, so the service must know it there too.
    start = parameters.get("startFrom", "") if honours_start_from else ""
    if container.hierarchical:
        _refuse_files_within(container, prefix)
    entries, following = container.blobs.page(prefix, delimiter, min(limit, 5000), start, after)

    root = ElementTree.Element("EnumerationResults", ServiceEndpoint=endpoint)
    for name, value in (("Prefix", prefix), ("Marker", parameters.get("marker", "")), ("MaxResults", parameters.get("maxresults")), ("Delimiter", delimiter)):
        if value:
            ElementTree.SubElement(root, name).text = value
    blobs = ElementTree.SubElement(root, "Blobs")
    includes = parameters.get("include", "").split(",")
    names = {text for kind, text in entries if kind == "prefix"}
    for kind, text in entries:
        if kind == "prefix":
            _name(ElementTree.SubElement(blobs, "BlobPrefix"), text)
        elif not (container.hierarchical and delimiter and f"{text}/" in names):
            _blob(ElementTree.SubElement(blobs, "Blob"), text, container, "metadata" in includes)
    ElementTree.SubElement(root, "NextMarker").text = marker_of(following) if following else None
    return root


def _refuse_files_within(container, prefix):
    parts = prefix.split("/")
    for count in range(1, len(parts)):
        found = container.get("/".join(parts[:count]))
        if found is not None and not found.is_directory:
            raise Refused(404, "PathNotFound", "The specified path does not exist.")


def _name(element, text):
    name = ElementTree.SubElement(element, "Name")
    if UNSPEAKABLE.search(text):
        name.set("Encoded", "true")
        text = urllib.parse.quote(text, safe="")
    name.text = text


def _blob(element, text, container, with_metadata):
    blob = container.get(text)
    _name(element, text)
    properties = ElementTree.SubElement(element, "Properties")
    values = {"Creation-Time": http_date(blob.created), "Last-Modified": http_date(blob.modified), "Etag": blob.etag.strip('"')}
    if container.hierarchical:
        values["ResourceType"] = "directory" if blob.is_directory else "file"
    values |= {"Content-Length": str(len(blob.content)), "Content-Type": blob.properties["content-type"], "Content-Encoding": "", "Content-Language": ""}
    values |= {"Content-CRC64": "", "Content-MD5": blob.md5 or "", "Cache-Control": "", "Content-Disposition": "", "BlobType": "BlockBlob"}
    values |= {"AccessTier": "Hot", "AccessTierInferred": "true", "LeaseStatus": "unlocked", "LeaseState": "available", "ServerEncrypted": "true"}
    for name, value in values.items():
        ElementTree.SubElement(properties, name).text = value
    if with_metadata:
        metadata = ElementTree.SubElement(element, "Metadata")
        for name, value in blob.all_metadata().items():
            ElementTree.SubElement(metadata, name).text = value
    ElementTree.SubElement(element, "OrMetadata")


def list_paths(container, request):
    parameters = request.parameters
    directory = parameters.get("directory", "").strip("/")
    if directory and not container.children(directory):
        found = container.get(directory)
        if found is None or not found.is_directory:
            raise Refused(404, "PathNotFound", "The specified path does not exist.")
    prefix = f"{directory}/" if directory else ""
    after = text_of(parameters["continuation"]) if parameters.get("continuation") else None
    recursive = parameters.get("recursive") == "true"
    entries, following = container.blobs.page(prefix, "" if recursive else "/", int(parameters.get("maxResults", 5000)), "", after)
    paths, seen = [], set()
    for kind, text in entries:
        name = text.rstrip("/")
        blob = container.get(name)
        if name in seen:
            continue
        seen.add(name)
        path = {"name": name, "contentLength": str(len(blob.content) if blob else 0), "owner": "$superuser", "group": "$superuser", "permissions": "rw-r-----"}
        if kind == "prefix" or blob.is_directory:
            path["isDirectory"] = "true"
        if blob:
            path |= {"etag": blob.etag.strip('"'), "lastModified": http_date(blob.modified)}
        paths.append(path)
    return Answer.json(200, {"paths": paths}, {"x-ms-continuation": marker_of(following)} if following else None)
