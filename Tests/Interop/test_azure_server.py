"""The Azure test server is held to the vendor's own clients, so that what Levee is held to is no invention: signatures, tokens, conditions, listings, batches."""

import datetime
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pyarrow as pa
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import AccountSasPermissions, BlobBlock, BlobServiceClient, BlobSasPermissions, ContainerSasPermissions, PartialBatchErrorException, ResourceTypes
from azure.storage.blob import generate_account_sas, generate_blob_sas, generate_container_sas
from azure.storage.filedatalake import DataLakeServiceClient
from deltalake import DeltaTable, write_deltalake

import azure_vectors
from servers.azure import AzureServer, account_sas

# The awkward ones: escapes, what XML cannot hold, what sorts around the slash.
NAMES = ["a b", "a%2Fb", "a+b&c=d", "p=1/x y.parquet", "ü/😀", "a-b", "a/b", "a0", "<&>'\"", "control\x01", "~tilde", "q?x#y", "semi;colon,comma"]


@pytest.fixture(params=[False, True], ids=["flat", "hierarchical"])
def server(request):
    with AzureServer(hierarchical=request.param) as server:
        server.create("lake")
        yield server


@pytest.fixture
def flat():
    with AzureServer() as server:
        server.create("lake")
        yield server


def service(server, credential=None):
    return BlobServiceClient(server.endpoint, credential=credential or server.keys[0], retry_total=0)


def lake(server, credential=None):
    return service(server, credential).get_container_client("lake")


def test_blobs_by_the_vendors_client(server):
    blobs = lake(server)
    for name in NAMES:
        blobs.upload_blob(name, name.encode())
        assert blobs.download_blob(name).readall() == name.encode()
    found = [blob.name for blob in blobs.list_blobs() if blob.size]
    if server.hierarchical:
        assert found == sorted(NAMES, key=lambda name: [part.encode() for part in name.split("/")])
        assert {blob.name for blob in blobs.list_blobs() if not blob.size} == {"p=1", "ü", "a"}
    else:
        assert found == sorted(NAMES, key=str.encode)
    assert [blob.name for blob in blobs.walk_blobs(name_starts_with="a", delimiter="/")].count("a/") == 1
    pages = blobs.list_blobs(results_per_page=2).by_page()
    assert all(len(list(page)) <= 2 for page in pages)
    assert blobs.download_blob("a b", offset=1, length=1).readall() == b" "
    with pytest.raises(ResourceExistsError) as refused:
        blobs.upload_blob("a b", b"other")
    assert refused.value.error_code == "BlobAlreadyExists"
    blobs.upload_blob("a b", b"other", overwrite=True)
    with pytest.raises(ResourceNotFoundError):
        blobs.download_blob("missing")
    with pytest.raises(ResourceModifiedError):
        blobs.get_blob_client("a b").upload_blob(b"x", overwrite=True, etag="0x0", match_condition=MatchConditions.IfNotModified)
    blobs.delete_blob("a b")
    with pytest.raises(ResourceNotFoundError):
        blobs.delete_blob("a b")


def test_a_blob_in_blocks(flat):
    blobs = lake(flat)
    content = bytes(range(256)) * 4096
    client = service(flat).get_blob_client("lake", "large")
    client._config.max_single_put_size, client._config.max_block_size = 64 << 10, 100 << 10
    client.upload_blob(content, max_concurrency=4)
    assert blobs.download_blob("large").readall() == content
    committed, uncommitted = client.get_block_list("all")
    assert len(committed) == 11 and not uncommitted
    # Staged blocks are no blob; a list may not name what is not there.
    other = service(flat).get_blob_client("lake", "staged")
    other.stage_block("0001", b"x")
    assert not other.exists()
    with pytest.raises(HttpResponseError) as refused:
        other.commit_block_list([BlobBlock("0002")])
    assert refused.value.error_code == "InvalidBlockList"


def test_many_are_deleted_in_one_request(flat):
    blobs = lake(flat)
    for name in NAMES:
        blobs.upload_blob(name, b"x")
    with pytest.raises(PartialBatchErrorException) as partial:
        blobs.delete_blobs("missing", *NAMES)
    assert [part.status_code for part in partial.value.parts] == [404] + [202] * len(NAMES)
    assert list(blobs.list_blobs()) == []
    assert len(flat.requests("comp=batch")) == 1


def test_signatures_of_all_kinds(flat):
    soon, past = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours) for hours in (1, -1))
    key = flat.keys[1]
    account = generate_account_sas(flat.account, key, ResourceTypes(object=True, container=True), AccountSasPermissions(read=True, write=True, list=True), soon)
    container = generate_container_sas(flat.account, "lake", account_key=key, permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True), expiry=soon)
    for sas in (account, container):
        blobs = lake(flat, sas)
        blobs.upload_blob("x/ü y", b"1", overwrite=True)
        assert blobs.download_blob("x/ü y").readall() == b"1"
        assert [blob.name for blob in blobs.list_blobs()] == ["x/ü y"]
    lake(flat, container).delete_blobs("x/ü y")
    read = generate_blob_sas(flat.account, "lake", "only", account_key=key, permission=BlobSasPermissions(read=True), expiry=soon)
    lake(flat).upload_blob("only", b"2")
    assert lake(flat, read).download_blob("only").readall() == b"2"
    refusals = [
        (generate_account_sas(flat.account, key, ResourceTypes(object=True), AccountSasPermissions(read=True), past), "AuthenticationFailed"),
        (generate_account_sas(flat.account, key, ResourceTypes(container=True), AccountSasPermissions(read=True), soon), "AuthorizationResourceTypeMismatch"),
        (generate_container_sas(flat.account, "lake", account_key=key, permission=ContainerSasPermissions(list=True), expiry=soon), "AuthorizationPermissionMismatch"),
        (account.replace("sig=", "sig=A"), "AuthenticationFailed"),
        (read.replace("sp=r", "sp=rw"), "AuthenticationFailed"),
    ]
    for sas, code in refusals:
        with pytest.raises((ClientAuthenticationError, HttpResponseError)) as refused:
            lake(flat, sas).download_blob("only")
        assert refused.value.error_code == code
    with pytest.raises(ClientAuthenticationError):
        lake(flat, {"account_name": flat.account, "account_key": "bm90IHRoZSBrZXk="}).download_blob("only")


def test_tokens(flat):
    form = {"grant_type": "client_credentials", "scope": "https://storage.azure.com/.default", "client_id": flat.tokens.client}
    secret = {**form, "client_secret": flat.tokens.secret}
    assertion = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": "a federated token"}
    for given in (secret, {**form, **assertion}):
        request = urllib.request.Request(f"{flat.tokens.url}/{flat.tokens.tenant}/oauth2/v2.0/token", urllib.parse.urlencode(given).encode())
        token = json.load(urllib.request.urlopen(request))["access_token"]
        flat.tokens.check(token)
    # The vendor's client sends no token over plain text; what the service makes of a right one shows below, with deltalake.
    request = urllib.request.Request(f"{flat.endpoint}/lake/x", headers={"Authorization": "Bearer invented", "x-ms-version": "2023-11-03"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 401 and refused.value.headers["x-ms-error-code"] == "InvalidAuthenticationInfo"


def storage_options(server, **credentials):
    return {"azure_storage_account_name": server.account, "azure_storage_endpoint": server.endpoint, "allow_http": "true", **credentials}


def ways_in(server, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("a federated token")
    tokens = server.tokens
    client = {"azure_client_id": tokens.client, "azure_tenant_id": tokens.tenant, "azure_authority_host": tokens.url}
    return {
        "sas": {"azure_storage_sas_token": account_sas(server)},
        "client secret": {**client, "azure_client_secret": tokens.secret},
        "workload identity": {**client, "azure_federated_token_file": str(token_file)},
        "managed identity": {"azure_msi_endpoint": tokens.metadata_url},
    }


def test_deltalake_by_shared_key(server, monkeypatch):
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", server.url)
    options = {"azure_storage_use_emulator": "true", "azure_storage_account_key": server.keys[0], "allow_http": "true"}
    rows = pa.table({"id": range(10), "part": ["a b", "ü", "x%2Fy", "1", "2"] * 2})
    for _ in range(3):
        write_deltalake("az://lake/tables/t 1", rows, partition_by=["part"], mode="append", storage_options=options)
    table = DeltaTable("az://lake/tables/t 1", storage_options=options)
    assert table.version() == 2 and table.to_pyarrow_table().num_rows == 30
    assert table.optimize.compact()["numFilesRemoved"] == 15
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert DeltaTable("az://lake/tables/t 1", storage_options=options).to_pyarrow_table().num_rows == 30


@pytest.mark.parametrize("way", ["sas", "client secret", "workload identity", "managed identity"])
def test_deltalake_by_other_ways(flat, tmp_path, way):
    options = storage_options(flat, **ways_in(flat, tmp_path)[way])
    write_deltalake("az://lake/t", pa.table({"id": [1, 2]}), storage_options=options)
    assert DeltaTable("az://lake/t", storage_options=options).to_pyarrow_table().num_rows == 2


def test_the_data_lake_endpoint(server):
    client = DataLakeServiceClient(server.endpoint, credential=server.keys[0], retry_total=0)
    files = client.get_file_system_client("lake")
    file = files.get_file_client("dir/ü file")
    if server.hierarchical:
        files.create_directory("dir/inner")
        assert [blob.name for blob in lake(server).list_blobs(include=["metadata"]) if (blob.metadata or {}).get("hdi_isfolder")] == ["dir", "dir/inner"]
    file.create_file()
    assert lake(server).download_blob("dir/ü file").readall() == b""
    file.append_data(b"hello ", 0)
    file.append_data(b"lake", 6)
    file.flush_data(10)
    assert file.download_file().readall() == b"hello lake"
    assert "dir/ü file" in [path.name for path in files.get_paths("dir")]
    assert file.get_file_properties().size == 10
    with pytest.raises(ResourceExistsError):
        file.create_file(match_condition=MatchConditions.IfMissing)
    if server.hierarchical:
        moved = file.rename_file("lake/dir/moved")
        assert moved.download_file().readall() == b"hello lake"
        files.delete_directory("dir")
        assert [path.name for path in files.get_paths()] == []
    else:
        file.delete_file()
    created = client.create_file_system(f"other-{uuid.uuid4().hex[:8]}")
    assert created.get_file_system_properties().name.startswith("other-")


def test_the_vectors_are_what_the_sdk_computes():
    assert azure_vectors.FILE.read_text() == azure_vectors.document(), "run azure_vectors.py"
