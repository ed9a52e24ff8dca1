"""A short load: every stream whole, the queue bounded, memory flat, and a report that is right about it."""

import json

import pytest
from load_tool import ServerWatch, bench_serve
from troupe_server import scaled

STREAMS = 60
SECONDS = 15
KV_CACHE_MIB = 64


@pytest.mark.limit_s(120)
@pytest.mark.parametrize("api", ["responses", "chat"])
def test_sixty_streams(start_server, tmp_path, api):
    seconds = SECONDS if api == "responses" else 5
    server = start_server("--requests-max", "64", "--sse-comment-ms", "500", "--kv-cache-mib", str(KV_CACHE_MIB))
    page = tmp_path / "load.html"
    with ServerWatch(server) as watch:
        report = bench_serve(
            server, tmp_path, "--api", api, "--concurrency", str(STREAMS), "--duration", str(seconds), "--warmup", "1",
            "--prompt-tokens", "lognormal:16:0.5:64", "--max-tokens", "uniform:16:24", "--seed", "3",
            "--html", str(page), timeout_s=scaled(90))
    result = report["result"]
    # Whole: bench serve fails a stream whose numbers have a gap, whose deltas are not its text, or that has no end.
    assert report["exit_code"] == 0, report["printed"]
    assert result["failed"] == 0 and result["errors"] == {}
    assert result["requests"] >= STREAMS
    assert result["in_flight_max"] == STREAMS
    # Nothing lost on the server's side either: every request that was accepted has ended, once.
    metrics = server.metrics()
    assert metrics.total("troupe_request_success_total") == result["requests"]
    assert metrics.total("troupe_ledger_entries") == 0
    assert metrics.total("troupe_requests_rejected_total") == 0
    # Bounded, and flat once what has ended fills the pages.
    assert watch.most("entries") <= 64
    assert watch.most("running") <= 32  # engine.max_batch_size
    assert watch.most("waiting") <= 64
    assert watch.growth_kib() < (KV_CACHE_MIB + 8) * 1024
    assert page.read_text().count("<svg") == 5


def test_more_than_the_server_takes(start_server, tmp_path):
    """With fewer places than streams some are refused, by a typed error that the report names; nobody hangs."""
    server = start_server("--requests-max", "4")
    report = bench_serve(server, tmp_path, "--concurrency", "12", "--requests", "40", "--prompt-tokens", "8",
                         "--max-tokens", "4", timeout_s=scaled(60))
    result = report["result"]
    assert report["exit_code"] == 1
    assert set(result["error_kinds"]) == {"http_429"}
    assert result["failed"] + result["completed"] == 40 and result["completed"] >= 4
    assert server.metrics().total("troupe_request_success_total") == result["completed"]


def test_open_loop_and_goodput(server, tmp_path):
    report = bench_serve(server, tmp_path, "--rate", "4", "--requests", "12", "--prompt-tokens", "8", "--max-tokens", "4",
                         "--goodput", "ttft:60000,e2e:60000", timeout_s=scaled(60))
    result = report["result"]
    assert report["exit_code"] == 0, report["printed"]
    assert result["goodput"]["share"] == 1
    for name in ("first_token_ms", "between_tokens_ms", "per_token_ms", "end_to_end_ms"):
        latency = result[name]
        assert 0 <= latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"], name
        assert len(latency["percentiles_0_to_100"]) == 101
    strict = bench_serve(server, tmp_path, "--requests", "3", "--max-tokens", "4", "--goodput", "e2e:0.001",
                         timeout_s=scaled(60))
    assert strict["result"]["goodput"]["share"] == 0


def test_prompts_from_a_file(server, tmp_path):
    lines = tmp_path / "prompts.jsonl"
    lines.write_text("".join(json.dumps({"prompt": f"Name river {n}.", "max_tokens": 3}) + "\n" for n in range(4)))
    shared = tmp_path / "shared.json"
    shared.write_text(json.dumps([{"conversations": [{"from": "human", "value": "Name a river."},
                                                     {"from": "gpt", "value": "The Elbe."}]},
                                  {"conversations": []}]))
    for path, tokens in ((lines, 3), (shared, 2)):  # 9 bytes of an answer: 2 tokens
        report = bench_serve(server, tmp_path, "--prompts", str(path), "--requests", "5", timeout_s=scaled(60))
        assert report["exit_code"] == 0, report["printed"]
        assert report["result"]["output_tokens"] <= 5 * tokens
