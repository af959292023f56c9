"""How Google Cloud Storage lets requests in: access tokens for signed assertions (RS256), self-signed tokens, the metadata server's, federated ones."""

import base64
import hashlib
import json
import re
import secrets
import subprocess
import time

from .web import Answer

SCOPES = {"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/devstorage.read_write", "https://www.googleapis.com/auth/devstorage.full_control"}
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class Unauthorized(Exception):
    pass


class SigningKey:
    """An RSA key pair as service accounts have them, made anew; signatures are checked by arithmetic, so that nothing needs installing."""

    def __init__(self):
        options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        self.pem = subprocess.run(["openssl", "genpkey", *options], capture_output=True, check=True, text=True).stdout
        text = subprocess.run(["openssl", "rsa", "-noout", "-modulus"], input=self.pem, capture_output=True, check=True, text=True).stdout
        self._modulus = int(text.strip().partition("=")[2], 16)

    def verifies(self, message, signature):
        """PKCS #1 v1.5 with SHA-256 (RFC 8017, section 8.2.2)."""
        size = (self._modulus.bit_length() + 7) // 8
        if len(signature) != size:
            return False
        decrypted = pow(int.from_bytes(signature, "big"), 65537, self._modulus).to_bytes(size, "big")
        tail = SHA256_PREFIX + hashlib.sha256(message).digest()
        return decrypted == b"\0\1" + b"\xff" * (size - 3 - len(tail)) + b"\0" + tail


def unbase64url(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Unauthorized("not base64url without padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Identity:
    """One service account, its key, and what has been given out for it."""

    def __init__(self, url):
        self.url = url
        self.key, self.key_id = SigningKey(), secrets.token_hex(20)
        self.email = "levee@a-project.iam.gserviceaccount.com"
        self.audience = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/pool/providers/cluster"
        self.subject_tokens = {"a subject token"}
        self.lifetime = 3600
        self._tokens = {}

    @property
    def service_account(self):
        """The file that the console hands out."""
        return {
            "type": "service_account",
            "project_id": "a-project",
            "private_key_id": self.key_id,
            "private_key": self.key.pem,
            "client_email": self.email,
            "client_id": "123456789",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": f"{self.url}/token",
        }

    def external_account(self, token_file, impersonated):
        """The configuration of workload identity federation."""
        config = {
            "type": "external_account",
            "audience": self.audience,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.url}/v1/token",
            "credential_source": {"file": str(token_file)},
        }
        if impersonated:
            config["service_account_impersonation_url"] = f"{self.url}/v1/projects/-/serviceAccounts/{self.email}:generateAccessToken"
        return config

    def issue(self, how):
        token = f"ya29.{secrets.token_urlsafe(48)}.{how}"
        self._tokens[token] = (time.time() + self.lifetime, how)
        return token

    def revoke(self):
        self._tokens.clear()

    def check(self, authorization, allows_federated=True):
        """The token may be one that was given out, or a JWT that the account signed itself."""
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise Unauthorized("no bearer token")
        if token in self._tokens:
            expires, how = self._tokens[token]
            if expires < time.time():
                raise Unauthorized("the access token has expired")
            if how == "sts" and not allows_federated:
                raise Unauthorized("a federated token")
            return how
        claims = self.claims(token)
        if claims.get("iss") != self.email or claims.get("sub") != self.email:
            raise Unauthorized("a token signed by itself names the account as its issuer and subject")
        if claims.get("aud") != "https://storage.googleapis.com/" and not set(claims.get("scope", "").split()) & SCOPES:
            raise Unauthorized("a token signed by itself has the service as its audience, or a scope")
        return "self-signed"

    def claims(self, token):
        parts = token.split(".")
        if len(parts) != 3:
            raise Unauthorized("not a token of this server, and no JWT")
        try:
            header, claims = (json.loads(unbase64url(part)) for part in parts[:2])
        except ValueError as error:
            raise Unauthorized(f"not a JWT: {error}")
        if header.get("alg") != "RS256" or header.get("typ", "JWT") != "JWT" or header.get("kid", self.key_id) != self.key_id:
            raise Unauthorized(f"the JWT's header {header} is not of this key")
        if not self.key.verifies(f"{parts[0]}.{parts[1]}".encode(), unbase64url(parts[2])):
            raise Unauthorized("Invalid JWT Signature.")
        now = time.time()
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or not isinstance(expires, int) or not issued - 300 <= now < expires or expires - issued > 3600:
            raise Unauthorized("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
        return claims

    # The endpoints

    def handle(self, request):
        """The answer of a token endpoint; None where the request is for none of them."""
        path = request.path
        if path == "/token" and request.method == "POST":
            return self._assertion(request)
        if path == "/v1/token" and request.method == "POST":
            return self._exchange(request)
        if path == f"/v1/projects/-/serviceAccounts/{self.email}:generateAccessToken" and request.method == "POST":
            return self._impersonate(request)
        if path.startswith("/computeMetadata/v1/") or (path == "/" and "metadata-flavor" in request.headers):
            return self._metadata(request)
        return None

    def _refuse(self, status, error, description):
        return Answer.json(status, {"error": error, "error_description": description})

    def _given(self, token):
        return Answer.json(200, {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def _assertion(self, request):
        form = request.form
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self._refuse(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        try:
            claims = self.claims(form.get("assertion", ""))
        except Unauthorized as error:
            return self._refuse(400, "invalid_grant", str(error))
        if claims.get("iss") != self.email:
            return self._refuse(400, "invalid_grant", "Invalid grant: account not found")
        # Google's client names the public endpoint whatever the key file says.
        if claims.get("aud") not in (f"{self.url}/token", "https://oauth2.googleapis.com/token"):
            return self._refuse(400, "invalid_grant", "Invalid JWT: Failed audience check.")
        if not set(claims.get("scope", "").split()) & SCOPES:
            return self._refuse(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self._given(self.issue("assertion"))

    def _exchange(self, request):
        form = request.form
        wanted = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": self.audience,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }
        for name, value in wanted.items():
            if form.get(name) != value:
                return self._refuse(400, "invalid_request", f"Invalid value for {name}: {form.get(name)}")
        if not set(form.get("scope", "").split()) & (SCOPES | {"https://www.googleapis.com/auth/iam"}):
            return self._refuse(400, "invalid_scope", "the scope is missing")
        if form.get("subject_token") not in self.subject_tokens:
            return self._refuse(400, "invalid_grant", "ID Token issued at an unknown issuer.")
        return Answer.json(200, {**json.loads(self._given(self.issue("sts")).body), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    def _impersonate(self, request):
        try:
            how = self.check(request.headers.get("authorization", ""))
        except Unauthorized as error:
            return Answer.json(401, {"error": {"code": 401, "message": str(error), "status": "UNAUTHENTICATED"}})
        body = json.loads(request.body)
        if how != "sts" or not set(body.get("scope", [])) & SCOPES:
            return Answer.json(403, {"error": {"code": 403, "message": "Permission 'iam.serviceAccounts.getAccessToken' denied", "status": "PERMISSION_DENIED"}})
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime))
        return Answer.json(200, {"accessToken": self.issue("impersonated"), "expireTime": expires})

    def _metadata(self, request):
        flavor = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}
        if request.headers.get("metadata-flavor") != "Google":
            return Answer(403, {"Content-Type": "text/html"}, b"Missing Metadata-Flavor:Google header.")
        if "x-forwarded-for" in request.headers:
            return Answer(403, {"Content-Type": "text/html"}, b"forwarded requests are refused")
        base = "/computeMetadata/v1/instance/service-accounts/"
        for account in ("default", self.email):
            if request.path == f"{base}{account}/token":
                return Answer.json(200, json.loads(self._given(self.issue("metadata")).body), flavor)
            if request.path.rstrip("/") == f"{base}{account}":
                return Answer.json(200, {"aliases": ["default"], "email": self.email, "scopes": sorted(SCOPES)}, flavor)
            if request.path == f"{base}{account}/email":
                return Answer(200, {"Content-Type": "application/text", **flavor}, self.email.encode())
        if request.path == "/computeMetadata/v1/project/project-id":
            return Answer(200, {"Content-Type": "application/text", **flavor}, b"a-project")
        if request.path == "/computeMetadata/v1/universe/universe-domain":
            return Answer(200, {"Content-Type": "application/text", **flavor}, b"googleapis.com")
        return Answer(200 if request.path == "/" else 404, flavor)
