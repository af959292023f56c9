"""Conditions over files of small row groups and pages, where bounds leave most of them out: the rows are those that duckdb finds without any of that."""

import datetime
import decimal
import os
import random

import duckdb
import pyarrow as pa
import pytest
from deltalake import BloomFilterProperties, ColumnProperties, WriterProperties, write_deltalake

SEED = int(os.environ.get("LEVEE_SEED", "20261121"))
ROWS = 6000
WORDS = ["", "a", "ab", "b", "zz", "größe", "\U0001f642", "long " * 30]


def column(rng, value):
    return [None if rng.random() < 0.2 else value() for _ in range(ROWS)]


def make(rng):
    day = datetime.date(2024, 1, 1)
    ids = list(range(ROWS))
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "part": pa.array([["x", "y", None][i % 3] for i in ids]),
            "n": pa.array([None if rng.random() < 0.2 else i // 50 for i in ids], pa.int32()),
            "f": pa.array(column(rng, lambda: rng.choice([0.0, -0.0, 1.5, -2.25, float("nan"), float("inf")])), pa.float64()),
            "f_sorted": pa.array([float("nan") if i > ROWS - 100 else i / 10 for i in ids], pa.float32()),
            "price": pa.array([decimal.Decimal(i) / 4 for i in ids], pa.decimal128(12, 2)),
            "wide": pa.array([decimal.Decimal(i - 3000) * 10**20 for i in ids], pa.decimal128(30, 3)),
            "word": pa.array(column(rng, lambda: rng.choice(WORDS))),
            "word_sorted": pa.array([f"w{i // 10:05}" for i in ids]),
            "day": pa.array([day + datetime.timedelta(days=i // 100) for i in ids], pa.date32()),
            "moment": pa.array([datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=i) for i in ids]),
            "flag": pa.array([None if i < 100 else i > 3000 for i in ids], pa.bool_()),
        }
    )


# Literals as both dialects write them.
LITERALS = {
    "id": ["0", "77", "2999", "5999", "6000", "-1"],
    "n": ["0", "3", "119", "1000", "2.5"],
    "f": ["0.0", "1.5", "-2.25", "CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)"],
    "f_sorted": ["0", "250.5", "CAST('NaN' AS FLOAT)"],
    "price": ["0", "12.25", "1499.75", "1000"],
    "wide": ["0", "-300000000000000000000000", "100000000000000000000.000"],
    "word": ["''", "'a'", "'ab'", "'größe'", "'\U0001f642'", "'" + "long " * 30 + "'"],
    "word_sorted": ["'w00000'", "'w00123'", "'w00599'", "'x'"],
    "day": ["DATE '2024-01-01'", "DATE '2024-02-15'", "DATE '2024-02-29'", "DATE '2030-01-01'"],
    "moment": ["TIMESTAMPTZ '2024-01-02 00:00:00+00'", "TIMESTAMPTZ '2024-01-04 12:00:00+00'"],
    "part": ["'x'", "'y'", "'none'"],
}
# Without trailing text a prefix of Spark's and duckdb's LIKE alike.
PATTERNS = ["'w0012%'", "'w%9'", "'a%'", "'grö%'", "'long%'", "'%b'", "'w0059_'"]


def condition(rng, depth=2):
    if depth and rng.random() < 0.6:
        left = condition(rng, depth - 1)
        if rng.random() < 0.25:
            return f"NOT ({left})"
        return f"({left}) {rng.choice(['AND', 'OR'])} ({condition(rng, depth - 1)})"
    name = rng.choice(list(LITERALS))
    value = lambda: rng.choice(LITERALS[name])
    kind = rng.random()
    if kind < 0.1:
        return f"{name} IS {rng.choice(['', 'NOT '])}NULL"
    if kind < 0.2:
        return f"{name} {rng.choice(['', 'NOT '])}IN ({value()}, {value()})"
    if kind < 0.3:
        return f"{name} {rng.choice(['', 'NOT '])}BETWEEN {value()} AND {value()}"
    if kind < 0.4:
        return f"{rng.choice(['word', 'word_sorted'])} {rng.choice(['', 'NOT '])}LIKE {rng.choice(PATTERNS)}"
    if kind < 0.45:
        return rng.choice(["flag", "NOT flag", "flag = TRUE", "flag IS NULL"])
    return f"{name} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {value()}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = random.Random(SEED)
    rows = make(rng)
    table = tmp_path_factory.mktemp("where") / "table"
    properties = WriterProperties(
        max_row_group_size=500,
        data_page_row_count_limit=50,
        write_batch_size=50,
        column_properties={name: ColumnProperties(bloom_filter_properties=BloomFilterProperties(True)) for name in ("id", "word", "n")},
    )
    for start in range(0, ROWS, 2000):
        write_deltalake(table, rows.slice(start, 2000), partition_by=["part"], mode="append", writer_properties=properties)
    return table, rows


@pytest.mark.parametrize("conditions", [80, pytest.param(1000, marks=pytest.mark.soak)])
def test_random_conditions_find_the_rows_that_duckdb_finds(levee, data, conditions):
    table, rows = data
    print(f"seed {SEED} (LEVEE_SEED)")
    rng = random.Random(SEED + 1)
    peer = duckdb.connect()
    peer.execute("SET TimeZone='UTC'")
    peer.register("rows", rows)
    found = 0
    for number in range(conditions):
        where = condition(rng)
        expected = [id for (id,) in peer.execute(f"SELECT id FROM rows WHERE {where} ORDER BY id").fetchall()]
        ours = levee.read(table, "--columns", "id", "--where", where.replace("TIMESTAMPTZ '", "TIMESTAMP '"))
        assert sorted(ours.column("id").to_pylist()) == expected, f"seed {SEED}, condition {number}: {where}"
        found += 0 < len(expected) < ROWS
    assert found > 20, "too few conditions tell rows apart"
