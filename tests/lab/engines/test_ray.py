"""What the engine sees to beside Ray; the studies on a real cluster are in test_clusters.py."""

import signal
import socket
import sys
from types import SimpleNamespace

import pytest

from sssam.lab import engines
from sssam.lab.engines import Ray


@pytest.fixture
def ray(monkeypatch):
    """A module that takes SIGTERM for itself when it connects, as Ray does."""

    def init(*_, **__) -> None:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))

    errors = ("WorkerCrashed", "NodeDied", "LocalRayletDied", "OutOfMemory", "ObjectLost")
    made = SimpleNamespace(
        is_initialized=lambda: False,
        init=init,
        shutdown=lambda: None,
        cluster_resources=lambda: {"CPU": 4.0},
        exceptions=SimpleNamespace(**{f"{name}Error": RuntimeError for name in errors}),
    )
    monkeypatch.setitem(sys.modules, "ray", made)
    return made


@pytest.mark.usefixtures("ray")
def test_sigterm_is_left_to_the_command():
    before = signal.getsignal(signal.SIGTERM)
    with Ray():
        assert signal.getsignal(signal.SIGTERM) is before


def test_a_cluster_that_has_gone_is_told_of_with_what_to_do(ray):
    def gone(**_: object) -> None:
        raise ConnectionError("failed to reconnect")

    ray.remote = gone
    told = r"the engine 'ray' gave up \(failed to reconnect\): finished runs are kept; .* again"
    with pytest.raises(ConnectionError, match=told), Ray(threads=2) as engine:
        engine.submit(print)
    assert engine.jobs == 2


@pytest.mark.usefixtures("ray")
def test_the_address_of_a_client_needs_what_a_node_does_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        with engines.parse(f"ray:{place}"):
            pass
        error = r"needs the library 'grpc', .* pip install 'sssam\[ray\]'"
        with pytest.raises(ModuleNotFoundError, match=error), engines.parse(f"ray://{place}"):
            pass
