"""Round trips of random files through Levee, between pyarrow and duckdb, and what our statistics and indexes say against the data."""

import decimal
import json
import random
import struct
import zlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_cases import canonical, canonical_rows, levee_options, pyarrow_options, random_table
from parquet_index import chunks, page_header

BATCH = 25


def batches(cases):
    return [pytest.param(range(start, start + BATCH), id=f"{start}-{start + BATCH - 1}") for start in range(0, cases, BATCH)]


CASES = batches(200) + [pytest.param(*p.values, id=p.id, marks=pytest.mark.soak) for p in batches(2000)[8:]]


def rewrite(levee, source, target, *options):
    done = levee.run("parquet", "rewrite", source, "--to", target, *options)
    assert done.returncode == 0, f"{' '.join(map(str, options))}\n{done.stderr}"


def duckdb_rows(path):
    return canonical_rows(duckdb.connect().sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table())


def assert_same(found, expected, what):
    for name in expected:
        assert found[name] == expected[name], f"{what}: column {name}"


@pytest.mark.parametrize("cases", CASES)
def test_round_trips(levee, seed, tmp_path, cases):
    for case in cases:
        rng = random.Random(seed * 100_003 + case)
        table = random_table(rng)
        expected = canonical_rows(table)
        theirs, ours, copied = (tmp_path / f"{case}.{part}.parquet" for part in ("theirs", "ours", "copied"))
        from_duckdb = rng.random() < 0.3 and table.num_rows > 0
        if from_duckdb:
            expected = write_with_duckdb(table, theirs, rng)
        else:
            pq.write_table(table, theirs, **pyarrow_options(rng))
        options = levee_options(rng)
        what = f"case {case}, {'duckdb' if from_duckdb else 'pyarrow'}, {options}"
        rewrite(levee, theirs, ours, *options)
        back = pq.ParquetFile(ours, page_checksum_verification=True).read()
        assert_same(canonical_rows(back), expected, what)
        if case % 2 == 0:
            assert_same(duckdb_rows(ours), expected, f"{what}, read by duckdb")
        check_indexes(ours, back, what)
        # Twice the rows, their pages taken over from two files in other encodings.
        if case % 4 == 1:
            mode = rng.choice(["pages", "rowgroups"])
            second = tmp_path / f"{case}.second.parquet"
            rewrite(levee, theirs, second, *levee_options(rng))
            rewrite(levee, ours, copied, "--append", second, "--copy", mode, "--codec", rng.choice(["none", "snappy", "zstd", "gzip"]))
            both = pq.ParquetFile(copied, page_checksum_verification=True).read()
            assert_same(canonical_rows(both), {name: values * 2 for name, values in expected.items()}, f"{what}, {mode} copied")
            check_indexes(copied, both, f"{what}, {mode} copied", may_lack_bounds=True)
            assert_same(duckdb_rows(copied), {name: values * 2 for name, values in expected.items()}, f"{what}, {mode} copied, read by duckdb")



def write_with_duckdb(table, path, rng):
    """Writes with duckdb; returns the rows as it has them."""
    connection = duckdb.connect()
    connection.register("source", table)
    codec, version = rng.choice(["uncompressed", "snappy", "zstd", "gzip"]), rng.choice(["V1", "V2"])
    connection.execute(f"COPY (SELECT * FROM source) TO '{path}' (FORMAT parquet, COMPRESSION {codec}, PARQUET_VERSION {version}, ROW_GROUP_SIZE 100)")
    return canonical_rows(connection.sql("SELECT * FROM source").to_arrow_table())


# MARK: statistics and indexes


def leaf_entries(column):
    """The entries of a leaf for each row: values, and None for every null or empty list on the way."""

    def walk(array):
        kind = array.type
        if pa.types.is_struct(kind):
            children = [walk(array.field(index)) for index in range(kind.num_fields)]
            valid = array.is_valid().to_pylist()
            return [[entries if ok else [None] for ok, entries in zip(valid, child)] for leaves in children for child in leaves]
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
            parts = [array.keys, array.items] if pa.types.is_map(kind) else [array.values]
            offsets, valid = array.offsets.to_pylist(), array.is_valid().to_pylist()
            leaves = [leaf for part in parts for leaf in walk(part)]
            return [
                [sum(leaf[start:end], []) if ok and end > start else [None] for ok, start, end in zip(valid, offsets, offsets[1:])] for leaf in leaves
            ]
        return [[[value] for value in array.to_pylist()]]

    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.array([], column.type)
    return walk(combined)


def order_key(value):
    return value.encode() if isinstance(value, str) else value


def check_bounds(minimum, maximum, values, what):
    for value in values:
        assert minimum <= order_key(value) <= maximum, f"{what}: {value!r} is not between {minimum!r} and {maximum!r}"


def decode(raw, physical, scale, precision_of):
    """A bound in PLAIN encoding, comparable with the values that pyarrow reads."""
    if physical in (1, 2):
        number = int.from_bytes(raw, "little", signed=True)
    elif physical == 0:
        return bool(raw[0])
    elif physical in (4, 5):
        return struct.unpack("<f" if physical == 4 else "<d", raw)[0]
    elif physical == 7:
        number = int.from_bytes(raw, "big", signed=True)
    else:
        return raw
    return precision_of(number, scale)


def converter(kind):
    if pa.types.is_decimal(kind):
        return lambda number, _: decimal.Decimal(number).scaleb(-kind.scale, decimal.Context(prec=60))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return lambda number, _: pa.scalar(number, pa.int32() if pa.types.is_date(kind) else pa.int64()).cast(kind).as_py()
    return lambda number, _: number


def leaf_types(kind):
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in leaf_types(field.type)]
    if pa.types.is_map(kind):
        return leaf_types(kind.key_type) + leaf_types(kind.item_type)
    if pa.types.is_list(kind):
        return leaf_types(kind.value_type)
    return [kind]


def check_indexes(path, table, what, may_lack_bounds=False):
    """Chunk statistics, column index and offset index against the data; page headers where the offset index says they are."""
    data = path.read_bytes()
    columns = [leaf for name in table.column_names for leaf in leaf_entries(table.column(name))] if table.num_rows else []
    types = [leaf for field in table.schema for leaf in leaf_types(field.type)]
    first_row, leaf_index, group_rows = 0, 0, 0
    for group, metadata, column, offset in chunks(data):
        if leaf_index == len(types):
            leaf_index, first_row = 0, first_row + group_rows
        group_rows = group[3]
        place = f"{what}: leaf {leaf_index} at row {first_row}"
        rows, kind, convert = columns[leaf_index][first_row : first_row + group_rows], types[leaf_index], converter(types[leaf_index])
        physical, statistics = metadata[1], metadata[12]
        entries = [entry for row in rows for entry in row]
        values = [value for value in entries if value is not None and value == value]
        assert metadata[5] == len(entries), place
        assert statistics.get(3, entries.count(None)) == entries.count(None), place
        if 5 in statistics:
            check_bounds(*(decode(statistics[field], physical, 0, convert) for field in (6, 5)), values, place)
            for field, exact, pick in ((6, 8, min), (5, 7, max)):
                if statistics.get(exact) and values:
                    assert decode(statistics[field], physical, 0, convert) == order_key(pick(values, key=order_key)), place
        else:
            assert may_lack_bounds or not values or any(len(order_key(value)) > 64 for value in values), place
        if offset is None:
            assert may_lack_bounds, place
        else:
            check_pages(data, metadata, column, offset[1], rows, group_rows, physical, convert, place)
        leaf_index += 1


def check_pages(data, metadata, column, locations, rows, group_rows, physical, convert, place):
    position = metadata[9]
    starts = [location.get(3, 0) for location in locations] + [group_rows]
    for index, location in enumerate(locations):
        assert location[1] == position, f"{place}: page {index}"
        header, body = page_header(data, position)
        assert body + header[3] - position == location[2], f"{place}: page {index}"
        if 4 in header:
            assert zlib.crc32(data[body : body + header[3]]) == header[4] & 0xFFFFFFFF, f"{place}: page {index}"
        position += location[2]
        entries = [entry for row in rows[starts[index] : starts[index + 1]] for entry in row]
        assert (header.get(5) or header.get(8))[1] == len(entries), f"{place}: page {index}"
        if column is None:
            continue
        assert column[5][index] == entries.count(None), f"{place}: page {index}"
        values = [value for value in entries if value is not None and value == value]
        assert column[1][index] == (entries.count(None) == len(entries)), f"{place}: page {index}"
        if values:
            check_bounds(*(decode(column[field][index], physical, 0, convert) for field in (2, 3)), values, f"{place}: page {index}")
    assert metadata[7] == position - min(metadata[9], metadata.get(11, metadata[9])), place
    if column is not None and column[4] in (1, 2):
        bounds = [[decode(column[f][i], physical, 0, convert) for f in (2, 3)] for i in range(len(locations)) if not column[1][i]]
        for one, other in zip(bounds, bounds[1:]):
            low, high = (one, other) if column[4] == 1 else (other, one)
            assert low[0] <= high[0] and low[1] <= high[1], f"{place}: boundary order"


# MARK: single features


def write_numbers(path, rows=5000, **options):
    rng = random.Random(1)
    table = pa.table({"id": range(rows), "sku": [f"sku-{rng.randrange(300):04d}" for _ in range(rows)], "x": [rng.random() for _ in range(rows)]})
    pq.write_table(table, path, **options)
    return table


def test_bloom_filters_are_found_by_duckdb(levee, tmp_path):
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    table = write_numbers(source)
    rewrite(levee, source, target, "--bloom-filters", "id,sku", "--row-group-rows", 1000)
    connection = duckdb.connect()
    filters = connection.execute(f"SELECT path_in_schema, count(bloom_filter_offset) FROM parquet_metadata('{target}') GROUP BY ALL").fetchall()
    assert dict(filters) == {"id": 5, "sku": 5, "x": 0}
    probe = "SELECT bool_and(bloom_filter_excludes) FROM parquet_bloom_probe('{}', '{}', '{}')"
    for sku in sorted(set(table["sku"].to_pylist()))[:50]:
        assert connection.execute(probe.format(target, "sku", sku)).fetchone() == (False,)
    absent = [connection.execute(probe.format(target, "sku", f"no-{number}")).fetchone()[0] for number in range(100)]
    assert sum(absent) >= 90
    for number in (0, 999, 4999):
        found = connection.execute(f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{target}', 'id', {number}) ORDER BY row_group_id").fetchall()
        assert found[number // 1000] == (False,)
    copied = tmp_path / "c.parquet"
    rewrite(levee, target, copied, "--copy", "rowgroups", "--append", target)
    assert connection.execute(f"SELECT count(bloom_filter_offset) FROM parquet_metadata('{copied}')").fetchone() == (20,)
    assert connection.execute(probe.format(copied, "sku", table["sku"][0].as_py())).fetchone() == (False,)


def test_footer_says_how_rows_are_sorted(levee, tmp_path):
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_numbers(source)
    rewrite(levee, source, target, "--sorted-by", "id")
    assert pq.ParquetFile(target).metadata.row_group(0).sorting_columns == (pq.SortingColumn(0, descending=False, nulls_first=True),)
    assert "sort" in levee.fails(1, "parquet", "rewrite", source, "--to", tmp_path / "c.parquet", "--sorted-by", "nothing")


def test_deltas_are_smaller_for_what_grows_evenly(levee, tmp_path):
    source, plain, deltas = (tmp_path / name for name in ("a.parquet", "b.parquet", "c.parquet"))
    table = write_numbers(source, 100_000)
    rewrite(levee, source, plain)
    rewrite(levee, source, deltas, "--deltas", "--byte-stream-split")
    assert pq.ParquetFile(deltas).read().equals(pq.ParquetFile(source).read())
    columns = pq.ParquetFile(deltas).metadata.row_group(0)
    assert "DELTA_BINARY_PACKED" in columns.column(0).encodings
    assert "RLE_DICTIONARY" in columns.column(1).encodings
    assert deltas.stat().st_size < plain.stat().st_size
    assert duckdb.connect().execute(f"SELECT sum(id), count(DISTINCT sku) FROM '{deltas}'").fetchone() == (sum(range(100_000)), len(set(table["sku"].to_pylist())))


@pytest.mark.parametrize("codec", ["snappy", "zstd"])
def test_pages_of_small_files_become_one_row_group(levee, tmp_path, codec):
    """Categories keep a dictionary, the union of all; keys lose theirs; values, bounds and indexes are those of the data."""
    paths, tables = [], []
    for number in range(4):
        rng = random.Random(number)
        rows = 3000
        tables.append(
            pa.table(
                {
                    "key": [f"{rng.getrandbits(128):032x}" for _ in range(rows)],
                    "category": [rng.choice([None, *(f"category {number + n}" for n in range(12))]) for _ in range(rows)],
                    "tags": [[f"tag {rng.randrange(8 + number)}" for _ in range(rng.randrange(4))] for _ in range(rows)],
                    "amount": [float(rng.randrange(500)) for _ in range(rows)],
                }
            )
        )
        paths.append(tmp_path / f"{number}.parquet")
        pq.write_table(tables[-1], paths[-1], compression=codec, data_page_size=8000, data_page_version=["1.0", "2.0"][number % 2], write_page_index=True)
    target = tmp_path / "all.parquet"
    rewrite(levee, paths[0], target, *[part for path in paths[1:] for part in ("--append", path)], "--copy", "pages", "--codec", codec)
    expected = pa.concat_tables(tables)
    file = pq.ParquetFile(target)
    assert file.metadata.num_row_groups == 1
    assert canonical_rows(file.read()) == canonical_rows(expected)
    assert_same(duckdb_rows(target), canonical_rows(expected), "duckdb")
    pages = json.loads(levee.run("parquet", "pages", target, "-o", "json").stdout)
    kinds = {name: {(page["kind"], page["encoding"]) for page in pages if page["column"].startswith(name)} for name in ("key", "category", "tags")}
    assert all(encoding != "RLE_DICTIONARY" for _, encoding in kinds["key"])
    assert all(kind == "dictionary" or encoding == "RLE_DICTIONARY" for kind, encoding in kinds["category"] | kinds["tags"])
    dictionary = [page["values"] for page in pages if page["column"] == "category" and page["kind"] == "dictionary"]
    assert dictionary == [15]
    assert file.metadata.row_group(0).column(1).statistics.max == "category 9"
    assert file.metadata.row_group(0).column(1).statistics.null_count == expected["category"].null_count
    check_indexes(target, file.read(), "copied", may_lack_bounds=True)
