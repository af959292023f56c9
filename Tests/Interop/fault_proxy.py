"""A proxy before a store's server that loses, cuts, delays, doubles and refuses. Prints its endpoint; ends with its standard input.

    fault_proxy.py UPSTREAM [--rate 0.3] [--seed N] [--hold REGEX]

Requests whose first line matches `--hold` are never answered, nor passed on. `GET /-/counts` tells how many requests there were, and how many faults of each kind.

What happens to a request is drawn from the seed and the request's number. A key can ask for a fault of its own, once, at its first conditional put:
`fault~KIND~POSITION~name` with KIND one of

    request   the connection breaks after so many bytes of the request, of which the server sees nothing
    response  the server carries the request out, the connection breaks after so many bytes of its response
    rival     as `request`, and another writer's object takes the key meanwhile
    twice     the server gets the request two times, the second answer comes back
    refused   the server carries it out, the answer is a 503

A server that receives half of a body throws it away; moto would keep it, so a cut request is not passed on at all.
"""

import argparse
import collections
import json
import random
import re
import socket
import sys
import threading
import urllib.parse

WANTED = re.compile(rb"fault~([a-z]+)~(\d+)~")


class Broken(Exception):
    """The client's connection is to be closed now."""


def read_message(source):
    """A message's head and body; None where the connection has ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = source.recv(65536)
        if not piece:
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    return head + b"\r\n\r\n", body


def length_of(head):
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    return int(found[1]) if found else 0


class Proxy:
    def __init__(self, upstream, rate, seed, hold=None):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.rate, self.seed, self.hold = rate, seed, hold and re.compile(hold.encode())
        self.count, self.done, self.lock = 0, set(), threading.Lock()
        self.faults = collections.Counter()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.converse, args=(client,), daemon=True).start()

    def converse(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                message = read_message(client)
                if message is None:
                    return
                self.exchange(client, *message)
        except (Broken, OSError):
            pass
        finally:
            client.close()

    def fault(self, head):
        line = head.split(b"\r\n", 1)[0]
        with self.lock:
            self.count += 1
            number = self.count
            wanted = WANTED.search(line)
            if wanted and line.startswith(b"PUT") and b"if-none-match" in head.lower() and line not in self.done:
                self.done.add(line)
                return wanted[1].decode(), int(wanted[2]), random.Random(number)
        rng = random.Random(f"{self.seed}:{number}")
        if rng.random() >= self.rate:
            return "none", 0, rng
        kinds = ["request", "response", "response", "twice", "refused", "refuse", "refuse", "delay", "truncate"]
        # A doubled beginning of an upload is one that no client can know of. Vacuum takes it.
        if line.startswith(b"POST") and b"uploads" in line:
            kinds.remove("twice")
        return rng.choice(kinds), rng.randrange(1200), rng

    def exchange(self, client, head, body):
        if head.startswith(b"GET /-/counts "):
            body = json.dumps({"requests": self.count, "faults": self.faults}).encode()
            return client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        if self.hold and self.hold.search(head.split(b"\r\n", 1)[0]):
            # Until the client is gone.
            while client.recv(1 << 20):
                pass
            raise Broken
        kind, position, rng = self.fault(head)
        with self.lock:
            self.faults[kind] += kind != "none"
        size = length_of(head)
        if kind in ("request", "rival"):
            while len(head) + len(body) < min(position, len(head) + size):
                piece = client.recv(65536)
                if not piece:
                    break
                body += piece
            if kind == "rival":
                other = re.sub(rb"(\r\nx-amz-meta-levee-write: *)[^\r]*", rb"\1rival", head, flags=re.I)
                self.forward(other, b"rival".ljust(size, b"!")[:size])
            raise Broken
        while len(body) < size:
            piece = client.recv(1 << 20)
            if not piece:
                raise Broken
            body += piece
        if kind == "refuse":
            return self.refuse(client, rng)
        if kind == "delay":
            threading.Event().wait(rng.random() / 3)
        response = self.forward(head, body)
        if kind == "twice":
            response = self.forward(head, body)
        if kind == "refused":
            return self.refuse(client, rng, 503)
        if kind == "response":
            client.sendall(response[:position])
            raise Broken
        if kind == "truncate":
            start = response.index(b"\r\n\r\n") + 4
            client.sendall(response[:start + (len(response) - start) * rng.randrange(100) // 100])
            raise Broken
        client.sendall(response)

    def refuse(self, client, rng, status=None):
        status = status or rng.choice([429, 500, 502, 503])
        code = {429: "TooManyRequests", 503: "SlowDown"}.get(status, "InternalError")
        body = f"<Error><Code>{code}</Code><Message>by the proxy</Message><RequestId>proxy</RequestId></Error>".encode()
        if status == 502:
            body = b"<html>bad gateway"
        extra = b"Retry-After: 0\r\n" if rng.random() < 0.3 else b""
        client.sendall(b"HTTP/1.1 %d Refused\r\nContent-Length: %d\r\nContent-Type: application/xml\r\n%s\r\n" % (status, len(body), extra) + body)

    def forward(self, head, body):
        with socket.create_connection(self.upstream) as server:
            server.sendall(head[:-2] + b"Connection: close\r\n\r\n" + body)
            pieces = []
            while piece := server.recv(1 << 20):
                pieces.append(piece)
        # The client's connection stays.
        return re.sub(rb"\r\nConnection: close", b"", b"".join(pieces), count=1, flags=re.I)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("upstream")
    arguments.add_argument("--rate", type=float, default=0.3)
    arguments.add_argument("--seed", default="20261121")
    arguments.add_argument("--hold")
    options = arguments.parse_args()
    proxy = Proxy(options.upstream, options.rate, options.seed, options.hold)
    threading.Thread(target=proxy.serve, daemon=True).start()
    print(f"http://127.0.0.1:{proxy.port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
