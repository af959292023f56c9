"""How Azure Storage lets requests in: Shared Key, shared access signatures, bearer tokens; and the endpoints that give tokens out."""

import base64
import calendar
import email.utils
import hashlib
import hmac
import json
import secrets
import time

from .web import Answer, Server

SIGNED_HEADERS = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
]
STORAGE_RESOURCE = "https://storage.azure.com"
CLOCK_SKEW = 15 * 60


class Refused(Exception):
    """An answer of the service that is no success."""

    def __init__(self, status, code, message, headers=None, detail=""):
        super().__init__(code)
        self.status, self.code, self.message, self.headers, self.detail = status, code, message, headers or {}, detail


def unauthenticated(detail):
    message = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."
    return Refused(403, "AuthenticationFailed", message, detail=detail)


def hmac_base64(key, text):
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def shared_key_string(account, request):
    """What a Shared Key signature is over, by the service's description of it."""
    headers = request.headers
    signed = []
    for name in SIGNED_HEADERS:
        value = headers.get(name, "")
        if name == "content-length" and value == "0" or name == "date" and "x-ms-date" in headers:
            value = ""
        signed.append(value)
    lines = [request.method, *signed]
    # The service's order leaves hyphens out at first.
    for name in sorted((name for name in headers if name.startswith("x-ms-")), key=lambda name: (name.replace("-", ""), name)):
        lines.append(f"{name}:{' '.join(headers[name].split())}")
    resource = f"/{account}{request.raw_path}"
    values = {}
    for name, value in request.pairs:
        values.setdefault(name.lower(), []).append(value)
    for name in sorted(values):
        resource += f"\n{name}:{','.join(sorted(values[name]))}"
    return "\n".join([*lines, resource])


def check_shared_key(account, keys, request):
    scheme, _, rest = request.headers["authorization"].partition(" ")
    name, _, signature = rest.partition(":")
    if scheme != "SharedKey" or name != account:
        raise unauthenticated(f"{scheme} for account {name} is not for {account}")
    stamp = request.headers.get("x-ms-date") or request.headers.get("date")
    if not stamp:
        raise unauthenticated("neither x-ms-date nor Date is there")
    sent = email.utils.parsedate_to_datetime(stamp).timestamp()
    if abs(time.time() - sent) > CLOCK_SKEW:
        raise unauthenticated(f"the date {stamp} is too far from the server's")
    text = shared_key_string(account, request)
    if not any(hmac.compare_digest(hmac_base64(key, text), signature) for key in keys):
        shown = text.replace("\n", "\\n")
        raise unauthenticated(f"The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. Server used: '{shown}'.")


def parse_time(text):
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"):
        try:
            return calendar.timegm(time.strptime(text, form))
        except ValueError:
            continue
    raise unauthenticated(f"{text} is no time")


def check_sas(account, keys, request, container, blob, needs, resource_type):
    """A service or account SAS: signature, times, and that it gives one of the permissions in `needs` on the resource."""
    sas = request.parameters
    version = sas.get("sv", "")
    if version < "2020-12-06":
        raise unauthenticated(f"the signed version {version} is older than this server knows")
    get = lambda name: sas.get(name, "")
    if "ss" in sas:
        text = "\n".join([account, *map(get, ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"]), ""])
        if "b" not in get("ss") or resource_type not in get("srt"):
            raise Refused(403, "AuthorizationResourceTypeMismatch", "This request is not authorized to perform this operation using this resource type.")
    else:
        resources = {"c": f"/blob/{account}/{container}", "b": f"/blob/{account}/{container}/{blob}"}
        if get("sr") not in resources or (get("sr") == "b" and blob is None):
            raise unauthenticated(f"the signed resource {get('sr')} is not what was asked for")
        fields = [get("sp"), get("st"), get("se"), resources[get("sr")], get("si"), get("sip"), get("spr"), get("sv"), get("sr"), "", get("ses")]
        text = "\n".join([*fields, *map(get, ["rscc", "rscd", "rsce", "rscl", "rsct"])])
    if not any(hmac.compare_digest(hmac_base64(key, text), get("sig")) for key in keys):
        raise unauthenticated("Signature did not match. String to sign used was " + text)
    now = time.time()
    if (get("st") and parse_time(get("st")) > now + 1) or not get("se") or parse_time(get("se")) <= now:
        raise unauthenticated(f"Signature not valid in the specified time frame: Start [{get('st')}] - Expiry [{get('se')}]")
    if get("spr") and "http" not in get("spr").split(","):
        raise Refused(403, "AuthorizationProtocolMismatch", "This request is not authorized to perform this operation using this protocol.")
    if not set(needs) & set(get("sp")):
        raise Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")


class TokenServer(Server):
    """Microsoft Entra's token endpoint (client secret, federated token) and the instance metadata's (managed identity)."""

    name = "entra"

    def __init__(self, port=0, lifetime=3600):
        super().__init__(port)
        self.tenant, self.client, self.secret = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000", secrets.token_urlsafe(24)
        self.federated_tokens = {"a federated token"}
        self.lifetime = lifetime
        self.identity_header = None
        self._tokens = {}

    @property
    def metadata_url(self):
        return f"{self.url}/metadata/identity/oauth2/token"

    def issue(self, how):
        token = f"eyJ.{secrets.token_urlsafe(40)}.{how}"
        with self.lock:
            self._tokens[token] = time.time() + self.lifetime
        return token

    def revoke(self):
        with self.lock:
            self._tokens.clear()

    def control(self, what, request):
        """For tests in another process: `configure` sets attributes, `revoke` forgets the tokens given out."""
        if what == "revoke":
            self.revoke()
            return Answer(204)
        if what == "configure":
            for name, value in json.loads(request.body).items():
                setattr(self, name, set(value) if name == "federated_tokens" else value)
            return Answer(204)
        return super().control(what, request)

    def check(self, token):
        with self.lock:
            expires = self._tokens.get(token)
        if expires is None or expires < time.time():
            challenge = f'Bearer authorization_uri={self.url}/{self.tenant}/oauth2/authorize resource_id={STORAGE_RESOURCE}'
            message = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
            raise Refused(401, "InvalidAuthenticationInfo", message, {"WWW-Authenticate": challenge}, "the token is unknown or has expired")

    def handle(self, request):
        if request.path == f"/{self.tenant}/oauth2/v2.0/token" and request.method == "POST":
            return self._token(request)
        if request.path == "/metadata/identity/oauth2/token" and request.method == "GET":
            return self._managed(request)
        return self._error(404, "invalid_request", "AADSTS90002: Tenant not found")

    def _error(self, status, error, description):
        return Answer.json(status, {"error": error, "error_description": description, "error_codes": [], "trace_id": secrets.token_hex(8)})

    def _token(self, request):
        if request.headers.get("content-type", "").split(";")[0] != "application/x-www-form-urlencoded":
            return self._error(400, "invalid_request", "AADSTS900144: the body must be a form")
        form = request.form
        if form.get("grant_type") != "client_credentials":
            return self._error(400, "unsupported_grant_type", f"AADSTS70003: {form.get('grant_type')}")
        if form.get("scope") != f"{STORAGE_RESOURCE}/.default":
            return self._error(400, "invalid_scope", f"AADSTS70011: the scope {form.get('scope')} is not valid")
        if form.get("client_id") != self.client:
            return self._error(400, "unauthorized_client", "AADSTS700016: the application was not found in the directory")
        if "client_assertion" in form:
            if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
                return self._error(400, "invalid_request", "AADSTS50027: the assertion's type is not valid")
            if form["client_assertion"] not in self.federated_tokens:
                return self._error(401, "invalid_client", "AADSTS700213: no matching federated identity record")
            how = "federated"
        elif form.get("client_secret") == self.secret:
            how = "secret"
        else:
            return self._error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided")
        return Answer.json(200, {"token_type": "Bearer", "expires_in": self.lifetime, "ext_expires_in": self.lifetime, "access_token": self.issue(how)})

    def _managed(self, request):
        parameters = request.parameters
        if self.identity_header is not None:
            # App Service and its like, which have a header of their own.
            if request.headers.get("x-identity-header") != self.identity_header:
                return Answer.json(401, {"statusCode": 401, "message": "the identity header is not right"})
        elif request.headers.get("metadata", "").lower() != "true":
            return Answer.json(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
        if parameters.get("api-version") not in ("2018-02-01", "2019-08-01", "2021-02-01"):
            return Answer.json(400, {"error": "invalid_request", "error_description": "the api-version is not valid"})
        if parameters.get("resource", "").rstrip("/") != STORAGE_RESOURCE:
            return Answer.json(400, {"error": "invalid_resource", "error_description": f"the resource {parameters.get('resource')} was not found"})
        if parameters.get("client_id", self.client) != self.client:
            return Answer.json(400, {"error": "invalid_request", "error_description": "Identity not found"})
        expires = str(int(time.time()) + self.lifetime)
        body = {"access_token": self.issue("managed"), "client_id": self.client, "expires_in": str(self.lifetime), "expires_on": expires}
        return Answer.json(200, {**body, "not_before": str(int(time.time())), "resource": STORAGE_RESOURCE, "token_type": "Bearer"})
