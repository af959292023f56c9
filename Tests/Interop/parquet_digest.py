"""A digest of a Parquet file's columns, the same for every reader that reads the same values.

Each value is spelled in a canonical form (below; Tests/ParquetTests/Reading/Digest.swift spells them alike) and the bytes of all are hashed by FNV-1a.
"""

import datetime
import struct

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

EPOCH = datetime.datetime(1970, 1, 1)
UNITS = {"s": (1_000_000, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}


def spell(array):
    """The canonical form of each value of a pyarrow array."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return spell(array.storage)
    if pa.types.is_dictionary(kind):
        return spell(array.dictionary_decode())
    if pa.types.is_timestamp(kind):
        times, over = UNITS[kind.unit]
        return flat(array.cast(pa.int64()), lambda value: b"T%d;" % (value * times // over))
    if pa.types.is_date32(kind):
        return flat(array.cast(pa.int32()), lambda value: b"D%d;" % value)
    if pa.types.is_list(kind):
        items = spell(array.values)
        offsets = array.offsets.to_pylist()
        return nested(array, lambda row: b"[" + b"".join(items[offsets[row] : offsets[row + 1]]) + b"]")
    if pa.types.is_map(kind):
        keys, values = spell(array.keys), spell(array.items)
        offsets = array.offsets.to_pylist()
        return nested(
            array, lambda row: b"<" + b"".join(keys[i] + values[i] for i in range(offsets[row], offsets[row + 1])) + b">"
        )
    if pa.types.is_struct(kind):
        parts = [spell(array.field(index)) for index in range(kind.num_fields)]
        return nested(array, lambda row: b"{" + b"".join(part[row] for part in parts) + b"}")
    if pa.types.is_null(kind):
        return [b"n;"] * len(array)
    return flat(array, speller(kind))


def speller(kind):
    if pa.types.is_boolean(kind):
        return lambda value: b"t;" if value else b"f;"
    if pa.types.is_uint64(kind) or pa.types.is_decimal(kind):
        return lambda value: b"m%s;" % format(value, "f" if pa.types.is_decimal(kind) else "d").encode()
    if pa.types.is_integer(kind):
        return lambda value: b"i%d;" % value
    if pa.types.is_floating(kind):
        return lambda value: b"dnan;" if value != value else b"d%d;" % struct.unpack("<Q", struct.pack("<d", float(value)))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return lambda value: b"s%d:%s;" % (len(value.encode()), value.encode())
    return lambda value: b"b%d:%s;" % (len(value), value)


def flat(array, spelled):
    return [b"n;" if value is None else spelled(value) for value in array.to_pylist()]


def nested(array, spelled):
    valid = array.is_valid().to_pylist()
    return [spelled(row) if valid[row] else b"n;" for row in range(len(array))]


def fnv(data, state=0xCBF29CE484222325):
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return state


def digest(path):
    """The digest of all columns of a file as pyarrow reads it, in hexadecimal."""
    return digest_of(pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read())


def duckdb_digest(path):
    """The same as duckdb reads it."""
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{path}')").arrow()
    return digest_of(rows.read_all() if hasattr(rows, "read_all") else rows)


def digest_of(table):
    state = fnv(b"")
    for name, column in zip(table.column_names, table.columns):
        state = fnv(b"c%d:%s;" % (len(name.encode()), name.encode()), state)
        for chunk in column.chunks:
            state = fnv(b"".join(spell(chunk)), state)
    return f"{state:016x}"
