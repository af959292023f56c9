"""An API server of empty collections that speaks HTTP/2 and does to its connections and streams what a test tells it to."""

import json
import pathlib
import socket
import ssl
import subprocess
import threading
from urllib.parse import parse_qsl, urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


class Authority:
    """Signs certificates with openssl; each authority is another one, whatever its name."""

    def __init__(self, directory, name):
        self.directory, self.name = pathlib.Path(directory) / name, name
        self.directory.mkdir(parents=True)
        self.certificate, self.key = self.directory / "ca.crt", self.directory / "ca.key"
        self._openssl("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "1", "-subj", f"/CN={name}",
                      "-keyout", self.key, "-out", self.certificate)

    def issue(self, subject, address=None):
        """A certificate and its key, for a server at an address or for a client."""
        certificate, key, request = (self.directory / f"{subject}.{suffix}" for suffix in ("crt", "key", "csr"))
        self._openssl("req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/O=test/CN={subject}",
                      "-keyout", key, "-out", request)
        extensions = self.directory / "extensions"
        extensions.write_text(f"subjectAltName=IP:{address}\n" if address else "extendedKeyUsage=clientAuth\n")
        self._openssl("x509", "-req", "-days", "1", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                      "-extfile", extensions, "-out", certificate)
        return certificate, key

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Request:
    def __init__(self, connection, stream, headers):
        self.connection, self.stream, self.headers = connection, stream, headers
        url = urlsplit(headers[":path"])
        self.method, self.path, self.query = headers[":method"], url.path, dict(parse_qsl(url.query))

    @property
    def is_watch(self):
        return self.query.get("watch") == "true"

    @property
    def token(self):
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def __repr__(self):
        return f"{self.connection.number}/{self.stream} {self.method} {self.path} {self.query}"


class Connection:
    def __init__(self, server, socket, number):
        self.server, self.socket, self.number = server, socket, number
        self.lock = threading.RLock()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.is_open = True
        self.is_deaf = False

    @staticmethod
    def allowing(streams):
        return h2.settings.Settings(client=False, initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: streams})

    def serve(self):
        with self.lock:
            self.h2.local_settings = self.allowing(self.server.max_streams)
            self.h2.initiate_connection()
            # The library would end a connection with more streams; servers refuse the stream.
            self.h2.local_settings = self.allowing(1000)
            self.flush()
        try:
            while data := self.socket.recv(65536):
                if self.is_deaf:
                    continue
                with self.lock:
                    for event in self.h2.receive_data(data):
                        self.take(event)
                    self.flush()
        except (OSError, h2.exceptions.ProtocolError):
            pass
        self.is_open = False

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            request = Request(self, event.stream_id, dict(event.headers))
            if sum(each.connection is self for each in self.server.watches) >= self.server.max_streams:
                return self.h2.reset_stream(event.stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            self.server.requests.append(request)
            self.server.answer(request)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.server.left(self, event.stream_id)

    def flush(self):
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def respond(self, stream, status, body, more=False):
        with self.lock:
            self.h2.send_headers(stream, [(":status", str(status)), ("content-type", "application/json")])
            self.h2.send_data(stream, body, end_stream=not more)
            self.flush()

    def send(self, stream, data, end=False):
        with self.lock:
            self.h2.send_data(stream, data, end_stream=end)
            self.flush()

    def reset(self, stream, code):
        with self.lock:
            self.h2.reset_stream(stream, code)
            self.flush()

    def go_away(self, last_stream, code=h2.errors.ErrorCodes.NO_ERROR):
        """Takes no streams after the last one; those up to it go on. Not by the library's own hand, which would end the connection at once."""
        frame = (8).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + last_stream.to_bytes(4, "big") + int(code).to_bytes(4, "big")
        with self.lock:
            self.socket.sendall(frame)

    def close(self):
        self.is_open = False
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class HTTP2API:
    """Lists of nothing at version 10, watches that stay open and bring what a test sends."""

    def __init__(self, certificate, key, client_authority=None, max_streams=100, streams_lists=True, tokens=None):
        self.max_streams, self.streams_lists, self.tokens = max_streams, streams_lists, tokens
        self.requests, self.connections, self.watches = [], [], []
        self.certificates(certificate, key, client_authority)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def certificates(self, certificate, key, client_authority=None):
        """For connections from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(certificate, key)
        if client_authority:
            context.load_verify_locations(client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
        self.tls = context

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.shake_hands, args=(plain,), daemon=True).start()

    def shake_hands(self, plain):
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, self.tls.wrap_socket(plain, server_side=True), len(self.connections))
        except (OSError, ssl.SSLError):
            return
        self.connections.append(connection)
        connection.serve()

    def answer(self, request):
        if self.tokens is not None and request.token not in self.tokens:
            return request.connection.respond(request.stream, 401, self.status(401, "Unauthorized"))
        if request.method != "GET":
            return request.connection.respond(request.stream, 403, self.status(403, "Forbidden"))
        if not request.is_watch:
            return request.connection.respond(request.stream, 200, json.dumps({"kind": "List", "metadata": {"resourceVersion": "10"}, "items": []}).encode())
        begins_with_list = request.query.get("sendInitialEvents") == "true"
        if begins_with_list and not self.streams_lists:
            return request.connection.respond(request.stream, 422, self.status(422, "Invalid"))
        self.watches.append(request)
        request.connection.respond(request.stream, 200, b"", more=True)
        if begins_with_list:
            self.event(request, "BOOKMARK", version="10", annotations={"k8s.io/initial-events-end": "true"})

    @staticmethod
    def status(code, reason):
        return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": "scripted"}).encode()

    def event(self, watch, type, version, **metadata):
        line = {"type": type, "object": {"kind": "Any", "apiVersion": "v1", "metadata": {"resourceVersion": version, **metadata}}}
        watch.connection.send(watch.stream, json.dumps(line).encode() + b"\n")

    def end(self, watch):
        """As a server does when the time of a watch is over."""
        self.watches.remove(watch)
        watch.connection.send(watch.stream, b"", end=True)

    def reset(self, watch, code):
        self.watches.remove(watch)
        watch.connection.reset(watch.stream, code)

    def left(self, connection, stream):
        self.watches = [each for each in self.watches if (each.connection, each.stream) != (connection, stream)]

    def drop(self, connection):
        """The connection breaks."""
        self.watches = [each for each in self.watches if each.connection is not connection]
        connection.close()

    @property
    def open_watches(self):
        """By what they watch."""
        return {each.path: each for each in self.watches if each.connection.is_open}

    @property
    def lists(self):
        """Requests for all objects, in either way."""
        return [each for each in self.requests if each.method == "GET" and not (each.is_watch and "resourceVersion" in each.query)]

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()
