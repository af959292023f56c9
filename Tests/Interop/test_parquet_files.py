"""Parquet files of other writers, and ours in the eyes of other readers.

`parquet_files.tsv` says for each shared file what reading it comes to; the Swift tests hold Levee to it, the test here holds the table to pyarrow.
"""

import pathlib

import pytest
from parquet_digest import digest

TABLE = pathlib.Path(__file__).with_name("parquet_files.tsv")
FILES = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "conformance"
OUTCOMES = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name, outcome, detail", OUTCOMES, ids=[row[0] for row in OUTCOMES])
def test_the_table_of_outcomes_is_what_pyarrow_reads(name, outcome, detail):
    path = FILES / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    if outcome == "equal":
        assert digest(path) == detail


def test_the_table_of_outcomes_has_every_shared_file():
    if not FILES.exists():
        pytest.skip(f"{FILES} is not there")
    present = {f"{folder}/{path.name}" for folder in ("parquet", "parquet_bad") for path in (FILES / folder).iterdir() if path.suffix != ".csv"}
    assert present == {row[0] for row in OUTCOMES}
