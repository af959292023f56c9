"""As much of S3, Azure Blob Storage and Cloud Storage as the clients of `make bench-store` ask for, cheap enough not to be what is measured.

Objects are sent from memory by the kernel (sendfile), what is uploaded is dropped by it (MSG_TRUNC), listings are prepared. Signatures are not looked at.
Prints its address; ends with its standard input. `--delay` waits before each answer, as a store does that is not on the same machine.
"""

import argparse
import bisect
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse

SIZE = 64 << 20
MODIFIED = "2026-01-01T00:00:00.000Z"


class Objects:
    """One object's content, which all have, and the names of those that have been written."""

    def __init__(self):
        self.file = os.memfd_create("object")
        block = bytes((i >> 3) & 255 for i in range(1 << 20))
        for _ in range(SIZE >> 20):
            os.write(self.file, block)
        self.written, self.uploads, self.lock = set(), 0, threading.Lock()


class Listing:
    """A hundred directories of a thousand keys. Pages are made once and kept."""

    def __init__(self):
        self.keys = [
            f"listed/day={1000 + directory}/part-{100_000 + number}-0123456789abcdef0123456789abcdef.snappy.parquet"
            for directory in range(100) for number in range(1000)]
        self.pages = {}

    def page(self, prefix, start, delimiter, limit):
        """Keys and directories from `start` on, and where the next page begins."""
        keys, prefixes = [], []
        index = bisect.bisect_left(self.keys, max(prefix, start))
        while index < len(self.keys) and len(keys) + len(prefixes) < limit:
            key = self.keys[index]
            if not key.startswith(prefix):
                return keys, prefixes, None
            slash = key.find("/", len(prefix)) if delimiter else -1
            if slash < 0:
                keys.append(key)
                index += 1
            else:
                prefixes.append(key[:slash + 1])
                index = bisect.bisect_left(self.keys, key[:slash] + "0")
        more = index < len(self.keys) and self.keys[index].startswith(prefix)
        return keys, prefixes, self.keys[index] if more else None

    def answer(self, kind, parameters):
        wanted = (kind, tuple(sorted(parameters.items())))
        if wanted not in self.pages:
            self.pages[wanted] = getattr(self, kind)(parameters)
        return self.pages[wanted]

    def s3(self, parameters):
        after = parameters.get("start-after", "")
        start = parameters.get("continuation-token") or (after + "\0" if after else "")
        keys, prefixes, following = self.page(
            parameters.get("prefix", ""), start, parameters.get("delimiter"), min(1000, int(parameters.get("max-keys", 1000))))
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{MODIFIED}</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag>"
            "<Size>1048576</Size><StorageClass>STANDARD</StorageClass></Contents>" for key in keys)
        common = "".join(f"<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>" for prefix in prefixes)
        token = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
        return "application/xml", (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>lake</Name>'
            f"<Prefix>{parameters.get('prefix', '')}</Prefix><KeyCount>{len(keys) + len(prefixes)}</KeyCount><MaxKeys>1000</MaxKeys>"
            f"<IsTruncated>{'true' if following else 'false'}</IsTruncated>{contents}{common}{token}</ListBucketResult>").encode()

    def azure(self, parameters):
        keys, prefixes, following = self.page(
            parameters.get("prefix", ""), parameters.get("marker") or parameters.get("startFrom", ""), parameters.get("delimiter"),
            min(5000, int(parameters.get("maxresults", 5000))))
        blobs = "".join(
            f"<Blob><Name>{key}</Name><Properties><Creation-Time>Thu, 01 Jan 2026 00:00:00 GMT</Creation-Time>"
            "<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified><Etag>0x8DE48C5E0000000</Etag><Content-Length>1048576</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type><Content-Encoding /><Content-Language /><Content-CRC64 />"
            "<Content-MD5>AAAAAAAAAAAAAAAAAAAAAA==</Content-MD5><Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType>"
            "<AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
            "<ServerEncrypted>true</ServerEncrypted></Properties><OrMetadata /></Blob>" for key in keys)
        common = "".join(f"<BlobPrefix><Name>{prefix}</Name></BlobPrefix>" for prefix in prefixes)
        return "application/xml", (
            '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/account/" ContainerName="lake">'
            f"<Prefix>{parameters.get('prefix', '')}</Prefix><MaxResults>5000</MaxResults><Blobs>{blobs}{common}</Blobs>"
            f"<NextMarker>{following or ''}</NextMarker></EnumerationResults>").encode()

    def gcs(self, parameters):
        keys, prefixes, following = self.page(
            parameters.get("prefix", ""), parameters.get("pageToken") or parameters.get("startOffset", ""), parameters.get("delimiter"),
            min(1000, int(parameters.get("maxResults", 1000))))
        answer = {"items": [{"name": key, "size": "1048576", "updated": MODIFIED} for key in keys], "prefixes": prefixes}
        if following:
            answer["nextPageToken"] = following
        return "application/json", json.dumps({name: value for name, value in answer.items() if value}).encode()


class Server:
    def __init__(self, delay):
        self.delay, self.objects, self.listing = delay, Objects(), Listing()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.converse, args=(client,), daemon=True).start()

    def converse(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        scratch, rest = bytearray(1 << 20), b""
        try:
            while True:
                while b"\r\n\r\n" not in rest:
                    piece = client.recv(65536)
                    if not piece:
                        return
                    rest += piece
                head, rest = rest.split(b"\r\n\r\n", 1)
                lines = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                left = int(headers.get("content-length", 0)) - len(rest)
                rest = rest[len(rest) + left:] if left < 0 else b""
                if left > 0 and headers.get("expect"):
                    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                while left > 0:
                    count = client.recv_into(scratch, min(left, len(scratch)), socket.MSG_TRUNC)
                    if not count:
                        return
                    left -= count
                self.answer(client, lines[0].split(" "), headers)
        except OSError:
            pass
        finally:
            client.close()

    def answer(self, client, line, headers):
        method, target = line[0], urllib.parse.urlsplit(line[1])
        parameters = dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True))
        if self.delay:
            time.sleep(self.delay)
        if method == "GET" and parameters.get("comp") == "list":
            return self.send(client, 200, *self.listing.answer("azure", parameters))
        if method == "GET" and target.path == "/storage/v1/b/lake/o":
            return self.send(client, 200, *self.listing.answer("gcs", parameters))
        if method == "GET" and "list-type" in parameters:
            return self.send(client, 200, *self.listing.answer("s3", parameters))
        if method == "GET":
            return self.content(client, headers)
        key = target.path.rpartition("/")[2]
        if method == "HEAD":
            return self.send(client, 200 if key in self.objects.written else 404)
        if method == "POST" and "uploads" in parameters:
            with self.objects.lock:
                self.objects.uploads += 1
                number = self.objects.uploads
            name = "<Bucket>lake</Bucket><Key>k</Key>"
            return self.send(
                client, 200, "application/xml",
                f"<InitiateMultipartUploadResult>{name}<UploadId>{number}</UploadId></InitiateMultipartUploadResult>".encode())
        if method == "POST":
            self.objects.written.add(key)
            return self.send(
                client, 200, "application/xml",
                b"<CompleteMultipartUploadResult><Bucket>lake</Bucket><Key>k</Key><ETag>e</ETag></CompleteMultipartUploadResult>")
        if method == "PUT" and "partNumber" not in parameters:
            if headers.get("if-none-match") == "*" and key in self.objects.written:
                return self.send(client, 412)
            self.objects.written.add(key)
        return self.send(client, 204 if method == "DELETE" else 200)

    def content(self, client, headers):
        start, end = 0, SIZE
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", "")):
            start, end = int(found[1]), min(int(found[2] or SIZE - 1) + 1, SIZE)
        status = f"206 Partial Content\r\nContent-Range: bytes {start}-{end - 1}/{SIZE}" if found else "200 OK"
        client.sendall(
            f"HTTP/1.1 {status}\r\nContent-Length: {end - start}\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
            "Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n\r\n".encode())
        while start < end:
            start += os.sendfile(client.fileno(), self.objects.file, start, end - start)

    def send(self, client, status, kind="text/plain", body=b""):
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        client.sendall(
            f"HTTP/1.1 {status} Answer\r\n{length}Content-Type: {kind}\r\nETag: \"e\"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n".encode() + body)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--delay", type=float, default=0, help="seconds")
    options = arguments.parse_args()
    server = Server(options.delay)
    threading.Thread(target=server.serve, daemon=True).start()
    print(f"http://127.0.0.1:{server.listener.getsockname()[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
