"""`python -m benchmarks.tables` writes the tables of docs/performance.md from the kept records."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import benchmarks.floor

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
STEPS, CHEAP, FLOOR = (
    ROOT / "benchmarks" / f"{name}.json" for name in ("step_times", "cheap_passes", "floor")
)
Record = Mapping[str, Any]
#: The columns of the first table: contenders, and their short names.
COLUMNS = {
    "two passes": "two passes",
    "SSSAM, p = 0": "SSSAM, p = 0",
    "SAM": "SAM",
    "temperon 0.1.1": "temperon 0.1.1",
    "pytorch_optimizer 4.1": "pytorch_optimizer 4.1",
    "MSAM": "MSAM",
    "SAM at half the steps, ascent on 1/8": "late half, 1/8",
    "SAM by hand, bitwise": "by hand, bitwise",
}


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(found: Mapping[str, float]) -> str:
    low, high = found["ratio_lower_quartile"], found["ratio_upper_quartile"]
    return f"{found['ratio']:.2f} [{low:.2f}, {high:.2f}]"


def machine(record: Record, unit: str = "times the base's step") -> str:
    """On what, with what, by which clock and when."""
    found = record["environment"]
    shared = "processor time, on a machine that did other work too"
    clock = {"wall": "wall clock", "processor": shared}[record["clock"]]
    return (
        f"{found['processor']}, one thread, torch {found['versions']['torch']}, "
        f"{found['time'][:10]}, {clock}; {unit}, median over blocks [quartiles]."
    )


def steps(record: Record) -> str:
    """Each model's step times over the base's."""
    found: Mapping[str, Any] = record["steps"]
    known = {c for each in found.values() for c in each["summary"]}
    columns = [c for c in COLUMNS if c in known]
    lines = [machine(record), "", _row(["", "base", *(COLUMNS[c] for c in columns)])]
    lines.append("|---" * (len(columns) + 2) + "|")
    for model, each in found.items():
        summary = each["summary"]
        cells = [_ratio(summary[c]) if c in summary else "" for c in columns]
        lines.append(_row([model, f"{summary['base']['milliseconds']:.1f} ms", *cells]))
    return "\n".join(lines)


def cheap(record: Record) -> str:
    """Each cheap ascent's propagations, and its seconds on each model."""
    found: Mapping[str, Any] = record["steps"]
    lines = [
        machine(record),
        "",
        _row(["", "propagations", *found]),
        "|---" * (len(found) + 2) + "|",
    ]
    for label, passes in record["propagations"].items():
        cells = [_ratio(each["summary"][label]) for each in found.values()]
        lines.append(_row([label, f"{passes:.4g}", *cells]))
    return "\n".join(lines)


def outside(record: Record) -> str:
    """SAM's time outside its passes, and the bound."""
    points = [*record["outside"]["sizes"], *record["outside"]["tensors"]]
    head = ["weights", "tensors", "SAM, microseconds", "bound"]
    lines = [_row(head), "|---:" * len(head) + "|"]
    for p in points:
        if p["method"] == "SAM":
            spread = f"{p['microseconds']:,.0f} [{p['low']:,.0f}, {p['high']:,.0f}]"
            lines.append(
                _row([f"{p['weights']:,}", str(p["tensors"]), spread, f"{p['bound']:,.0f}"])
            )
    return "\n".join(lines)


def floor(record: Record) -> str:
    """What a loop by hand takes outside its passes, and what SAM does."""
    head = [
        "tensors of 256 weights",
        "by hand, microseconds",
        "SAM, microseconds",
        "a plain step of SSSAM, microseconds",
        "aim of SAM",
    ]
    lines = [machine(record, "microseconds a step"), "", _row(head), "|---:" * len(head) + "|"]
    for tensors, times in record["microseconds"].items():
        found = [benchmarks.floor.outside(times, name) for name in benchmarks.floor.BARE]
        cells = [f"{middle:,.0f} [{low:,.0f}, {high:,.0f}]" for low, middle, high in found]
        lines.append(_row([tensors, *cells, f"{40 + int(tensors):,}"]))
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with its tables as the records have them."""
    kept, ascents, by_hand = (json.loads(path.read_text()) for path in (STEPS, CHEAP, FLOOR))
    tables = {
        "steps": steps(kept),
        "outside": outside(kept),
        "floor": floor(by_hand),
        "cheap": cheap(ascents),
    }
    for name, table in tables.items():
        begin, end = (
            f"<!-- {name}: written by `python -m benchmarks.tables` -->",
            f"<!-- end of {name} -->",
        )
        page, n = re.subn(
            f"{re.escape(begin)}.*?{re.escape(end)}",
            lambda _, text=f"{begin}\n{table}\n{end}": text,
            page,
            flags=re.DOTALL,
        )
        if n != 1:
            raise ValueError(f"{PAGE.name} must have one place for the table {name!r}, not {n}")
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
