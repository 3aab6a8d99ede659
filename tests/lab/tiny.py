"""A task that trains in a tenth of a second, and a method of each kind."""

from sssam.lab.specs import DataSpec, Method, ModelSpec, Record, Run, Task
from sssam.schedules import linear

DATA = DataSpec(name="digits", train=96, validation=32, label_noise=0.4)
TASK = Task(
    name="tiny",
    data=DATA,
    model=ModelSpec(name="mlp", widths=(8,)),
    epochs=3,
    batch_size=32,
)
BASE = Method(label="base", kind="base")
LONG = Method(label="base 2x steps", kind="base", length=2)
SAM = Method(label="SAM", kind="sam", rho=0.1)
SSSAM = Method(label="SS-SAM", kind="sssam", rho=0.1, schedule=linear(0.0, 1.0).to_dict())
PART = Method(label="SAM 1/8 ascent", kind="sam", rho=0.1, options={"ascent_fraction": 1 / 8})
LOOKSAM = Method(label="LookSAM", kind="looksam", rho=0.1, options={"k": 2})
MSAM = Method(label="MSAM", kind="msam", rho=0.1)
ASAM = Method(label="ASAM", kind="asam", rho=0.5)
ALL = (BASE, LONG, SAM, SSSAM, PART, LOOKSAM, MSAM, ASAM)


def run(method: Method = BASE, seed: int = 0, task: Task = TASK) -> Run:
    return Run(task=task, method=method, seed=seed)


def same_but_times(record: Record) -> Record:
    """What two trainings of one run must share."""
    environment = record.environment.model_copy(update={"time": "", "commit": None})
    return record.model_copy(
        update={"seconds": 0.0, "peak_memory": None, "environment": environment}
    )
