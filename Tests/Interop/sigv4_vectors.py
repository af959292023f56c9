"""Seeded random requests, signed by botocore, one JSON object a line: what Levee's own signatures must equal byte for byte.

    sigv4_vectors.py SEED COUNT
"""

import datetime
import hashlib
import json
import random
import sys
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib.parse import quote

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "-._~!$&'()*+,;=:@%#?[]{}|\\^`\"<> \t",
    "éüñßøłżœ中文日本語한글עבריתالعربية",
    "😀🚀𐍈𝔘",
    "\u0301\u0338\u00a0\u2028\ufeff\uffff\u0001\u007f",
]


def text(rng, most):
    return "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(rng.randrange(most)))


def key(rng):
    parts = [text(rng, 12) or "x" for _ in range(rng.randrange(1, 5))]
    return "/".join("%" + part if part in (".", "..") else part for part in parts)


def vector(rng):
    service = "s3" if rng.random() < 0.9 else "sts"
    method = rng.choice(["GET", "PUT", "POST", "DELETE", "HEAD"])
    host = rng.choice(["lake.s3.eu-west-1.amazonaws.com", "127.0.0.1:9000", "minio.example", "[::1]:9000"])
    path = "/" + ("bucket/" + key(rng) if rng.random() < 0.9 else "")
    query = [(rng.choice(["prefix", "uploads", "list-type", "start-after", "partNumber", "versionId"]) + str(i), text(rng, 15)) for i in range(rng.randrange(4))]
    rng.shuffle(query)
    headers = {}
    for name in rng.sample(["If-None-Match", "Range", "Content-MD5", "x-amz-meta-levee-write", "x-amz-server-side-encryption", "Content-Type", "x-amz-request-payer"], rng.randrange(5)):
        headers[name] = rng.choice(["*", "bytes=0-99", "  a   b  c ", "AES256", "requester", "a,b", "x\ty"])
    token = text(rng, 1) + "Fwo/Token+=" if rng.random() < 0.5 else None
    keys = {"access_key": "AKIA" + text(random.Random(rng.random()), 1) + "EXAMPLE", "secret_key": "wJalr/XUtn+" + str(rng.randrange(10**9)), "token": token and "Fwo/Token+="}
    body = bytes(rng.randrange(256) for _ in range(rng.randrange(200))) if method in ("PUT", "POST") else b""
    when = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=rng.randrange(60 * 10**7))
    region = rng.choice(["us-east-1", "eu-west-1", "cn-north-1"])
    payload = hashlib.sha256(body).hexdigest()
    signer = {"s3": botocore.auth.S3SigV4Auth, "sts": botocore.auth.SigV4Auth}[service]
    encoded = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    url = f"http://{host}{quote(path, safe='/-_.~')}" + (f"?{encoded}" if encoded else "")
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    request.context["payload_signing_enabled"] = True
    auth = signer(Credentials(keys["access_key"], keys["secret_key"], keys["token"]), service, region)
    with mock.patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: when):
        auth.add_auth(request)
    return {
        "service": service, "region": region, "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "method": method, "authority": host, "path": path,
        "query": [list(pair) for pair in query], "headers": [[name, value] for name, value in headers.items()], "payload": payload,
        "accessKeyID": keys["access_key"], "secretAccessKey": keys["secret_key"], "sessionToken": keys["token"],
        "authorization": request.headers["Authorization"], "url": url,
    }


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        print(json.dumps(vector(rng)))


if __name__ == "__main__":
    main()
