"""The second promise: the answer does not depend on luck."""

import concurrent.futures

import pytest
from streams import Company, read_responses_sse

pytestmark = pytest.mark.release_only  # minutes under a sanitizer; tests/runtime has the same on a smaller scale

PROMPTS = [
    "What is the capital of France?",
    "Name three colours.",
    "Write one sentence about the moon.",
    "Why is the sky blue?",
    "Tell me about whales.",
    # Longer than one step takes (max_batch_tokens), so that its prefill is cut into chunks.
    "Summarise this in one sentence: " + "The ship sailed on through the night and the crew sang. " * 60,
    "Give me a recipe for pancakes.",
    "Was ist die Hauptstadt von Österreich? 北京在哪里? 🦊",
]


def test_alone_and_in_company(server):
    def ask(prompt):
        answer = server.chat(prompt, max_tokens=40)
        return answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]

    alone = [ask(prompt) for prompt in PROMPTS]
    assert "Paris" in alone[0][0]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        company = list(pool.map(ask, PROMPTS))
    assert company == alone


def test_eight_times_the_same(server):
    def ask(_):
        return server.chat(PROMPTS[2], max_tokens=40)["choices"][0]["message"]["content"]

    alone = ask(0)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {alone}


def test_sampled_streams_alone_and_in_company(server):
    bodies = [{"input": prompt, "temperature": 0.8, "seed": number, "max_output_tokens": 40}
              for number, prompt in enumerate(PROMPTS)]
    alone = [read_responses_sse(server, body).outline() for body in bodies]
    company = [stream.outline() for stream in Company(server, bodies).join(60)]
    assert company == alone


def test_another_thread_count_and_chunk_size(server, start_server):
    """How prompts are cut, how many sequences share a step and how many threads compute leaves no trace."""
    other = start_server("--threads", "1", "--max-batch-tokens", "48", "--max-batch-size", "3")
    for prompt in (PROMPTS[0], PROMPTS[5], PROMPTS[7]):
        answers = [which.chat(prompt, max_tokens=24)["choices"][0]["message"]["content"] for which in (server, other)]
        assert answers[0] == answers[1]
