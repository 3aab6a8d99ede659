import errno

import filelock
import pytest

from sssam.lab.runs import claims


def test_a_run_has_one_claim_at_a_time(tmp_path):
    with claims.claim("a", tmp_path) as mine, claims.claim("a", tmp_path) as other:
        assert (mine, other) == (True, False)
        assert not claims.free("a", tmp_path)
        assert claims.free("b", tmp_path)
    assert claims.free("a", tmp_path)


def test_a_settled_run_leaves_no_file(tmp_path):
    with claims.claim("a", tmp_path):
        claims.begin("a", tmp_path)
        assert claims.begun("a", tmp_path) == 1
        claims.settle("a", tmp_path)
    assert list((tmp_path / claims.FOLDER).iterdir()) == []
    assert claims.begun("a", tmp_path) == 0


def test_a_file_system_without_locks_warns(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSYS, "no flock")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with (
        pytest.warns(RuntimeWarning, match="has no locks: start no second process"),
        claims.claim("a", tmp_path) as mine,
    ):
        assert mine


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(OSError, match="read-only"), claims.claim("a", tmp_path):
        pass
