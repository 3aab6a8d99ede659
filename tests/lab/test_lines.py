from tiny import BASE, run

from sssam.lab import lines, records
from sssam.lab.specs import Record

WRITTEN = [Record(run=run(BASE, seed), outcome="finished", test_accuracy=1 / 3) for seed in (0, 1)]


def test_what_is_written_as_lines_is_taken_in_again(tmp_path):
    path, directory = tmp_path / "out" / "records.jsonl", tmp_path / "new"
    lines.write(WRITTEN, path)
    assert len(path.read_text().splitlines()) == 2
    assert lines.take(path, directory) == (2, 0, (), None)
    assert records.read_all(directory) == ({record.id: record for record in WRITTEN}, ())
    assert lines.take(path, directory) == (0, 2, (), None)


def test_torn_foreign_and_differing_lines_are_counted_told_of_and_kept(tmp_path):
    good = WRITTEN[0].model_dump_json()
    differing = WRITTEN[0].model_copy(update={"steps": 9}).model_dump_json()
    bad = [good[:40], '{"hello": 1}', differing]
    path, directory = tmp_path / "records.jsonl", tmp_path / "new"
    path.write_text("\n".join([good, bad[0], "", bad[1], good, bad[2]]))
    before = path.read_bytes()
    taken = lines.take(path, directory)
    assert (taken.new, taken.held) == (1, 1)
    assert [problem.number for problem in taken.problems] == [2, 4, 6]
    assert "torn or foreign" in str(taken.problems[0])
    assert str(taken.problems[2]).startswith("line 6: differs from the record ")
    assert taken.aside == directory / "aside" / "records.jsonl"
    assert taken.aside.read_text().splitlines() == bad
    assert path.read_bytes() == before
    assert records.read_all(directory).by_id == {WRITTEN[0].id: WRITTEN[0]}
    assert lines.take(path, directory).aside.name == "records.jsonl.1"
