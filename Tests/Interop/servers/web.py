"""What the test servers share: requests as values, answers, faults that are asked for by name, and a thread for each connection."""

import io
import json
import os
import re
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

# Where a test in another process sets faults (POST) and reads what was requested (GET).
CONTROL = "/-/"


class Headers(dict):
    """Header fields by their names in lower case; of doubled ones the last."""

    @classmethod
    def of(cls, fields):
        return cls((name.lower(), value.strip()) for name, value in fields)


@dataclass
class Request:
    method: str
    # As it came, percent escapes and all: signatures are over this.
    raw_path: str
    raw_query: str
    headers: Headers
    body: bytes

    @property
    def path(self):
        return urllib.parse.unquote(self.raw_path, errors="strict")

    @property
    def parameters(self):
        """Decoded; each name once."""
        return dict(self.pairs)

    @property
    def pairs(self):
        return urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True)

    @property
    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    # The size that a HEAD answer speaks of.
    length: int | None = None

    @classmethod
    def json(cls, status, value, headers=None):
        return cls(status, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}, json.dumps(value).encode())


@dataclass
class Fault:
    """What happens to the next `count` requests whose `METHOD path?query` matches: an answer of that status, or, without one, a cut connection."""

    match: str
    count: int = 1
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: str = ""
    # The request is carried out before its answer is lost or replaced.
    after: bool = False
    # Of the true answer's body only so many bytes are sent.
    truncate: int | None = None
    # Of the true answer, its head included, only so many bytes are sent.
    sent: int | None = None
    # Of the request's body only so many bytes are taken; nothing is carried out.
    read: int | None = None
    delay: float = 0.0


class Server:
    """Calls `handle` for each request. `with Server() as server:` runs it on a free port of loopback."""

    name = "server"

    def __init__(self, port=0):
        self.lock = threading.RLock()
        self.faults = []
        self.log = []
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self._listener = _Listener(("127.0.0.1", port), Handler)
        self.port = self._listener.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def handle(self, request) -> Answer:
        raise NotImplementedError

    def __enter__(self):
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def serve(self):
        self._listener.serve_forever(poll_interval=0.2)

    def secure(self, directory):
        """Speaks TLS from now on; returns the certificate (PEM), which is its own authority."""
        key, certificate = directory / "key.pem", directory / "certificate.pem"
        command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "1", "-subj", "/CN=test"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._listener.socket = context.wrap_socket(self._listener.socket, server_side=True)
        self.url = self.url.replace("http://", "https://")
        return certificate.read_text()

    def fail(self, match, **options):
        """The next requests that match fail, see `Fault`."""
        with self.lock:
            self.faults.append(Fault(match, **options))

    def requests(self, match=""):
        """`METHOD path?query status` of the requests so far that match."""
        with self.lock:
            return [line for line in self.log if re.search(match, line)]

    def forget(self):
        with self.lock:
            self.log.clear()
            self.faults.clear()

    def _fault(self, line):
        with self.lock:
            for fault in self.faults:
                if fault.count > 0 and re.search(fault.match, line):
                    fault.count -= 1
                    return fault
        return None

    def _control(self, request):
        what = request.path[len(CONTROL):]
        if what == "faults" and request.method == "POST":
            for options in json.loads(request.body):
                self.fail(**options)
            return Answer(204)
        if what == "requests" and request.method == "GET":
            return Answer.json(200, self.requests(request.parameters.get("match", "")))
        if what == "forget" and request.method == "POST":
            self.forget()
            return Answer(204)
        return self.control(what, request)

    def control(self, what, request):
        return Answer(404)


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # A client that went away is part of the tests.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def _serve(self):
        owner = self.server_owner
        path, _, query = self.path.partition("?")
        line = f"{self.command} {self.path}"
        fault = None if path.startswith(CONTROL) else owner._fault(line)
        if fault is not None and fault.read is not None:
            self.rfile.read(min(fault.read, int(self.headers.get("Content-Length") or 0)))
            return self._cut()
        request = Request(self.command, path, query, Headers.of(self.headers.items()), self._body())
        if path.startswith(CONTROL):
            return self._send(request, owner._control(request))
        if fault is None:
            answer = owner.handle(request)
        else:
            time.sleep(fault.delay)
            keeps = fault.truncate is not None or fault.sent is not None
            answer = owner.handle(request) if fault.after or keeps or (fault.delay and fault.status is None) else None
            if fault.status is not None:
                answer = Answer(fault.status, dict(fault.headers), fault.body.encode())
            elif answer is None or (fault.after and not keeps):
                with owner.lock:
                    owner.log.append(f"{line} cut")
                return self._cut()
        with owner.lock:
            owner.log.append(f"{line} {answer.status}")
        if fault is not None and fault.sent is not None:
            whole, self.wfile = self.wfile, io.BytesIO()
            self._send(request, answer)
            answered, self.wfile = self.wfile.getvalue(), whole
            self.wfile.write(answered[: fault.sent])
            self.wfile.flush()
            return self._cut()
        self._send(request, answer, fault.truncate if fault else None)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _serve

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the request's body was cut")
        return body

    def _send(self, request, answer, truncate=None):
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers.items():
            self.send_header(name, str(value))
        bodiless = request.method == "HEAD" or answer.status in (204, 304)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(answer.length if answer.length is not None else len(answer.body)))
        self.end_headers()
        if truncate is not None:
            self.wfile.write(answer.body[:truncate])
            self.wfile.flush()
            return self._cut()
        if not bodiless:
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _cut(self):
        """Ends the connection with a reset, as a proxy that dies does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.rfile, self.wfile = _Gone(), _Gone()

    def log_message(self, *_):
        pass


class _Gone:
    closed = True

    def flush(self):
        pass

    def close(self):
        pass

    def readline(self, *_):
        return b""


def end_with_parent():
    """Ends the process when its standard input does, so that nothing is left of a test that was killed."""

    def wait():
        while sys.stdin.buffer.read(4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def http_date(seconds):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


def multipart(body, content_type):
    """The parts of a multipart body: (headers, content) each. The content keeps its line ends, but for the one before the next boundary."""
    found = re.search(r'boundary=(?:"([^"]+)"|([^;\s]+))', content_type or "")
    if not found:
        raise ValueError("no boundary")
    boundary = b"--" + (found[1] or found[2]).encode()
    pieces = re.split(rb"(?:^|\r?\n)" + re.escape(boundary), body)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("the closing boundary is missing")
    parts = []
    for piece in pieces[1:-1]:
        piece = re.sub(rb"^[ \t]*\r?\n", b"", piece, count=1)
        head, content = split_head(piece)
        parts.append((Headers.of(line.split(":", 1) for line in head if ":" in line), content))
    return parts


def split_head(message):
    """The lines before the first empty one, and what follows."""
    if message.startswith((b"\r\n", b"\n")):
        return [], message.split(b"\n", 1)[1]
    head, _, content = re.split(rb"(\r?\n\r?\n)", message, maxsplit=1) if re.search(rb"\r?\n\r?\n", message) else (message, b"", b"")
    return head.decode().splitlines(), content
