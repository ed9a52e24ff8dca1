"""The installed package in a program that is not ours: examples/embedded/, built against `cmake --install`."""

import json
import re
import subprocess

import pytest
from troupe_server import BINARY, MODEL, ROOT, clean_environment

pytestmark = [pytest.mark.release_only, pytest.mark.limit_s(300)]  # three files that include CAF, on a busy machine


def run(*command, limit_s=240, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=limit_s,
                          env=clean_environment(), **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BINARY.parent, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def program(package, tmp_path_factory):
    build = tmp_path_factory.mktemp("embedded")
    run("cmake", "-G", "Ninja", "-S", ROOT / "examples/embedded", "-B", build, f"-DCMAKE_PREFIX_PATH={package}",
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_BUILD_TYPE=Debug")
    run("cmake", "--build", build)
    return build / "embedded"


def test_a_host_streams_survives_a_crash_and_goes_on(program):
    calm = run(program, MODEL, limit_s=60)
    crashed = run(program, MODEL, "--crash", limit_s=60)
    assert "actor_down" not in calm.stderr
    assert "actor_threw" in crashed.stderr and "actor_down" in crashed.stderr  # it did crash
    # Not a byte of ours on standard output: the host's own words are all there is.
    assert crashed.stdout == calm.stdout
    *story, same, goes_on = calm.stdout.splitlines()
    assert same == "same bytes"
    assert goes_on == "host goes on: 2 + 3 = 5"
    text = "\n".join(story)
    assert len(text) > 100
    half = len(text) // 2
    assert text[:half] == text[half + 1:]


def test_a_host_hears_what_is_wrong(program, tmp_path):
    missing = subprocess.run([program, tmp_path / "no.gguf"], capture_output=True, text=True, timeout=30)
    assert missing.returncode == 1
    assert "no.gguf" in missing.stderr and not missing.stdout


def test_our_compile_flags_stay_at_home(program):
    commands = json.loads((program.parent / "compile_commands.json").read_text())
    assert len(commands) >= 2
    for each in commands:
        assert "-std=c++20" in each["command"] or "-std=gnu++20" in each["command"]
        for ours in ("-ffp-contract", "-Werror", "CAF_ENABLE_TYPE_ID_CHECKS", str(ROOT / "base")):
            assert ours not in each["command"]
        assert not re.search(rf"-(I|isystem) ?{ROOT}(/generated)?( |$)", each["command"])


def test_the_package_does_not_name_the_place_where_it_was_built(package):
    for path in package.rglob("*.cmake"):
        assert str(ROOT) not in path.read_text(), path.name


def test_the_program_is_installed(package):
    assert run(package / "bin/troupe", "version").stdout.startswith("troupe ")
