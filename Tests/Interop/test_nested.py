"""Nested columns of any shape: appended by deltalake in many files, merged by Levee, read back equal by deltalake, pyarrow and duckdb."""

import datetime
import decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from rows import delta_rs, plain, rows

LEAF = pa.struct([("n", pa.int32()), ("text", pa.string()), ("money", pa.decimal128(20, 3)), ("day", pa.date32())])
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("lists", pa.list_(pa.list_(pa.int64()))),
        ("records", pa.list_(LEAF)),
        ("deep", pa.struct([("a", pa.struct([("b", pa.list_(pa.struct([("c", pa.map_(pa.string(), pa.float64()))])))])), ("flag", pa.bool_())])),
        ("maps", pa.map_(pa.string(), pa.list_(LEAF))),
        ("map_of_maps", pa.map_(pa.int32(), pa.map_(pa.string(), pa.binary()))),
    ]
)


class Values:
    """Random values of a type: nulls and empty parts at every level."""

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, kind, nullable=True):
        if nullable and self.rng.random() < 0.15:
            return None
        count = self.rng.choice([0, 0, 1, 2, 5])
        if pa.types.is_list(kind):
            return [self(kind.value_type) for _ in range(count)]
        if pa.types.is_map(kind):
            keys = {self(kind.key_type, nullable=False) for _ in range(count)}
            return [(key, self(kind.item_type)) for key in sorted(keys)]
        if pa.types.is_struct(kind):
            return {field.name: self(field.type) for field in kind}
        if pa.types.is_integer(kind):
            return self.rng.randrange(-(2**31), 2**31)
        if pa.types.is_boolean(kind):
            return self.rng.random() < 0.5
        if pa.types.is_floating(kind):
            return self.rng.choice([0.0, -1.5, 1e300, float("inf")])
        if pa.types.is_decimal(kind):
            return decimal.Decimal(self.rng.randrange(-(10**12), 10**12)).scaleb(-3)
        if pa.types.is_date(kind):
            return datetime.date(1970, 1, 1) + datetime.timedelta(days=self.rng.randrange(-10_000, 30_000))
        text = self.rng.choice(["", "x", "ü" * 9, f"value {self.rng.randrange(50)}"])
        return text if pa.types.is_string(kind) else text.encode()


def batch(values, start, count, schema=SCHEMA):
    data = [{field.name: start + n if field.name == "id" else values(field.type) for field in schema} for n in range(count)]
    return pa.Table.from_pylist(data, schema=schema)


def data_files(table):
    return [uri.removeprefix("file://") for uri in DeltaTable(table).file_uris()]


def by_pyarrow(table):
    return rows(pa.concat_tables(pq.ParquetFile(path).read() for path in data_files(table)))


def by_duckdb(table):
    return rows(duckdb.connect().sql("select * from read_parquet(?)", params=[data_files(table)]).to_arrow_table())


def assert_all_read(levee, table, expected):
    expected = rows(expected)
    assert rows(delta_rs(table)) == expected
    assert rows(levee.read(table)) == expected
    assert by_pyarrow(table) == expected
    assert by_duckdb(table) == expected


@pytest.mark.parametrize("codec", ["keep", "zstd"])
def test_merged_files_hold_what_was_appended(levee, table, rng, codec):
    values = Values(rng)
    parts = [batch(values, start, rng.choice([1, 40, 300])) for start in range(0, 6000, 1000)]
    for part in parts:
        write_deltalake(table, part, mode="append")
    result = levee("table", "optimize", table, "--codec", codec)
    assert result["metrics"]["numFilesAdded"] == 1
    assert_all_read(levee, table, pa.concat_tables(parts))
    # Rows that went, rows that came through Levee, and the whole merged again.
    DeltaTable(table).delete("id < 1010")
    more = batch(values, 9000, 50)
    source = table.parent / "more.parquet"
    pq.write_table(more, source)
    levee("table", "write", table, "--from", source)
    levee("table", "optimize", table)
    left = pa.concat_tables([*parts, more])
    assert_all_read(levee, table, left.filter(pa.compute.greater_equal(left.column("id"), 1010)))


def test_nested_fields_that_came_later_are_null_before(levee, table, rng):
    values = Values(rng)
    write_deltalake(table, batch(values, 0, 50), mode="append")
    wider = pa.struct([*LEAF, ("later", pa.list_(pa.string()))])
    later = pa.schema([*SCHEMA, ("extra", pa.list_(wider))]).set(2, pa.field("records", pa.list_(wider)))
    write_deltalake(table, batch(values, 100, 50, later), mode="append", schema_mode="merge")
    expected = rows(delta_rs(table))
    assert rows(levee.read(table)) == expected
    levee("table", "optimize", table)
    assert len(data_files(table)) == 1
    assert rows(delta_rs(table)) == rows(levee.read(table)) == expected
    assert by_pyarrow(table) == by_duckdb(table) == expected
    assert plain(pq.ParquetFile(data_files(table)[0]).read().slice(0, 1).column("extra").to_pylist()) == (None,)
