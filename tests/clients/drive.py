"""Asks a server with a vendor's own client and prints what the client made of the answers."""

import json
import sys

CLIENT, TOLD = sys.argv[1], json.loads(sys.argv[2])
SERVERS, PROMPT, MODEL = TOLD["servers"], TOLD["prompt"], TOLD["model"]
NO_RETRIES = {"max_retries": 0, "timeout": 60}


def error(ask):
    """The class of what is raised and its status, or what was returned instead."""
    try:
        return {"returned": str(ask())}
    except Exception as raised:  # whatever it is, its name is what is asked for
        status = getattr(raised, "status_code", getattr(raised, "code", None))
        return {"raised": type(raised).__name__, "status": status, "said": str(raised)[:300]}


def openai_client():
    import openai

    def client(name):
        return openai.OpenAI(base_url=SERVERS[name] + "/v1", api_key="none", **NO_RETRIES)

    plain = client("plain")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]

    def chat(client, **more):
        return client.chat.completions.create(model=MODEL, messages=messages, **more)

    def respond(client, **more):
        return client.responses.create(
            model=MODEL, input=[messages[1]], instructions="Be brief.", **more
        )

    said = {}
    whole = chat(plain, max_completion_tokens=64)
    said["chat"] = {
        "type": type(whole).__name__,
        "text": whole.choices[0].message.content,
        "finish": whole.choices[0].finish_reason,
        "prompt": whole.usage.prompt_tokens,
        "output": whole.usage.completion_tokens,
        "cached": whole.usage.prompt_tokens_details.cached_tokens,
        "model": whole.model,
    }
    chunks = list(chat(plain, stream=True, stream_options={"include_usage": True}))
    spoken = [chunk.choices[0] for chunk in chunks if chunk.choices]
    said["chat_stream"] = {
        "type": type(chunks[0]).__name__,
        "text": "".join(choice.delta.content or "" for choice in spoken),
        "finish": [choice.finish_reason for choice in spoken if choice.finish_reason],
        "prompt": chunks[-1].usage.prompt_tokens,
    }
    cut = chat(plain, max_tokens=1)
    said["chat_cut"] = {"finish": cut.choices[0].finish_reason, "output": cut.usage.completion_tokens}
    whole = respond(plain)
    said["responses"] = {
        "type": type(whole).__name__,
        "text": whole.output_text,
        "status": whole.status,
        "prompt": whole.usage.input_tokens,
        "output": whole.usage.output_tokens,
        "items": [type(item).__name__ for item in whole.output],
    }
    events = list(respond(plain, stream=True))
    said["responses_stream"] = {
        "types": sorted({type(event).__name__ for event in events}),
        "numbers": [event.sequence_number for event in events] == list(range(len(events))),
        "text": "".join(e.delta for e in events if e.type == "response.output_text.delta"),
        "last": events[-1].type,
        "final": events[-1].response.output_text,
        "prompt": events[-1].response.usage.input_tokens,
    }
    with plain.responses.stream(model=MODEL, input=PROMPT) as stream:
        for _ in stream:
            pass
        said["responses_helper"] = {"text": stream.get_final_response().output_text}
    cut = respond(plain, max_output_tokens=1)
    said["responses_cut"] = {"status": cut.status, "why": cut.incomplete_details.reason}
    counted = plain.responses.input_tokens.count(model=MODEL, input=PROMPT, instructions="Be brief.")
    said["count"] = counted.input_tokens
    said["models"] = [type(plain.models.list().data[0]).__name__, plain.models.retrieve(MODEL).id]
    for name in ["400", "401", "404", "429", "500", "503"]:
        said[f"error_{name}"] = error(lambda: chat(client(name)))
    said["error_responses"] = error(lambda: respond(client("429")))
    said["error_narrow"] = error(lambda: chat(client("narrow")))
    said["error_narrow_responses"] = error(lambda: respond(client("narrow")))
    said["error_late"] = error(lambda: list(chat(client("late"), stream=True)))
    reasoned = respond(client("reasons"), max_output_tokens=20)
    said["reasons"] = {
        "items": [type(item).__name__ for item in reasoned.output],
        "status": reasoned.status,
        "reasoning": reasoned.usage.output_tokens_details.reasoning_tokens,
    }
    torn = list(chat(client("torn"), stream=True))
    said["torn"] = "".join(c.choices[0].delta.content or "" for c in torn if c.choices)
    return said


def anthropic_client():
    import anthropic

    def client(name):
        return anthropic.Anthropic(base_url=SERVERS[name], api_key="none", **NO_RETRIES)

    plain = client("plain")
    messages = [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]

    def ask(client, max_tokens=64, **more):
        return client.messages.create(
            model=MODEL, max_tokens=max_tokens, system="Be brief.", messages=messages, **more
        )

    said = {}
    whole = ask(plain)
    said["message"] = {
        "type": type(whole).__name__,
        "blocks": [type(block).__name__ for block in whole.content],
        "text": whole.content[0].text,
        "stop": whole.stop_reason,
        "input": whole.usage.input_tokens,
        "read": whole.usage.cache_read_input_tokens,
        "output": whole.usage.output_tokens,
        "model": whole.model,
        "id": whole._request_id is not None,
    }
    events = list(ask(plain, stream=True))
    said["stream"] = {
        "types": [type(event).__name__ for event in events if event.type != "content_block_delta"],
        "text": "".join(e.delta.text for e in events if e.type == "content_block_delta"),
    }
    with plain.messages.stream(
        model=MODEL, max_tokens=64, system="Be brief.", messages=messages
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    said["helper"] = {
        "text": text,
        "final": final.content[0].text,
        "stop": final.stop_reason,
        "input": final.usage.input_tokens + final.usage.cache_read_input_tokens,
        "output": final.usage.output_tokens,
    }
    said["cut"] = ask(plain, max_tokens=1).stop_reason
    counted = plain.messages.count_tokens(model=MODEL, system="Be brief.", messages=messages)
    said["count"] = counted.input_tokens
    listed, one = plain.models.list().data[0], plain.models.retrieve(MODEL)
    said["models"] = [type(listed).__name__, listed.id, one.max_input_tokens, one.lifecycle]
    for name in ["400", "401", "404", "413", "429", "500", "529"]:
        said[f"error_{name}"] = error(lambda: ask(client(name)))
    said["error_narrow"] = error(lambda: ask(client("narrow")))
    said["error_late"] = error(lambda: list(ask(client("late"), stream=True)))
    reasoned = ask(client("reasons"), max_tokens=20)
    said["reasons"] = {
        "blocks": [type(block).__name__ for block in reasoned.content],
        "stop": reasoned.stop_reason,
        "thinking": reasoned.usage.output_tokens_details.thinking_tokens,
    }
    with client("torn").messages.stream(model=MODEL, max_tokens=64, messages=messages) as stream:
        said["torn"] = "".join(stream.text_stream)
    return said


def ollama_client():
    import ollama

    def client(name):
        return ollama.Client(host=SERVERS[name], timeout=60)

    plain = client("plain")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]

    def ask(client, **more):
        return client.chat(model=MODEL, messages=messages, **more)

    said = {"ps_before": len(plain.ps().models)}
    whole = ask(plain, options={"num_ctx": 8192})
    said["chat"] = {
        "type": type(whole).__name__,
        "text": whole.message.content,
        "done": [whole.done, whole.done_reason],
        "prompt": whole.prompt_eval_count,
        "output": whole.eval_count,
    }
    lines = list(ask(plain, stream=True))
    said["stream"] = {
        "text": "".join(line.message.content for line in lines),
        "done": [line.done for line in lines] == [False] * (len(lines) - 1) + [True],
        "reason": lines[-1].done_reason,
        "prompt": lines[-1].prompt_eval_count,
    }
    said["cut"] = ask(plain, options={"num_predict": 1}).done_reason
    half = ask(plain, options={"num_ctx": 64})
    said["half"] = {"prompt": half.prompt_eval_count, "loaded": plain.ps().models[0].context_length}
    shown = plain.show(MODEL)
    said["show"] = [v for k, v in shown.modelinfo.items() if k.endswith(".context_length")]
    said["list"] = plain.list().models[0].model
    for name in ["400", "404", "429", "500", "503"]:
        said[f"error_{name}"] = error(lambda: ask(client(name)))
    said["error_late"] = error(lambda: list(ask(client("late"), stream=True)))
    reasoned = ask(client("reasons"), options={"num_predict": 20})
    said["reasons"] = [bool(reasoned.message.thinking), reasoned.message.content, reasoned.done_reason]
    said["torn"] = "".join(line.message.content for line in ask(client("torn"), stream=True))
    return said


def gemini_client():
    from google import genai
    from google.genai import types

    def client(name):
        return genai.Client(api_key="none", http_options={"base_url": SERVERS[name]})

    plain = client("plain")

    def config(tokens=64):
        return types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=tokens)

    def ask(client, tokens=64):
        return client.models.generate_content(model=MODEL, contents=PROMPT, config=config(tokens))

    def stream(client):
        return list(
            client.models.generate_content_stream(model=MODEL, contents=PROMPT, config=config())
        )

    said = {}
    whole = ask(plain)
    said["content"] = {
        "type": type(whole).__name__,
        "text": whole.text,
        "finish": whole.candidates[0].finish_reason.name,
        "prompt": whole.usage_metadata.prompt_token_count,
        "output": whole.usage_metadata.candidates_token_count,
        "model": whole.model_version,
    }
    chunks = stream(plain)
    said["stream"] = {
        "text": "".join(chunk.text or "" for chunk in chunks),
        "finish": chunks[-1].candidates[0].finish_reason.name,
        "prompt": chunks[-1].usage_metadata.prompt_token_count,
    }
    said["cut"] = ask(plain, tokens=1).candidates[0].finish_reason.name
    said["count"] = plain.models.count_tokens(model=MODEL, contents=PROMPT).total_tokens
    said["model"] = plain.models.get(model=MODEL).input_token_limit
    for name in ["400", "404", "429", "500", "503"]:
        said[f"error_{name}"] = error(lambda: ask(client(name)))
    said["error_narrow"] = error(lambda: ask(client("narrow")))
    said["error_late"] = error(lambda: stream(client("late")))
    reasoned = ask(client("reasons"), tokens=20)
    said["reasons"] = [
        reasoned.text,
        reasoned.candidates[0].finish_reason.name,
        reasoned.usage_metadata.thoughts_token_count,
    ]
    said["torn"] = "".join(chunk.text or "" for chunk in stream(client("torn")))
    return said


CLIENTS = {
    "openai": openai_client,
    "anthropic": anthropic_client,
    "ollama": ollama_client,
    "google-genai": gemini_client,
}
print(json.dumps(CLIENTS[CLIENT]()))
