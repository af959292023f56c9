"""The GCS test server is held to Google's own clients and to deltalake, so that what Levee is held to is no invention."""

import io
import json

import google.auth.compute_engine._metadata as metadata
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth import identity_pool
from google.auth.compute_engine import Credentials as MetadataCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.oauth2 import service_account

from servers.gcs import GCSServer

NAMES = ["a b", "a%2Fb", "a+b&c=d", "p=1/x y.parquet", "ü/😀", "a-b", "a/b", "a0", "<&>'\"", "control\x01", "~tilde", "q?x#y", "semi;colon,comma"]
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.fixture
def server():
    with GCSServer() as server:
        server.create("lake")
        yield server


def client(server, credentials=None):
    credentials = credentials or service_account.Credentials.from_service_account_info(server.identity.service_account)
    return storage.Client("a-project", credentials, client_options=ClientOptions(api_endpoint=server.url))


def test_objects_by_the_vendors_client(server):
    bucket = client(server).bucket("lake")
    for name in NAMES:
        bucket.blob(name).upload_from_string(name, if_generation_match=0)
        assert bucket.blob(name).download_as_bytes() == name.encode()
    assert [blob.name for blob in bucket.list_blobs()] == sorted(NAMES, key=str.encode)
    assert [blob.name for blob in bucket.list_blobs(page_size=3)] == sorted(NAMES, key=str.encode)
    assert [blob.name for blob in bucket.list_blobs(start_offset="a/b", prefix="a")] == ["a/b", "a0"]
    listed = bucket.list_blobs(delimiter="/", prefix="a")
    assert [blob.name for blob in listed] == ["a b", "a%2Fb", "a+b&c=d", "a-b", "a0"] and listed.prefixes == {"a/"}
    with pytest.raises(PreconditionFailed):
        bucket.blob("a b").upload_from_string("other", if_generation_match=0)
    with pytest.raises(NotFound):
        bucket.blob("missing").download_as_bytes()
    assert bucket.blob("a b").download_as_bytes(start=1, end=1) == b" "
    joined = bucket.blob("joined")
    joined.compose([bucket.blob("a b"), bucket.blob("a0")])
    assert joined.download_as_bytes() == b"a ba0"


def test_a_resumable_upload(server):
    content = bytes(range(256)) * 5000
    blob = client(server).bucket("lake").blob("large", chunk_size=256 << 10)
    blob.upload_from_file(io.BytesIO(content), size=None)
    assert blob.download_as_bytes() == content
    assert len(server.requests("^PUT .* 308")) == 4
    with pytest.raises(PreconditionFailed):
        blob.upload_from_file(io.BytesIO(content), if_generation_match=0)


def test_many_are_deleted_in_one_request(server):
    bucket = client(server).bucket("lake")
    for name in NAMES:
        bucket.blob(name).upload_from_string("x")
    with bucket.client.batch():
        for name in NAMES:
            bucket.blob(name).delete()
    assert list(bucket.list_blobs()) == []
    with pytest.raises(NotFound):
        with bucket.client.batch():
            bucket.blob("missing").delete()
    assert len(server.requests("^POST /batch")) == 2


def test_tokens(server, tmp_path, monkeypatch):
    identity = server.identity
    bucket = client(server).bucket("lake")
    bucket.blob("x").upload_from_string("1")
    assert server.requests("^POST /token 200")

    signed = service_account.Credentials.from_service_account_info(identity.service_account, always_use_jwt_access=True)
    signed = signed.with_scopes(SCOPES)
    signed._create_self_signed_jwt(None)
    assert client(server, signed).bucket("lake").blob("x").download_as_bytes() == b"1"

    token_file = tmp_path / "token"
    for impersonated in (False, True):
        token_file.write_text("a subject token")
        config = identity.external_account(token_file, impersonated)
        federated = identity_pool.Credentials.from_info(config, scopes=SCOPES)
        assert client(server, federated).bucket("lake").blob("x").download_as_bytes() == b"1"
        token_file.write_text("another's token")
        with pytest.raises(GoogleAuthError):
            client(server, identity_pool.Credentials.from_info(config, scopes=SCOPES)).bucket("lake").blob("x").download_as_bytes()

    monkeypatch.setattr(metadata, "_GCE_METADATA_HOST", f"127.0.0.1:{server.port}")
    assert client(server, MetadataCredentials()).bucket("lake").blob("x").download_as_bytes() == b"1"

    info = {**identity.service_account, "client_email": "other@a-project.iam.gserviceaccount.com"}
    with pytest.raises(GoogleAuthError):
        client(server, service_account.Credentials.from_service_account_info(info)).bucket("lake").blob("x").download_as_bytes()


def test_deltalake(server, tmp_path):
    key = tmp_path / "key.json"
    key.write_text(json.dumps({**server.identity.service_account, "gcs_base_url": server.url, "disable_oauth": False}))
    options = {"google_service_account": str(key), "allow_http": "true"}
    rows = pa.table({"id": range(10), "part": ["a b", "ü", "x%2Fy", "1", "2"] * 2})
    for _ in range(3):
        write_deltalake("gs://lake/tables/t1", rows, partition_by=["part"], mode="append", storage_options=options)
    table = DeltaTable("gs://lake/tables/t1", storage_options=options)
    assert table.version() == 2 and table.to_pyarrow_table().num_rows == 30
    assert table.optimize.compact()["numFilesRemoved"] == 15
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert DeltaTable("gs://lake/tables/t1", storage_options=options).to_pyarrow_table().num_rows == 30
