"""A study that names every rival trains, and says what each one costs."""

import torch
from torch import nn

from sssam.lab.studies import conduct, studyfile
from sssam.lab.training import methods, train

HEAD = """
seeds = 2
recipe = "given"
controls = false
[[tasks]]
name = "digits"
train = 96
validation = 32
batch_size = 32
epochs = 2
model = {name = "mlp", widths = [8]}
"""
#: Of each variant its table, its passes a step, and its copies of the parameters, kept and at most.
RIVALS: dict[str, tuple[str, float | tuple[float, float], tuple[int, int] | None]] = {
    "two steps": ('kind = "sam"\nascent_steps = 2', 3, (0, 2)),
    "along Muon's update": ('kind = "sam"\nalong = "muon"', 2, (0, 1)),
    "auto": ('kind = "sam"\nrho = "auto"', 2, (0, 1)),
    "ZSharp": ('kind = "zsharp"\npercentile = 90', 2, (0, 1)),
    "Functional SAM": ('kind = "functionalsam"', 2, (0, 1)),
    "SALA": ('kind = "sala"\nk = 2', (1, 1.5), (1, 3)),
    "IRE": ('kind = "ire"\nkappa = 2', 1, (1, 1)),
    "IRE over SAM": ('kind = "ire"\nrho = 0.05', 2, (1, 2)),
    "Flat-LoRA": ('kind = "flatlora"\nlayers = "all-linear"', 1, (0, 0)),
    "LAWA": ('kind = "base"\naverage = "lawa"', 1, None),
    "SAM, SEMA": ('kind = "sam"\naverage = "sema"', 2, (0, 1)),
    "SAM, EMA": ('kind = "sam"\naverage = "ema"', 2, (0, 1)),
}


def test_every_rival_is_a_variant_with_its_price(tmp_path):
    tables = (f'[[variants]]\nlabel = "{name}"\n{text}' for name, (text, *_) in RIVALS.items())
    (tmp_path / "study.toml").write_text("\n".join([HEAD, *tables]))
    study = studyfile.read(tmp_path / "study.toml")
    (part,) = study.parts
    decided = conduct.decide(study, part, conduct.reader({}, part.task.name))
    records = [train.train(run) for run in conduct.wanted(study, decided)]
    assert {record.outcome for record in records} <= {"finished", "diverged"}
    found = {v.label: v for v in conduct.compared(study, decided, records, tmp_path).variants}
    assert found.keys() == {"base", *RIVALS}
    for name, (_, passes, memory) in RIVALS.items():
        least, most = passes if isinstance(passes, tuple) else (passes, passes)
        assert least - 1e-9 <= found[name].propagations <= most + 1e-9, name
        model = nn.Sequential(nn.Linear(3, 2))
        base = torch.optim.SGD(model.parameters(), lr=0.1)
        built = methods.build(found[name].method, base, 6, 0, model)
        assert memory is None or tuple(built.memory) == memory, name
