"""The page on performance agrees with the kept records, and its benchmarks run."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import sssam
from benchmarks import cheap_passes, contenders, floor, gpu, tables


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


def test_the_record_of_the_floor_has_each_loop_over_each_number_of_tensors() -> None:
    record = json.loads(tables.FLOOR.read_text())
    assert [*record["microseconds"]] == [*map(str, floor.TENSORS)]
    assert all({*each} == {*floor.KINDS} for each in record["microseconds"].values())


def test_the_loop_by_hand_that_is_timed_is_sam() -> None:
    ends = []
    for wrap in (contenders.ByHand, lambda base: sssam.SAM(base, rho=contenders.RHO, model=False)):
        torch.manual_seed(0)
        model, x, y = nn.Linear(6, 3), torch.randn(8, 6), torch.randint(3, (8,))
        step = contenders.by_closure(lambda base, _, wrap=wrap: wrap(base))(model, x, y)
        for _ in range(5):
            step()
        ends.append([p.detach().clone() for p in model.parameters()])
    torch.testing.assert_close(*ends)
    assert not torch.equal(ends[0][0], _plain())


def _plain() -> torch.Tensor:
    torch.manual_seed(0)
    model, x, y = nn.Linear(6, 3), torch.randn(8, 6), torch.randint(3, (8,))
    step = contenders.own()["base"](model, x, y)
    for _ in range(5):
        step()
    return model.weight.detach()


def test_the_script_for_a_gpu_runs_small_on_the_host(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    gpu.main(["--tiny", "--device", "cpu", "--blocks", "2", "--out", str(out)])
    found = json.loads(out.read_text())
    assert len(found["steps"]) == 4
    for case in found["steps"].values():
        assert {*case["summary"]} == {*gpu.CONTENDERS}
        assert all(each["milliseconds"] > 0 for each in case["summary"].values())
