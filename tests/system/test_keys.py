"""API keys: every route with data needs one where keys are configured, and an open network needs keys."""

import subprocess

import pytest
import requests
import websockets
from streams import open_socket, read_turn
from troupe_server import BINARY, MODEL, ROOT, TroupeServer, clean_environment, free_port

KEYS = ("first-key-of-two", "second-key-of-two")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    key_file = folder / "keys"
    key_file.write_text("# keys\n" + "\n".join(KEYS) + "\n")
    key_file.chmod(0o600)
    with TroupeServer(folder / "server.log", "--api-key-file", str(key_file), key=KEYS[0]) as started:
        yield started


ROUTES = [("POST", "/v1/chat/completions"), ("POST", "/v1/responses"), ("GET", "/v1/models"), ("GET", "/metrics"),
          ("GET", "/version")]


@pytest.mark.parametrize("method, path", ROUTES)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong-key-of-many", "Bearer ", KEYS[0], "Bearer " + KEYS[0] + "x"])
def test_without_a_right_key(guarded, method, path, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = requests.request(method, guarded.url + path, headers=headers, json={"input": "x"}, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"]


def test_with_a_key(guarded):
    for key in KEYS:
        headers = {"Authorization": "Bearer " + key}
        assert guarded.get("/v1/models", headers=headers).status_code == 200
        assert guarded.get("/metrics", headers=headers).status_code == 200
        assert guarded.post("/v1/responses", {"input": "Hi", "max_output_tokens": 16}, headers=headers).status_code == 200


def test_probes_are_open(guarded):
    for path in ("/livez", "/readyz", "/health"):
        assert requests.get(guarded.url + path, timeout=10).status_code == 200


def test_websocket(guarded):
    with open_socket(guarded) as socket:
        assert read_turn(socket, {"input": "Hi", "max_output_tokens": 16}).terminal
    guarded.key, key = None, guarded.key
    try:
        with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
            open_socket(guarded)
        assert caught.value.response.status_code == 401
    finally:
        guarded.key = key


def test_keys_are_not_logged(guarded):
    assert not any(key in guarded.log() for key in KEYS)


def test_a_key_file_that_cannot_be_read_is_a_wrong_setting():
    run = subprocess.run([BINARY, "serve", "--model", MODEL, "--port", "0", "--api-key-file", "/nonexistent/keys"],
                         cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=20)
    assert run.returncode == 2
    assert "/nonexistent/keys: No such file or directory" in run.stderr


def test_an_open_network_needs_keys():
    run = subprocess.run([BINARY, "serve", "--model", MODEL, "--host", "0.0.0.0", "--port", str(free_port())],
                         cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=20)
    assert run.returncode == 2
    assert "api" in run.stderr.lower() and "key" in run.stderr.lower()
