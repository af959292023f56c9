"""Shared Key signatures as the vendor's SDK computes them, over random requests with awkward names: what Levee's are held to.

`python azure_vectors.py` writes them to vectors/azure_shared_key.json; test_azure_server.py sees to it that the file is what the SDK says.
"""

import base64
import json
import pathlib
import random
from urllib.parse import quote

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

FILE = pathlib.Path(__file__).parent / "vectors" / "azure_shared_key.json"
ACCOUNT = "leveeaccount1"
ALPHABETS = ["abcXYZ019", "-._~", "!$&'()*+,;=:@", " %?#[]|\\^`{}\"<>", "éüßñ", "漢字かな", "😀👩‍🔬", "\u0301\u0338", "\t\x01\x7f"]


def text(rng, most, alphabets=ALPHABETS):
    return "".join(rng.choice(rng.choice(alphabets)) for _ in range(rng.randint(1, most)))


def request(rng):
    """A method, the parts of a URL, headers and the body's length, as the service's operations have them."""
    key = "/".join(text(rng, 12) for _ in range(rng.randint(1, 4)))
    query, length = [], 0
    headers = {"x-ms-date": "Sat, 21 Nov 2026 20:00:00 GMT", "x-ms-version": rng.choice(["2021-12-02", "2026-02-06"])}
    kind = rng.choice(["get", "put", "block", "list", "delete", "batch", "blocklist"])
    if kind == "get":
        method = rng.choice(["GET", "HEAD"])
        headers["x-ms-range" if method == "GET" else "If-Match"] = f"bytes={rng.randrange(10**9)}-{rng.randrange(10**12)}"
    elif kind == "put":
        method, length = "PUT", rng.choice([0, 1, rng.randrange(10**9)])
        headers |= {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream", "If-None-Match": "*"}
        headers["x-ms-meta-levee_write"] = base64.b16encode(rng.randbytes(16)).decode()
        if rng.random() < 0.3:
            headers["Content-MD5"] = base64.b64encode(rng.randbytes(16)).decode()
            headers["x-ms-blob-content-type"] = "text/plain"
    elif kind == "block":
        method, length = "PUT", rng.randrange(1, 10**8)
        query = [("comp", "block"), ("blockid", base64.b64encode(rng.randbytes(rng.randint(1, 40))).decode())]
    elif kind == "blocklist":
        method, length, query = "PUT", rng.randrange(1, 10**6), [("comp", "blocklist")]
        headers |= {"Content-Type": "application/xml", "If-None-Match": "*", "x-ms-blob-content-type": "application/octet-stream"}
    elif kind == "delete":
        method = "DELETE"
        headers |= rng.choice([{}, {"If-Unmodified-Since": "Fri, 20 Nov 2026 20:00:00 GMT"}, {"If-Modified-Since": "Fri, 20 Nov 2026 20:00:00 GMT"}])
    else:
        method, key, query = ("GET", "", [("restype", "container"), ("comp", "list"), ("prefix", text(rng, 20)), ("maxresults", str(rng.randint(1, 5000)))])
        query += [("include", "metadata")] + rng.choice([[], [("marker", text(rng, 30))], [("startFrom", text(rng, 30))]])
        if kind == "batch":
            method, query, length = "POST", [("restype", "container"), ("comp", "batch")], rng.randrange(1, 4 << 20)
            headers["Content-Type"] = f"multipart/mixed; boundary=batch_{rng.randrange(10**9)}"
    rng.shuffle(query)
    prefix = rng.choice(["", f"/{ACCOUNT}"])
    return method, f"{prefix}/lake" + (f"/{quote(key, safe='/~')}" if key else ""), query, headers, length


def vectors(seed=20261121, count=300):
    rng = random.Random(seed)
    key = base64.b64encode(rng.randbytes(64)).decode()
    found = []
    for _ in range(count):
        method, path, query, headers, length = request(rng)
        sent = dict(headers)
        if length or method in ("PUT", "POST"):
            sent["Content-Length"] = str(length)
        url = f"https://{ACCOUNT}.blob.core.windows.net{path}"
        if query:
            url += "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
        signed = PipelineRequest(HttpRequest(method, url, headers=sent), PipelineContext(None))
        SharedKeyCredentialPolicy(ACCOUNT, key).on_request(signed)
        authorization = signed.http_request.headers["Authorization"]
        found.append({"method": method, "path": path, "query": query, "headers": headers, "length": length, "authorization": authorization})
    return {"account": ACCOUNT, "key": key, "vectors": found}


def document():
    value = vectors()
    lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in value["vectors"])
    return f'{{"account": "{value["account"]}", "key": "{value["key"]}", "vectors": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    FILE.write_text(document())
