"""Row tracking and clustering through appends and OPTIMIZE: log and files are read the way the protocol tells readers to, and the peers read the rows."""

import json
import urllib.parse

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import chdb_rows, delta_rs, rows
from samples import all_types

PROPERTY = "delta.rowTracking.materializedRow{}ColumnName"
TRACKED = {
    "delta.enableRowTracking": "true",
    PROPERTY.format("Id"): "_row-id-col-4cbc7924",
    PROPERTY.format("CommitVersion"): "_row-commit-version-col-2f60dcc1",
}
CLUSTERING = {"clusteringColumns": [["id"]]}


def track(path, clustered):
    """Turns row tracking on as Spark does: the files are committed once more, with ids. The table becomes a clustered one too, if asked."""
    version = DeltaTable(path).version() + 1
    adds, metadata, _, _ = replay(path)
    features = ["appendOnly", "invariants", "timestampNtz", "domainMetadata", "rowTracking"] + (["clustering"] if clustered else [])
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": features}
    lines = [{"commitInfo": {"operation": "SET TBLPROPERTIES"}}, {"protocol": protocol}, {"metaData": {**metadata, "configuration": TRACKED}}]
    mark = -1
    for add in adds.values():
        lines.append({"add": {**add, "dataChange": False, "baseRowId": mark + 1, "defaultRowCommitVersion": version}})
        mark += json.loads(add["stats"])["numRecords"]
    domains = {"delta.rowTracking": {"rowIdHighWaterMark": mark}, **({"delta.clustering": CLUSTERING} if clustered else {})}
    for domain, configuration in domains.items():
        lines.append({"domainMetadata": {"domain": domain, "configuration": json.dumps(configuration), "removed": False}})
    (path / "_delta_log" / f"{version:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def replay(path):
    """Adds by path, metadata, domains and provenance of the latest version, from checkpoint and commits."""
    log = path / "_delta_log"
    checkpoints = sorted(log.glob("*.checkpoint*.parquet"))
    actions, first = [], 0
    if checkpoints:
        actions = pq.read_table(checkpoints[-1]).to_pylist(maps_as_pydicts="strict")
        first = int(checkpoints[-1].name[:20]) + 1
    for commit in sorted(log.glob("*.json")):
        if commit.name[:20].isdigit() and int(commit.name[:20]) >= first:
            actions += [json.loads(line) for line in commit.read_text().splitlines()]
    adds, metadata, domains, info = {}, {}, {}, {}
    for action in actions:
        if action.get("add"):
            adds[action["add"]["path"]] = action["add"]
        if action.get("remove"):
            adds.pop(action["remove"]["path"], None)
        if action.get("metaData"):
            metadata = action["metaData"]
        if action.get("domainMetadata"):
            domains[action["domainMetadata"]["domain"]] = json.loads(action["domainMetadata"]["configuration"])
        info = action.get("commitInfo") or info
    return adds, metadata, domains, info


def origins(path):
    """Row id and commit version of every row, beside the row itself."""
    adds, metadata, _, _ = replay(path)
    properties = metadata["configuration"]
    id_column, version_column = properties[PROPERTY.format("Id")], properties[PROPERTY.format("CommitVersion")]
    found = {}
    for add in adds.values():
        assert not add.get("deletionVector")
        for place, row in enumerate(pq.ParquetFile(path / urllib.parse.unquote(add["path"])).read().to_pylist()):
            identity = row.pop(id_column, None)
            version = row.pop(version_column, None)
            key = add["baseRowId"] + place if identity is None else identity
            assert key not in found
            found[key] = (add["defaultRowCommitVersion"] if version is None else version, row["id"])
    return found


@pytest.mark.parametrize("partition_by", [None, ["flag"]])
def test_rows_keep_their_ids_through_optimize(levee, table, tmp_path, partition_by):
    for start in range(0, 120, 40):
        write_deltalake(table, all_types(start, 40), mode="append", partition_by=partition_by)
    track(table, clustered=partition_by is None)
    assert levee("table", "describe", table)["clusteringColumns"] == ([] if partition_by else ["id"])
    again = tmp_path / "again.parquet"
    pq.write_table(all_types(500, 7), again)
    for _ in range(2):
        before, expected, mark = origins(table), rows(delta_rs(table)), replay(table)[2]["delta.rowTracking"]["rowIdHighWaterMark"]
        # All files of the clustered table, too.
        result = levee("table", "optimize", table, *([] if partition_by else ["--full"]))
        assert result["metrics"]["numFilesAdded"] == (3 if partition_by else 1)
        assert origins(table) == before
        assert rows(delta_rs(table)) == rows(levee.read(table)) == expected
        adds, _, domains, info = replay(table)
        assert min(add["baseRowId"] for add in adds.values()) == mark + 1
        assert {add["defaultRowCommitVersion"] for add in adds.values()} == {result["version"]}
        assert domains["delta.rowTracking"]["rowIdHighWaterMark"] == mark + len(expected)
        assert info["tags"]["delta.rowTracking.preserved"] == "true"
        assert domains.get("delta.clustering") == (None if partition_by else CLUSTERING)
        # What comes next is merged with what was, from a checkpoint too.
        levee("table", "write", table, "--from", again)
        levee("table", "checkpoint", table)
    seconds = sorted(str(row["id"]) for row in chdb_rows(table, ["id"]))
    assert seconds == sorted(str(number) for number in delta_rs(table).column("id").to_pylist())
