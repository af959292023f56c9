"""levee table describe shows what Spark's DESCRIBE DETAIL shows, by the same names."""

import datetime
import os

import pyarrow as pa
import pytest
from conftest import CONFORMANCE
from deltalake import DeltaTable, write_deltalake

# Spark's DescribeDeltaDetailsCommand, in its order.
SPARK = [
    "format", "id", "name", "description", "location", "createdAt", "lastModified", "partitionColumns", "clusteringColumns", "numFiles", "sizeInBytes",
    "properties", "minReaderVersion", "minWriterVersion", "tableFeatures", "statistics",
]  # fmt: skip


def milliseconds(text):
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def test_every_field_of_describe_detail(levee, table):
    rows = pa.table({"id": [1, 2, 3], "part": ["a", "b", "b"]})
    write_deltalake(
        table, rows, partition_by=["part"], name="orders", description="of the shop", configuration={"delta.enableChangeDataFeed": "true"}
    )
    detail = levee("table", "describe", table)
    peer, metadata, protocol = DeltaTable(table), DeltaTable(table).metadata(), DeltaTable(table).protocol()
    assert list(detail)[: len(SPARK)] == SPARK
    assert (detail["format"], detail["id"], detail["name"], detail["description"]) == ("delta", str(metadata.id), "orders", "of the shop")
    assert milliseconds(detail["createdAt"]) == metadata.created_time
    log = table / "_delta_log" / "00000000000000000000.json"
    assert milliseconds(detail["lastModified"]) == os.stat(log).st_mtime_ns // 1_000_000
    assert (detail["partitionColumns"], detail["clusteringColumns"]) == (["part"], [])
    assert detail["numFiles"] == len(peer.file_uris()) == 2
    assert detail["sizeInBytes"] == sum(peer.get_add_actions(flatten=True).column("size_bytes").to_pylist())
    assert detail["properties"] == metadata.configuration
    assert (detail["minReaderVersion"], detail["minWriterVersion"]) == (protocol.min_reader_version, protocol.min_writer_version)
    assert {"changeDataFeed", "appendOnly"} <= set(detail["tableFeatures"])
    assert detail["statistics"] == {"numRowsDeletedByDeletionVectors": 0, "numDeletionVectors": 0}
    text = levee.run("table", "describe", table).stdout
    for shown in ["orders", "of the shop", "Partitioned by:", "part", "Created:", "Features:", "changeDataFeed", "delta.enableChangeDataFeed = true"]:
        assert shown in text


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"the conformance tables are not at {CONFORMANCE}")
def test_vectors_and_clustering_are_described(levee):
    path = CONFORMANCE / "table-with-dv-small"
    assert levee("table", "describe", path)["statistics"] == {"numRowsDeletedByDeletionVectors": 2, "numDeletionVectors": 1}
    assert "2, marked in the deletion vectors of 1 file(s)" in levee.run("table", "describe", path).stdout
