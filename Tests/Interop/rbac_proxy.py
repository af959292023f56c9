"""An API server that keeps to RBAC: it passes on to `levee dev` what a service account's roles allow, answers 403 to the rest, and remembers what was asked."""

import base64
import http.client
import http.server
import json
import re
import ssl
import threading
import urllib.parse

import yaml

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Access:
    """One request as RBAC sees it."""

    def __init__(self, method, target):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        found = re.fullmatch(
            r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?",
            url.path)
        self.is_resource = found is not None
        if not found:
            return
        self.group, self.namespace, self.name = found["group"] or "", found["namespace"] or "", found["name"] or ""
        self.resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
        if not self.name:
            named = re.fullmatch(r"metadata\.name=([^,]+)", query.get("fieldSelector", ""))
            self.name = named.group(1) if named and method == "GET" else ""
        if method == "GET":
            collection = not found["name"]
            self.verb = ("watch" if query.get("watch") in ("1", "true") else "list") if collection else "get"
        elif method == "DELETE":
            self.verb = "delete" if found["name"] else "deletecollection"
        else:
            self.verb = VERBS[method]

    @property
    def right(self):
        return self.verb, self.group, self.resource


class Roles:
    """What a service account may do, from the roles and bindings among some objects."""

    def __init__(self, objects, namespace, account):
        roles = {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each.get("rules", []) for each in objects
                 if each["kind"] in ("Role", "ClusterRole")}
        # Where each rule counts: a namespace, or None for everywhere.
        self.rules = []
        for each in objects:
            if each["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
                continue
            subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
            if subject not in each["subjects"]:
                continue
            where = each["metadata"]["namespace"] if each["kind"] == "RoleBinding" else None
            ref = each["roleRef"]
            role = roles[ref["kind"], where if ref["kind"] == "Role" else "", ref["name"]]
            self.rules += [(where, rule) for rule in role]

    def allow(self, access):
        return any(
            (where is None or where == access.namespace) and access.verb in rule["verbs"] and access.group in rule["apiGroups"]
            and access.resource in rule["resources"] and ("resourceNames" not in rule or access.name in rule["resourceNames"])
            for where, rule in self.rules)

    def granted(self):
        return {(verb, group, resource) for _, rule in self.rules for verb in rule["verbs"] for group in rule["apiGroups"] for resource in rule["resources"]}


class Proxy:
    def __init__(self, kubeconfig, roles, directory):
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = urllib.parse.urlsplit(cluster["server"])
        authority = cluster.get("certificate-authority-data")
        self.tls = ssl.create_default_context(
            cadata=base64.b64decode(authority).decode() if authority else None, cafile=cluster.get("certificate-authority"))
        self.token = user["token"]
        self.roles = roles
        self.used, self.refused = set(), set()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                access = Access(self.command, self.path)
                if access.is_resource:
                    if not proxy.roles.allow(access):
                        proxy.refused.add((*access.right, access.namespace, access.name))
                        return self.refuse(access)
                    proxy.used.add(access.right)
                proxy.forward(self, body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def refuse(self, access):
                message = f'{access.resource} "{access.name}" is forbidden: User "levee" cannot {access.verb} resource "{access.resource}"'
                text = json.dumps({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": "Forbidden", "code": 403,
                }).encode()
                self.send_response(403)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.kubeconfig = directory / "kubeconfig"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "levee",
            "clusters": [{"name": "levee", "cluster": {"server": f"http://127.0.0.1:{self.http.server_port}"}}],
            "users": [{"name": "levee", "user": {"token": "of-the-service-account"}}],
            "contexts": [{"name": "levee", "context": {"cluster": "levee", "user": "levee"}}],
        }))

    def forward(self, handler, body):
        """Passes the answer on as it comes, so that watches do too."""
        upstream = http.client.HTTPSConnection(self.server.hostname, self.server.port, context=self.tls, timeout=120)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() in ("accept", "content-type", "user-agent")}
            upstream.request(handler.command, handler.path, body or None, {**headers, "Authorization": f"Bearer {self.token}"})
            answer = upstream.getresponse()
            handler.send_response(answer.status)
            for name in ("Content-Type", "Warning", "Retry-After"):
                if answer.headers.get(name):
                    handler.send_header(name, answer.headers[name])
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            while piece := answer.read1(1 << 16):
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            handler.close_connection = True
        finally:
            upstream.close()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
