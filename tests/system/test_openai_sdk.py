"""OpenAI's own Python SDK against a running server."""

import check_events
import openai
import pytest
from troupe_server import scaled

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="unused", max_retries=0, timeout=scaled(60)) as client:
        yield client


def test_models(client, model_id):
    assert [model.id for model in client.models.list()] == [model_id]
    assert client.models.retrieve(model_id).object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_chat(client, model_id):
    answer = client.chat.completions.create(model=model_id, messages=QUESTION, temperature=0, max_tokens=40)
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.id and answer.object == "chat.completion" and answer.model == model_id
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 5 and 2 <= answer.usage.completion_tokens <= 40


def test_chat_stream(client, model_id):
    whole = client.chat.completions.create(model=model_id, messages=QUESTION, temperature=0, max_tokens=40)
    chunks = list(client.chat.completions.create(model=model_id, messages=QUESTION, temperature=0, max_tokens=40,
                                                 stream=True, stream_options={"include_usage": True}))
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert len({chunk.id for chunk in chunks}) == 1
    assert choices[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for choice in choices) == whole.choices[0].message.content
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert sum(bool(choice.delta.content) for choice in choices) > 2, "the answer came in one piece"


def test_seed_repeats_the_answer_and_another_seed_changes_it(client, model_id):
    def ask(seed):
        answer = client.chat.completions.create(
            model=model_id, messages=[{"role": "user", "content": "Write a short poem about the sea."}],
            temperature=1.0, seed=seed, max_tokens=32)
        return answer.choices[0].message.content

    assert ask(7) == ask(7)
    assert len({ask(1), ask(2), ask(3)}) > 1


def test_response(client, model_id):
    response = client.responses.create(model=model_id, input="What is the capital of France?", temperature=0,
                                       max_output_tokens=40, metadata={"purpose": "test"})
    assert "Paris" in response.output_text
    assert response.status == "completed" and response.error is None
    assert response.id.startswith("resp_") and response.metadata == {"purpose": "test"}
    assert response.max_output_tokens == 40 and response.temperature == 0
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_response_stream(client, model_id):
    with client.responses.create(model=model_id, input="What is the capital of France?", temperature=0,
                                 max_output_tokens=40, stream=True) as stream:
        events = [event.to_dict() for event in stream]
    assert check_events.check_stream(events) == []
    assert events[-1]["type"] == "response.completed"
    assert "Paris" in check_events.output_text(events[-1]["response"]["output"])
    assert len({e["response"]["id"] for e in events if "response" in e}) == 1
    assert len({e["item_id"] for e in events if "item_id" in e}) == 1


def test_response_cut_by_its_limit(client, model_id):
    with client.responses.create(model=model_id, input="Write a long story about the sea.", temperature=0,
                                 max_output_tokens=16, stream=True) as stream:
        events = [event.to_dict() for event in stream]
    assert check_events.check_stream(events) == []
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert events[-1]["response"]["usage"]["output_tokens"] == 16


def test_websocket_through_the_sdk(client, model_id):
    with client.responses.connect() as connection:
        for _ in range(2):
            connection.response.create(model=model_id, input="What is the capital of France?", temperature=0,
                                       max_output_tokens=40)
            events = []
            for event in connection:
                events.append(event.to_dict())
                if event.type in check_events.TERMINAL:
                    break
            assert check_events.check_stream(events) == []
            assert "Paris" in check_events.output_text(events[-1]["response"]["output"])


def test_three_turns_of_a_chat(client, model_id):
    messages = []
    for text in ("My name is Ada.", "What is the capital of France?", "And of Italy?"):
        messages.append({"role": "user", "content": text})
        answer = client.chat.completions.create(model=model_id, messages=messages, temperature=0, max_tokens=32)
        assert answer.choices[0].message.content
        messages.append({"role": "assistant", "content": answer.choices[0].message.content})
    assert answer.usage.prompt_tokens > 60


@pytest.mark.parametrize("fields, param", [
    ({"temperature": 3}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
    ({"n": 1000}, "n"),
    ({"stop": ["x", ""]}, "stop[1]"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logit_bias": {"x": 1}}, "logit_bias"),
    ({"logit_bias": {"99999999": 1}}, "logit_bias"),
    ({"extra_body": {"no_such_field": 1}}, "no_such_field"),
])
def test_bad_chat_requests(client, model_id, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": model_id, "messages": QUESTION, **fields})
    assert caught.value.param == param
    assert caught.value.body["message"] and caught.value.type == "invalid_request_error"


def test_bad_response_requests(client, model_id):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model_id, input="x", max_output_tokens=1)
    assert caught.value.param == "max_output_tokens"
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model_id, input="x", tools=[{"type": "web_search"}])
    assert caught.value.code == "not_supported"


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=QUESTION)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="no-such-model", input="x")


def test_a_prompt_that_does_not_fit(client, model_id):
    long = "one two three four five six seven eight nine ten " * 1000
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model_id, messages=[{"role": "user", "content": long}])
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model_id, input=long, stream=True)
    assert caught.value.code == "context_length_exceeded"


def test_max_tokens_is_kept(client, model_id):
    for limit in (1, 7):
        answer = client.chat.completions.create(
            model=model_id, messages=[{"role": "user", "content": "Count from 1 to 100, one number a line."}],
            temperature=0, max_tokens=limit)
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens == limit
