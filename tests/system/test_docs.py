"""The pages say what is so: examples are run as they stand there (against a free port); links, paths, flags and
cited code exist."""

import re
import subprocess
import sys

import pytest
from troupe_server import ROOT

FILES = ("README.md", "docs/api.md")
PAGES = ["README.md", "CHANGELOG.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
ROOMS = ("base", "config", "observe", "kernels", "memory", "model", "actors", "supervision", "net", "runtime", "cli",
         "tests", "bench", "deploy", "docs", "cmake")
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


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        if re.search(r"::|\s", target):  # a lambda's parameters
            continue
        assert (page.parent / target).exists(), f"{name} links to {target}, which is not there"


@pytest.mark.parametrize("name", PAGES)
def test_paths_named_in_the_pages_exist(name):
    for path in re.findall(r"`((?:%s)/[\w./*-]*)`" % "|".join(ROOMS), (ROOT / name).read_text()):
        if "NAME" not in path:
            assert any(ROOT.glob(path.rstrip("/"))), f"{name} names {path}, which is not there"


@pytest.mark.parametrize("name, source", [("docs/add-a-setting.md", "config/settings*.?pp"),
                                          ("docs/add-a-model.md", "model/pre_tokenizer.cpp"),
                                          ("docs/embedding.md", "examples/embedded/*")])
def test_cited_code_stands_in_the_source(name, source):
    code = re.sub(r"\s+", " ", "".join(path.read_text() for path in ROOT.glob(source)))
    for block in re.findall(r"(?:^ {4,}\S.*\n)+", (ROOT / name).read_text(), re.M):
        cited = re.sub(r"\s+", " ", block).strip()
        if cited.endswith((";", "},", ")")):
            assert cited in code, f"{name} cites what {source} does not have: {cited}"


def test_every_flag_named_in_the_pages_exists():
    import test_cli

    known = "".join(test_cli.troupe(*command.split(), "--help").stdout
                    for command in ("serve", "chat", "generate"))
    for name in ("README.md", "docs/api.md", "docs/operations.md"):
        for line in (ROOT / name).read_text().splitlines():
            if "troupe serve" in line or "`--" in line:
                for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line):
                    assert flag in known or flag in ("--baseline", "--help"), f"{name} names {flag}"
