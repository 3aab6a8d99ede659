"""A text file, to predict its next byte."""

import pytest
import torch

from sssam.lab.specs import DataSpec
from sssam.lab.tasks import splits as data


def test_data_that_changed_since_a_run_was_planned_are_refused(tmp_path):
    file = tmp_path / "book.txt"
    file.write_bytes(bytes(range(256)) * 8)
    spec = data.identified(DataSpec(name="text", path=str(file), length=16))
    data.load(spec, 0)
    file.write_bytes(bytes(range(255)) * 8)
    with pytest.raises(ValueError, match="'text' changed since this run was planned"):
        data.load(spec, 0)


def test_text_is_cut_into_pieces_whose_labels_are_the_next_bytes(tmp_path):
    file, content = tmp_path / "book.txt", torch.arange(1000).remainder(251).to(torch.uint8)
    file.write_bytes(content.numpy().tobytes())
    split = data.load(DataSpec(name="text", path=str(file), length=9), 0)
    assert [len(part) for part in split[:3]] == [90, 10, 11]
    assert split.form == ((9,), 256, 256, True)
    for part in split[:3]:
        assert torch.equal(part.inputs[:, 1:], part.targets[:, :-1])
    assert torch.equal(split.test.inputs.flatten(), content[900:999])
    assert torch.equal(split.test.targets.flatten(), content[901:1000])
    with pytest.raises(ValueError, match=r"takes no label noise, got 0\.1"):
        data.reach(DataSpec(name="text", path=str(file), length=9, label_noise=0.1))
    with pytest.raises(ValueError, match="hold 1000 bytes, need at least 1281"):
        data.reach(DataSpec(name="text", path=str(file)))
