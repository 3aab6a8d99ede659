"""The page on performance agrees with the kept records, and its benchmarks run."""

import json
from pathlib import Path

import pytest

from benchmarks import cheap_passes, gpu, tables


def test_the_page_has_the_tables_of_the_records() -> None:
    page = tables.PAGE.read_text()
    assert tables.written(page) == page


def test_a_page_without_a_place_for_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="one place for the table 'steps', not 0"):
        tables.written("")


def test_the_record_of_cheap_passes_has_each_of_them() -> None:
    record = json.loads(tables.CHEAP.read_text())
    assert {*record["propagations"]} == {*cheap_passes.CHEAP}
    assert {*record["steps"]} == {*cheap_passes.MODELS}


def test_the_script_for_a_gpu_runs_small_on_the_host(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    gpu.main(["--tiny", "--device", "cpu", "--blocks", "2", "--out", str(out)])
    found = json.loads(out.read_text())
    assert len(found["steps"]) == 4
    for case in found["steps"].values():
        assert {*case["summary"]} == {*gpu.CONTENDERS}
        assert all(each["milliseconds"] > 0 for each in case["summary"].values())
