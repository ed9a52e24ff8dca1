"""The shapes of the Responses specification (openresponses.org, 2026-04-24) for what this release sends."""

NUMBER, NONE = (int, float), type(None)

RESPONSE = {
    "id": str, "object": str, "created_at": int, "completed_at": (int, NONE), "status": str, "incomplete_details": (dict, NONE),
    "model": str, "previous_response_id": (str, NONE), "instructions": (str, NONE), "output": list, "error": (dict, NONE),
    "tools": list, "tool_choice": (str, dict), "truncation": str, "parallel_tool_calls": bool, "text": dict,
    "top_p": NUMBER, "presence_penalty": NUMBER, "frequency_penalty": NUMBER, "top_logprobs": int, "temperature": NUMBER,
    "reasoning": (dict, NONE), "usage": (dict, NONE), "max_output_tokens": (int, NONE), "max_tool_calls": (int, NONE),
    "store": bool, "background": bool, "service_tier": str, "metadata": dict, "safety_identifier": (str, NONE),
    "prompt_cache_key": (str, NONE),
}
USAGE = {"input_tokens": int, "output_tokens": int, "total_tokens": int, "input_tokens_details": dict,
         "output_tokens_details": dict}
MESSAGE = {"id": str, "type": str, "status": str, "role": str, "content": list}
PART = {"type": str, "text": str, "annotations": list}
PLACE = {"item_id": str, "output_index": int, "content_index": int}
EVENTS = {
    "response.created": {"response": dict}, "response.in_progress": {"response": dict},
    "response.completed": {"response": dict}, "response.incomplete": {"response": dict},
    "response.failed": {"response": dict},
    "response.output_item.added": {"output_index": int, "item": dict},
    "response.output_item.done": {"output_index": int, "item": dict},
    "response.content_part.added": {**PLACE, "part": dict}, "response.content_part.done": {**PLACE, "part": dict},
    "response.output_text.delta": {**PLACE, "delta": str}, "response.output_text.done": {**PLACE, "text": str},
}


def check_fields(value: dict, wanted: dict, where: str, more: tuple = ()) -> list:
    problems = [f"{where} lacks {name}" for name in wanted if name not in value]
    problems += [f"{where} has {name}" for name in value if name not in wanted and name not in more]
    for name, types in wanted.items():
        if name in value and (not isinstance(value[name], types) or
                              (isinstance(value[name], bool) and types is not bool)):
            problems.append(f"{where}.{name} is {value[name]!r}")
    return problems


def check_item(item: dict) -> list:
    problems = check_fields(item, MESSAGE, "item")
    for part in item.get("content", []):
        problems += check_fields(part, PART, "part", ("logprobs",))
    return problems


def check_response(response: dict, more: tuple = ()) -> list:
    """Violations in a response object. more: names beyond the 31 that it may have."""
    problems = check_fields(response, RESPONSE, "response", more)
    if problems:
        return problems
    for item in response["output"]:
        problems += check_item(item)
    if response["usage"] is not None:
        problems += check_fields(response["usage"], USAGE, "usage")
        problems += check_fields(response["usage"]["input_tokens_details"], {"cached_tokens": int}, "details")
        problems += check_fields(response["usage"]["output_tokens_details"], {"reasoning_tokens": int}, "details")
    if response["error"] is not None:
        problems += check_fields(response["error"], {"code": str, "message": str}, "error")
    if response["incomplete_details"] is not None:
        problems += check_fields(response["incomplete_details"], {"reason": str}, "incomplete_details")
    if response["object"] != "response" or response["text"] != {"format": {"type": "text"}}:
        problems.append(f"object is {response['object']}, text {response['text']}")
    return problems


def check_event(event: dict) -> list:
    kind = event.get("type")
    if kind not in EVENTS:
        return [f"unknown event {kind}"]
    problems = check_fields(event, {"type": str, "sequence_number": int, **EVENTS[kind]}, kind, ("logprobs",))
    if "response" in event:
        problems += check_response(event["response"], ("stream_token",) if kind == "response.created" else ())
    if "item" in event:
        problems += check_item(event["item"])
    if "part" in event:
        problems += check_fields(event["part"], PART, "part", ("logprobs",))
    return problems


def check_error(error: dict) -> list:
    return check_fields(error, {"message": str, "type": str, "param": (str, NONE), "code": (str, NONE)}, "error")
