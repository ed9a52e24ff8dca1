"""The examples in README.md and docs/api.md, run as they stand there (against a free port)."""

import re
import subprocess
import sys

import pytest
from troupe_server import ROOT

FILES = ("README.md", "docs/api.md")
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.M | re.S)
EXAMPLES = [pytest.param(kind, code, id=f"{name}-{number}") for name in FILES
            for number, (kind, code) in enumerate(BLOCK.findall((ROOT / name).read_text()))]


def test_there_are_examples():
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("kind, code", EXAMPLES)
def test_example(server, kind, code):
    code = code.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
    command = ["bash", "-euo", "pipefail", "-c", code] if kind == "bash" else [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()
    assert '"error": {' not in run.stdout and '"error":{' not in run.stdout


@pytest.mark.parametrize("name", [*FILES, "docs/operations.md"])
def test_links_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{name} links to {target}, which is not there"


def test_every_flag_named_in_the_pages_exists():
    import test_cli

    known = "".join(test_cli.troupe(*command.split(), "--help").stdout
                    for command in ("serve", "chat", "generate"))
    for name in ("README.md", "docs/api.md", "docs/operations.md"):
        for line in (ROOT / name).read_text().splitlines():
            if "troupe serve" in line or "`--" in line:
                for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line):
                    assert flag in known or flag in ("--baseline", "--help"), f"{name} names {flag}"
