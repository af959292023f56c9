"""Parquet files of other writers, and ours in the eyes of other readers.

`parquet_files.tsv` says for each shared file what reading it comes to; the Swift tests hold Levee to it, the tests here hold the table to pyarrow and
duckdb, and docs/parquet.md to the table (`python test_parquet_files.py` writes it there).
"""

import base64
import datetime
import pathlib
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from conftest import ROOT, SHARED
from parquet_digest import digest, duckdb_digest

TABLE = pathlib.Path(__file__).with_name("parquet_files.tsv")
FILES = SHARED / "conformance"
OUTCOMES = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
PAGE = ROOT / "docs" / "parquet.md"
MARKED = re.compile(r"(<!-- files -->\n).*(<!-- end of files -->)", re.DOTALL)


@pytest.mark.parametrize("name, outcome, detail", OUTCOMES, ids=[row[0] for row in OUTCOMES])
def test_the_table_of_outcomes_is_what_others_read(name, outcome, detail):
    path = FILES / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    if outcome == "equal":
        assert digest(path) == detail
    if outcome == "duckdb":
        with pytest.raises(Exception):
            digest(path)
        assert duckdb_digest(path) == detail


def test_the_table_of_outcomes_has_every_shared_file():
    if not FILES.exists():
        pytest.skip(f"{FILES} is not there")
    present = {f"{folder}/{path.name}" for folder in ("parquet", "parquet_bad") for path in (FILES / folder).iterdir() if path.suffix != ".csv"}
    assert present == {row[0] for row in OUTCOMES}


def test_times_that_nanoseconds_do_not_reach(levee, tmp_path):
    """INT96 that pyarrow wraps around: in microseconds it does so only with the last one, whose day is reckoned here (400 years are 146,097 days)."""
    path = FILES / "parquet" / "int96_from_spark.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    levee("parquet", "rewrite", path, "--to", tmp_path / "ours.parquet")
    ours = pq.read_table(tmp_path / "ours.parquet").column(0).cast(pa.int64()).to_pylist()
    theirs = pq.read_table(path, coerce_int96_timestamp_unit="us").column(0).cast(pa.int64()).to_pylist()
    assert ours[:5] == theirs[:5] and ours[4] is None
    days = (datetime.date(2000, 12, 31) - datetime.date(1970, 1, 1)).days + (290_000 - 2000) // 400 * 146_097
    assert ours[5:] == [(days * 24 - 1) * 3_600_000_000], "midnight of 290000-12-31, an hour east of Greenwich"


class OpenKeys(pe.KmsClient):
    """Keeps keys without a secret: what is encrypted is not the point here."""

    def __init__(self, _config):
        pe.KmsClient.__init__(self)

    def wrap_key(self, key_bytes, _master_key):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, _master_key):
        return base64.b64decode(wrapped_key)


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_encrypted_columns_are_refused_as_encrypted(levee, tmp_path, plaintext_footer):
    path = tmp_path / "secret.parquet"
    keys = pe.EncryptionConfiguration(footer_key="footer", column_keys={"column": ["secret"]}, plaintext_footer=plaintext_footer)
    properties = pe.CryptoFactory(OpenKeys).file_encryption_properties(pe.KmsConnectionConfig(), keys)
    pq.write_table(pa.table({"open": [1, 2], "secret": ["a", "b"]}), path, encryption_properties=properties)
    done = levee.run("parquet", "rewrite", path, "--to", tmp_path / "open.parquet")
    assert done.returncode not in (0, 2) and "secret.parquet: the file is encrypted" in done.stderr


def in_words(outcome, detail):
    """What the page says of an outcome."""
    sentences = {
        "equal": "read, equal to pyarrow",
        "duckdb": "read, equal to duckdb (pyarrow refuses it)",
        "ours": "read; equal to pyarrow in microseconds but for the year 290,000, where it wraps around",
        "encrypted": "refused: encrypted",
        "tooLarge": f"refused within the default limits: {detail}; read within higher ones",
        "unsupported": f"refused: {detail}",
        "damaged": f"refused as damaged: {detail}",
    }
    return sentences[outcome]


def table_for_the_page():
    rows = [f"| `{name}` | {in_words(outcome, detail)} |" for name, outcome, detail in OUTCOMES]
    return "\n".join(["| file | outcome |", "|---|---|", *rows, ""])


def test_the_page_has_the_table():
    marked = MARKED.search(PAGE.read_text())
    assert marked is not None and marked.group() == marked.group(1) + table_for_the_page() + marked.group(2)


if __name__ == "__main__":
    PAGE.write_text(MARKED.sub(lambda found: found.group(1) + table_for_the_page() + found.group(2), PAGE.read_text()))
