"""Fixtures. Every test has a time limit of its own, so that a hang is a failure and not a stop."""

import shutil
import signal

import pytest
from troupe_server import BINARY, MODEL, TIME_SCALE, TroupeServer, scaled

LIMIT_S = 90


@pytest.fixture(autouse=True)
def time_limit(request):
    mark = request.node.get_closest_marker("limit_s")
    limit = round(scaled(mark.args[0] if mark else LIMIT_S))

    def too_long(*_):
        raise TimeoutError(f"took longer than {limit} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pytest_configure(config):
    config.addinivalue_line("markers", f"limit_s(seconds): a time limit other than {LIMIT_S} s")
    config.addinivalue_line("markers", "release_only: measures what a sanitizer changes: memory, processor time, libraries")


def pytest_collection_modifyitems(config, items):
    """deploy/test.sh runs all of this under sanitizers too, but for what would then measure the sanitizer."""
    left_out = [item for item in items if TIME_SCALE != 1 and item.get_closest_marker("release_only")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def _needs(request):
    """One sentence instead of fifty tracebacks."""
    if not BINARY.exists():
        pytest.exit(f"There is no {BINARY}: build it with deploy/test.sh or cmake --build --preset release.", 1)
    if not MODEL.exists():
        pytest.exit(f"There is no {MODEL}: run deploy/fetch_model.sh.", 1)
    assert shutil.which("curl"), "curl is missing: run deploy/install_packages.sh"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server with default settings, shared by all tests that leave it as it was."""
    with TroupeServer(tmp_path_factory.mktemp("server") / "server.log") as started:
        yield started


@pytest.fixture(scope="session")
def model_id(server):
    return server.get("/v1/models").json()["data"][0]["id"]


@pytest.fixture
def start_server(tmp_path):
    """start_server(*flags, key=None): more servers, ended after the test."""
    started = []

    def start(*flags, **more):
        instance = TroupeServer(tmp_path / f"server{len(started)}.log", *flags, **more)
        instance.__enter__()
        started.append(instance)
        return instance

    yield start
    for instance in started:
        instance.__exit__(None, None, None)
