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

    made = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", made)
    return made


@pytest.mark.usefixtures("ray")
def test_sigterm_is_left_to_the_command():
    before = signal.getsignal(signal.SIGTERM)
    with Ray():
        assert signal.getsignal(signal.SIGTERM) is before


def test_a_cluster_that_has_gone_is_told_of_with_what_to_do(ray):
    def gone() -> None:
        raise ConnectionError("failed to reconnect")

    ray.cluster_resources = gone
    told = r"cluster None has gone \(failed to reconnect\): finished runs are kept; start it again"
    with pytest.raises(ConnectionError, match=told), Ray() as engine:
        engine.slots()


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
