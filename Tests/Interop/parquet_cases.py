"""Random Parquet schemas, data and options for the round trips, and the values as the format means them."""

import datetime
import decimal
import math
import struct
import zoneinfo

import pyarrow as pa

UTC = zoneinfo.ZoneInfo("UTC")
EPOCH = datetime.datetime(1970, 1, 1)
LETTERS = ["a", "b", "Z", "é", "ß", "漢", "🙂", "\uffff", " ", "0"]


def integer(bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda rng: rng.choice([low, high, 0, rng.randint(low, high), rng.randint(max(low, -100), min(high, 100))])


def float_value(rng, width):
    number = rng.choice([0.0, -0.0, math.nan, math.inf, -math.inf, 1.5, rng.gauss(0, 1e6), rng.gauss(0, 1)])
    return struct.unpack("f", struct.pack("f", number))[0] if width == 4 else number


def text(rng):
    if rng.random() < 0.05:
        return rng.choice(LETTERS) * rng.randint(60, 200)
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, 12)))


def blob(rng):
    if rng.random() < 0.05:
        return bytes([rng.choice([0, 255, 254])] * rng.randint(60, 1100))
    return rng.randbytes(rng.randint(0, 12))


def moment(zone):
    return lambda rng: (EPOCH + datetime.timedelta(microseconds=rng.randint(-(10**16), 10**16))).replace(tzinfo=zone)


def decimals(precision, scale):
    def value(rng):
        digits = rng.randint(0, 10 ** rng.randint(0, precision) - 1)
        return decimal.Decimal((rng.randint(0, 1), tuple(map(int, str(digits))), -scale))

    return value


LEAVES = [
    (pa.bool_(), lambda rng: rng.random() < 0.5),
    *[(getattr(pa, f"{'' if signed else 'u'}int{bits}")(), integer(bits, signed)) for bits in (8, 16, 32, 64) for signed in (True, False)],
    (pa.float32(), lambda rng: float_value(rng, 4)),
    (pa.float64(), lambda rng: float_value(rng, 8)),
    (pa.string(), text),
    (pa.large_string(), text),
    (pa.binary(), blob),
    (pa.date32(), lambda rng: datetime.date.fromordinal(rng.randint(1, 3_000_000))),
    (pa.timestamp("us", "UTC"), moment(UTC)),
    (pa.timestamp("us"), moment(None)),
    *[(pa.decimal128(p, s), decimals(p, s)) for p, s in ((5, 2), (9, 0), (18, 9), (19, 3), (38, 10))],
]
KEYS = [(pa.string(), text), (pa.int32(), integer(32, True)), (pa.date32(), LEAVES[14][1])]


class Shape:
    """A type, and how to make values of it: few distinct ones or many, nulls rare, common or absent at each level."""

    def __init__(self, rng, depth):
        self.nulls = rng.choice([0, 0, 0.02, 0.4])
        kind = rng.choice(["leaf", "list", "map", "struct"]) if depth > 0 and rng.random() < 0.75 else "leaf"
        self.kind = kind
        if kind == "leaf":
            self.type, make = rng.choice(LEAVES)
            pool = [make(rng) for _ in range(rng.choice([1, 3, 40]))] if rng.random() < 0.5 else None
            self.make = (lambda r: r.choice(pool)) if pool else make
        elif kind == "list":
            self.element = Shape(rng, depth - 1)
            self.type = pa.list_(pa.field("element", self.element.type, nullable=self.element.nulls > 0))
        elif kind == "map":
            key, self.key = rng.choice(KEYS)
            self.element = Shape(rng, depth - 1)
            self.type = pa.map_(key, pa.field("value", self.element.type, nullable=self.element.nulls > 0))
        else:
            self.fields = {f"f{index}": Shape(rng, depth - 1) for index in range(rng.randint(1, 3))}
            self.type = pa.struct([pa.field(name, shape.type, nullable=shape.nulls > 0) for name, shape in self.fields.items()])

    def value(self, rng):
        if self.nulls and rng.random() < self.nulls:
            return None
        if self.kind == "leaf":
            return self.make(rng)
        if self.kind == "struct":
            return {name: shape.value(rng) for name, shape in self.fields.items()}
        length = rng.choice([0, 1, 2, 3, rng.randint(0, 9)])
        if self.kind == "list":
            return [self.element.value(rng) for _ in range(length)]
        return list({self.key(rng): self.element.value(rng) for _ in range(length)}.items())


def random_table(rng, rows=None):
    """A table with columns nested up to five deep."""
    rows = rng.choice([0, 1, 7, 60, 60, 300]) if rows is None else rows
    columns, fields = [], []
    for index in range(rng.randint(1, 4)):
        shape = Shape(rng, rng.choice([0, 0, 1, 2, 3, 5]))
        columns.append(pa.array([shape.value(rng) for _ in range(rows)], shape.type))
        fields.append(pa.field(f"c{index}", shape.type, nullable=shape.nulls > 0))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def pyarrow_options(rng):
    """How pyarrow writes the file that Levee reads."""
    return {
        "compression": rng.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"]),
        "data_page_version": rng.choice(["1.0", "2.0"]),
        "use_dictionary": rng.random() < 0.6,
        "data_page_size": rng.choice([64, 1000, 1 << 20]),
        "write_batch_size": rng.choice([3, 50, 1024]),
        "dictionary_pagesize_limit": rng.choice([100, 1 << 20]),
        "row_group_size": rng.choice([10, 100, 1 << 20]),
        "write_page_index": rng.random() < 0.6,
        "write_page_checksum": rng.random() < 0.3,
        "use_compliant_nested_type": rng.random() < 0.8,
    }


def levee_options(rng):
    """How Levee writes its own."""
    options = [
        "--codec", rng.choice(["none", "snappy", "gzip", "zstd"]), "--page-version", rng.choice([1, 2]),
        "--page-size", rng.choice([100, 2000, "1Mi"]), "--page-rows", rng.choice([3, 50, 65536]),
        "--row-group-rows", rng.choice([10, 100, 1 << 20]), "--dictionary-size", rng.choice([0, 100, 1 << 20]),
        "--bound-length", rng.choice([1, 8, 64]),
    ]  # fmt: skip
    return options + [flag for flag in ("--deltas", "--byte-stream-split", "--checksums") if rng.random() < 0.4]


def canonical(value):
    """A value in the one spelling that all readers' results are brought to; zeros keep their sign, NaNs are all the same."""
    if value is None or isinstance(value, (bool, str, bytes)):
        return value
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else repr(value)
    if isinstance(value, (int, decimal.Decimal)):
        return ("number", str(decimal.Decimal(value).normalize() + 0))
    if isinstance(value, datetime.datetime):
        return ("utc", value.astimezone(UTC).replace(tzinfo=None)) if value.tzinfo else ("wall", value)
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(canonical(item) for item in value)
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return value


def canonical_rows(table):
    return {name: [canonical(value) for value in table.column(name).to_pylist()] for name in table.column_names}
