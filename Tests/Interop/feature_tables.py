"""A small table for each table feature: four files of forty rows, the feature in use. Rows are `id`, `n`, `text`, and what the feature is about."""

import datetime
import json

import pyarrow as pa
from deltalake import write_deltalake
from samples import all_types

FILES, ROWS = 4, 40

COLUMNS = [("id", "long"), ("n", "integer"), ("text", "string")]
NESTED = [
    ("tags", {"type": "array", "elementType": "string", "containsNull": True}),
    ("point", {"type": "struct", "fields": [{"name": "x", "type": "integer", "nullable": True, "metadata": {}}, {"name": "label", "type": "string", "nullable": True, "metadata": {}}]}),
    ("scores", {"type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": True}),
]
TRACKING = {
    "delta.enableRowTracking": "true",
    "delta.rowTracking.materializedRowIdColumnName": "_row-id-col-7d1f",
    "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-commit-version-col-7d1f",
}


def row(number):
    return {"id": number, "n": None if number % 11 == 0 else number * 37 % 100, "text": None if number % 7 == 0 else f"text {number % 13}"}


def nested_row(number):
    values = {
        "tags": None if number % 5 == 0 else [None if place == 1 else f"t{place}" for place in range(number % 4)],
        "point": None if number % 3 == 0 else {"x": number, "label": None if number % 4 else "label"},
        "scores": None if number % 6 == 0 else {f"k{place}": place or None for place in range(number % 3)},
    }
    return {**row(number), **values}


class Site:
    """Where a table is made, and the program that makes it."""

    def __init__(self, levee, path):
        self.levee, self.path = levee, path
        self.log = path / "_delta_log"

    def begin(self, fields=COLUMNS, readers=(), writers=(), configuration=None, partition_by=(), metadata=None, domains=None, version=None):
        """The first commit, written by hand so that a feature can be in use from the start."""
        self.log.mkdir(parents=True)
        self.schema = {"type": "struct", "fields": [self.field(name, kind, (metadata or {}).get(name)) for name, kind in fields]}
        self.configuration, self.partition_by = configuration or {}, list(partition_by)
        lines = [{"commitInfo": {"inCommitTimestamp": 1_700_000_000_000, "timestamp": 1_700_000_000_000, "operation": "CREATE TABLE", "operationParameters": {}}}]
        if version:
            lines.append({"protocol": {"minReaderVersion": version[0], "minWriterVersion": version[1]}})
        else:
            writers = sorted({"appendOnly", "invariants", *readers, *writers})
            protocol = {"minReaderVersion": 3 if readers else 1, "minWriterVersion": 7, "writerFeatures": writers}
            lines.append({"protocol": {**protocol, **({"readerFeatures": sorted(readers)} if readers else {})}})
        lines.append(self.metadata())
        for domain, value in (domains or {}).items():
            lines.append({"domainMetadata": {"domain": domain, "configuration": json.dumps(value), "removed": False}})
        self.commit(0, lines)

    @staticmethod
    def field(name, kind, metadata=None):
        return {"name": name, "type": kind, "nullable": True, "metadata": metadata or {}}

    def metadata(self):
        return {
            "metaData": {
                "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(self.schema),
                "partitionColumns": self.partition_by, "configuration": self.configuration, "createdTime": 1_700_000_000_000,
            }
        }

    def commit(self, version, lines):
        (self.log / f"{version:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def append(self, row=row, files=FILES, first=0):
        for file in range(first, first + files):
            source = self.path.parent / f"{self.path.name}.rows.json"
            source.write_text("".join(json.dumps(row(number)) + "\n" for number in range(file * ROWS, (file + 1) * ROWS)))
            self.levee("table", "write", self.path, "--from", source)
            source.unlink()

    def delete(self, condition):
        self.levee("table", "delete", self.path, "--where", condition)

    @property
    def version(self):
        return max(int(path.name[:20]) for path in self.log.glob("*.json") if path.name[:20].isdigit() and path.name[20:] == ".json")


def plain(site):
    site.begin(version=(1, 2))
    site.append()


def partitioned(site):
    site.begin(version=(1, 2), fields=COLUMNS + [("day", "date"), ("place", "string")], partition_by=["day", "place"])
    places = ["plain", "a b/c=d", None]
    site.append(lambda number: {**row(number), "day": f"2024-01-0{1 + number % 2}", "place": places[number % 3]})


def nested(site):
    site.begin(version=(1, 2), fields=COLUMNS + NESTED)
    site.append(nested_row)


def every_type(site):
    for file in range(FILES):
        table = all_types(file * ROWS, ROWS)
        numbers = pa.array([row(number)["n"] for number in range(file * ROWS, (file + 1) * ROWS)], pa.int32())
        write_deltalake(site.path, table.append_column("n", numbers), mode="append")


def deletion_vectors(site):
    site.begin(readers=["deletionVectors"], configuration={"delta.enableDeletionVectors": "true"})
    site.append()
    site.delete("id % 5 = 2 AND id < 100")


def mapped(mode):
    def make(site):
        names = [name for name, _ in COLUMNS]
        metadata = {
            name: {"delta.columnMapping.id": place + 1, "delta.columnMapping.physicalName": f"col-{place}-{mode}"} for place, name in enumerate(names)
        }
        site.begin(
            readers=["columnMapping"], metadata=metadata,
            configuration={"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": str(len(names))},
        )
        site.append()

    return make


def generated(site):
    site.begin(version=(1, 4), fields=COLUMNS + [("twice", "long")])
    site.append(lambda number: {**row(number), "twice": number * 2})
    # Rows can be appended as long as nothing is generated.
    site.schema["fields"][-1]["metadata"] = {"delta.generationExpression": "id * 2"}
    site.commit(site.version + 1, [{"commitInfo": {"operation": "SET COLUMN"}}, site.metadata()])


def constrained(site):
    site.begin(version=(1, 3), configuration={"delta.constraints.positive": "id >= 0 AND (n IS NULL OR n < 100)"})
    site.append()


def change_feed(site):
    site.begin(version=(1, 4), configuration={"delta.enableChangeDataFeed": "true"})
    site.append()
    site.delete("id = 3")


def row_tracking(site):
    site.begin(writers=["rowTracking", "domainMetadata"], configuration=TRACKING)
    site.append()


def in_commit_timestamps(site):
    site.begin(writers=["inCommitTimestamp"], configuration={"delta.enableInCommitTimestamps": "true"})
    site.append()


def v2_checkpoints(site):
    site.begin(readers=["v2Checkpoint"], configuration={"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2"})
    site.append()


def clustered(site):
    site.begin(writers=["clustering", "domainMetadata"], domains={"delta.clustering": {"clusteringColumns": [["n"]]}})
    site.append()


def widened(site):
    site.begin(readers=["typeWidening"], configuration={"delta.enableTypeWidening": "true"})
    site.append(files=2)
    site.schema["fields"][1] = site.field("n", "long", {"delta.typeChanges": [{"fromType": "integer", "toType": "long"}]})
    site.commit(site.version + 1, [{"commitInfo": {"operation": "CHANGE COLUMN"}}, site.metadata()])
    site.append(lambda number: {**row(number), "n": 2**40 + number}, files=2, first=2)


def append_only(site):
    site.begin(version=(1, 2), configuration={"delta.appendOnly": "true"})
    site.append()


def unknown(site):
    site.begin(version=(1, 2))
    site.append()
    # Rows can be appended as long as nobody has heard of the feature.
    protocol = {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["appendOnly", "featureOfTomorrow", "invariants"]}
    site.commit(site.version + 1, [{"commitInfo": {"operation": "UPGRADE PROTOCOL"}}, {"protocol": protocol}])


def iceberg(site):
    site.begin(version=(1, 2))
    site.append()
    protocol = {"minReaderVersion": 2, "minWriterVersion": 7, "writerFeatures": ["appendOnly", "columnMapping", "icebergCompatV2", "invariants"]}
    site.configuration = {"delta.enableIcebergCompatV2": "true"}
    site.commit(site.version + 1, [{"commitInfo": {"operation": "SET TBLPROPERTIES"}}, {"protocol": protocol}, site.metadata()])


FEATURES = {
    "none": plain,
    "partitions": partitioned,
    "nested columns": nested,
    "all types": every_type,
    "deletion vectors": deletion_vectors,
    "mapping by name": mapped("name"),
    "mapping by id": mapped("id"),
    "generated columns": generated,
    "CHECK": constrained,
    "change feed": change_feed,
    "row tracking": row_tracking,
    "in-commit timestamps": in_commit_timestamps,
    "V2 checkpoints": v2_checkpoints,
    "clustering": clustered,
    "type widening": widened,
    "append only": append_only,
    "Iceberg compatibility": iceberg,
    "an unknown one": unknown,
}
