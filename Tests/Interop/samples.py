"""Tables with everything that a table may hold, as deltalake writes them."""

import datetime
import decimal

import pyarrow as pa
from deltalake import write_deltalake

UTC = datetime.timezone.utc

# Values that paths, JSON and sorting get wrong.
PARTITION_VALUES = ["plain", "a b", "x/y=z:%#?é", 'quote"s\'', "{[^]}*\\", "tab\t", "日本", "e\u0301", "\u00e9", "..", "%2F", None]

ALL_TYPES = pa.schema(
    [
        ("id", pa.int64()),
        ("flag", pa.bool_()),
        ("tiny", pa.int8()),
        ("small", pa.int16()),
        ("medium", pa.int32()),
        ("real", pa.float32()),
        ("wide", pa.float64()),
        ("text", pa.string()),
        ("raw", pa.binary()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("wall", pa.timestamp("us")),
        ("money", pa.decimal128(10, 2)),
        ("huge", pa.decimal128(38, 10)),
        ("small_money", pa.decimal128(5, 1)),
    ]
)

NESTED = [
    ("tags", pa.list_(pa.string())),
    ("point", pa.struct([("x", pa.int32()), ("label", pa.string())])),
    ("scores", pa.map_(pa.string(), pa.int64())),
]


def row(number):
    """One row; every seventh value is null, each column in another row."""
    values = [
        number,
        number % 2 == 0,
        number % 256 - 128,
        number * 37 % 65536 - 32768,
        number * 1_000_003 % 2**31,
        [0.0, -0.0, 1.5, float("nan"), float("inf")][number % 5],
        [0.0, -0.0, 2.25, float("nan"), -float("inf")][number % 5],
        ["", "text", "ü" * 40, "line\nbreak", f"value {number}"][number % 5],
        bytes([number % 256, 0, 255]) * (number % 3),
        datetime.date(1583, 1, 1) + datetime.timedelta(days=number * 1000 % 200_000),
        datetime.datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC) + datetime.timedelta(microseconds=number),
        datetime.datetime(1969, 12, 31, 23, 59, 59, number % 1_000_000),
        decimal.Decimal(number * 7 - 3) / 100,
        decimal.Decimal(number) ** 5 / 10**10 - 1,
        decimal.Decimal(number % 1000) / 10,
    ]
    return [None if index > 0 and (number + index) % 7 == 0 else value for index, value in enumerate(values)]


def all_types(start, count, nested=False):
    """Rows with all types, deterministic."""
    rows = [row(number) for number in range(start, start + count)]
    columns = [pa.array([values[index] for values in rows], field.type) for index, field in enumerate(ALL_TYPES)]
    schema = ALL_TYPES
    if nested:
        numbers = range(start, start + count)
        columns.append(pa.array([None if n % 5 == 0 else [None if k == 1 else f"t{k}" for k in range(n % 4)] for n in numbers], NESTED[0][1]))
        columns.append(pa.array([None if n % 3 == 0 else {"x": n if n % 4 else None, "label": f"l{n}"} for n in numbers], NESTED[1][1]))
        columns.append(pa.array([None if n % 6 == 0 else [(f"k{k}", k if k else None) for k in range(n % 3)] for n in numbers], NESTED[2][1]))
        for name, kind in NESTED:
            schema = schema.append(pa.field(name, kind))
    return pa.Table.from_arrays(columns, schema=schema)


def small_files(path, files=6, rows=50, nested=False):
    """A table of small files, one append each."""
    for index in range(files):
        write_deltalake(path, all_types(index * rows, rows, nested), mode="append")


def partitioned(path, files=4):
    """A table partitioned by a text with every awkward value, a date and a number with nulls."""
    for index in range(files):
        table = pa.table(
            {
                "p": PARTITION_VALUES,
                "day": pa.array([datetime.date(2024, 1, 1 + place % 2) for place in range(len(PARTITION_VALUES))], pa.date32()),
                "n": pa.array([None if place == 0 else 1 for place in range(len(PARTITION_VALUES))], pa.int32()),
                "id": [index * 100 + place for place in range(len(PARTITION_VALUES))],
            }
        )
        write_deltalake(path, table, mode="append", partition_by=["p", "day", "n"])
