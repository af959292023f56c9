"""Rows for comparing: the same rows, however a library spells their types and whatever order it reads them in."""

import datetime
import decimal
import json
import math
import subprocess
import sys

from deltalake import DeltaTable, QueryBuilder


def plain(value):
    """A value in one spelling. NaN becomes comparable, maps become sorted pairs, zoned times become UTC."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            return ("utc", value.astimezone(datetime.timezone.utc).replace(tzinfo=None))
        return ("wall", value)
    if isinstance(value, decimal.Decimal):
        return ("decimal", str(value.normalize()))
    if isinstance(value, dict):
        return tuple((key, plain(item)) for key, item in sorted(value.items()))
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return tuple(sorted((plain(item) for item in value), key=repr)) if value and isinstance(value[0], tuple) else tuple(plain(item) for item in value)
    return value


def rows(table, columns=None):
    """All rows of a pyarrow table, sorted."""
    names = columns or table.column_names
    lists = [table.column(name).to_pylist() for name in names]
    return sorted((tuple(plain(value) for value in row) for row in zip(*lists)), key=repr)


def delta_rs(path, version=None):
    """The table as delta-rs reads it, through its query engine: the reader that knows deletion vectors and column mapping."""
    import pyarrow as pa

    table = DeltaTable(str(path), version=version)
    batches = QueryBuilder().register("t", table).execute("select * from t").read_all()
    return pa.table(batches)


def delta_rs_rows(path, version=None):
    return rows(delta_rs(path, version))


def chdb_rows(path, columns):
    """All rows as a second Delta reader, on another engine, finds them: a list of dictionaries. Text, numbers and nulls only."""
    query = f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM deltaLakeLocal('{path}')"
    # chdb reads only below its working directory, and keeps the one it started with.
    code = "import chdb, sys; sys.stdout.write(str(chdb.query(sys.argv[1], 'JSONEachRow')))"
    done = subprocess.run([sys.executable, "-c", code, query], cwd="/", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
