"""A sliding window: a sequence longer than all pages together, with the bytes that it gets where there is room."""

from concurrent.futures import ThreadPoolExecutor

from test_cli import troupe
from troupe_server import TroupeServer

# 24 MiB are 67 pages: 1,072 tokens. The window, its sinks and two steps of 128 need 34.
WINDOW = ("--attention-window", "256", "--attention-sinks", "4", "--max-batch-tokens", "128")
SMALL = ("--kv-cache-mib", "24")


def story(number: int) -> str:
    return " ".join(f"In chapter {i} the ship {number + i} sailed on and met {i * 7 % 13} others." for i in range(75))


def ask(server, number: int) -> tuple[str, int]:
    answer = server.chat(story(number), max_tokens=24)
    return answer["choices"][0]["message"]["content"], answer["usage"]["prompt_tokens"]


def test_a_window_needs_no_pages_for_what_lies_before_it(tmp_path):
    with TroupeServer(tmp_path / "wide.log", *WINDOW) as server:
        expected = [ask(server, number) for number in range(2)]
    assert min(tokens for _, tokens in expected) > 1300
    with TroupeServer(tmp_path / "small.log", *WINDOW, *SMALL) as server:
        with ThreadPoolExecutor(2) as pool:  # both at once, and again with what is cached of them
            assert list(pool.map(lambda number: ask(server, number), range(2))) == expected
        assert ask(server, 1) == expected[1]
    with TroupeServer(tmp_path / "full.log", *SMALL) as server:
        refused = server.post("/v1/chat/completions",
                              {"messages": [{"role": "user", "content": story(0)}], "max_tokens": 24})
        assert refused.status_code == 400 and refused.json()["error"]["code"] == "context_length_exceeded"


def test_contradictory_windows_are_refused():
    for flags, sentence in ((("--attention-window", "15"), "narrower than a KV page of 16 tokens"),
                            (("--attention-sinks", "4"), "so set attention_window too"),
                            (("--attention-window", "-1"), "engine.attention_window")):
        run = troupe("serve", *flags)
        assert run.returncode == 2 and sentence in run.stderr


def test_the_benches_of_windows_run(tmp_path):
    report = tmp_path / "attention.json"
    run = troupe("bench", "attention", "--tokens", "2000", "--attention-window", "256", "--rounds", "1", "--json", report)
    assert run.returncode == 0 and report.stat().st_size > 0 and "decode" in run.stdout
    text = tmp_path / "text"
    text.write_text("The sea is wide and the ship is small. " * 20)
    run = troupe("bench", "perplexity", "--text", text, "--attention-window", "64", "--attention-sinks", "4")
    assert run.returncode == 0 and "window 64, sinks 4: perplexity" in run.stdout
    assert troupe("bench", "perplexity", "--text", tmp_path / "nothing").returncode != 0
