"""engine.device on a machine without a card: a sentence where one was asked for, the CPU where none was."""

import os

import pytest
from test_cli import one_sentence, troupe
from troupe_server import MODEL

pytestmark = pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="this machine has a card")


def test_a_card_that_is_not_there_is_a_sentence():
    run = troupe("generate", "--model", MODEL, "--device", "cuda:0", "--max-tokens", "3", "Hello")
    one_sentence(run, 1, "NVIDIA driver")


def test_a_device_that_does_not_exist_is_refused_before_anything_is_read():
    run = troupe("generate", "--model", MODEL, "--device", "gpu", "Hello")
    one_sentence(run, 2, "device", "cuda:0")


def test_auto_computes_on_the_cpu_with_its_answer():
    answers = {troupe("generate", "--model", MODEL, "--device", device, "--max-tokens", "8",
                      "What is the capital of France?").stdout for device in ("auto", "cpu")}
    assert len(answers) == 1 and "Paris" in answers.pop()
