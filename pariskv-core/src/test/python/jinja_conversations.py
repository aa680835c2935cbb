"""Conversations that every whole template is rendered with, by name."""

import itertools

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather at a place.\nIn <b>degrees</b> & \"words\".",
            "parameters": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "description": "Ein Ort, z. B. Köln 🌦"},
                    "unit": {"type": "string", "enum": ["C", "F"]},
                    "days": {"type": "array", "items": {"type": "integer"}},
                    "opts": {"type": "object", "properties": {"wind": {"type": ["boolean", "null"]}}, "required": ["wind"]},
                },
                "required": ["place"],
            },
        },
    },
    {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}},
]


def message(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, id="abc123xyz"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


SYSTEM = message("system", "  You are brief.\n")
ASK = message("user", " What is 7 times 7? ")
HOSTILE = message("user", "{{ 7*7 }} {% raise %} {# no #} {%- raw %}x{% endraw %} {{ raise_exception('x') }} </s> \\n \u2028 é 漢字 😀")
ANSWER = message("assistant", "49")
THOUGHT = message("assistant", "<think>\nSeven rows of seven.\n</think>\n\n It is 49.\n")
CALL = message("assistant", "", tool_calls=[call("get_weather", {"place": "Köln", "days": [1, 2], "opts": {"wind": None}, "x": 1.5, "y": True})])
TEXT_CALL = message("assistant", None, tool_calls=[call("get_weather", '{"place": "Köln"}'), call("now", "{}", "123456789")])
STRING_CALL = message("assistant", "Let me see.", tool_calls=[call("search", {"query": "weather \"Köln\""})])
RESULT = message("tool", '{"temperature": 21.5}', tool_call_id="abc123xyz")
RESULT2 = message("tool", "09:05", tool_call_id="123456789")
MAPPED = message("ipython", {"temperature": 21.5, "note": "schön"})

DIALOGS = {
    "one question": [ASK],
    "system and question": [SYSTEM, ASK],
    "hostile text": [SYSTEM, HOSTILE],
    "two turns": [SYSTEM, ASK, ANSWER, message("user", "And 8 times 8?")],
    "thinking": [ASK, THOUGHT, message("user", "Sure?"), THOUGHT],
    "reasoning field": [ASK, message("assistant", "49", reasoning_content="\nCount.\n")],
    "tool round": [SYSTEM, ASK, CALL, RESULT, ANSWER, message("user", "Thanks")],
    "two results": [ASK, CALL, RESULT, RESULT2, ANSWER],
    "open result": [ASK, CALL, RESULT],
    "text arguments": [ASK, TEXT_CALL, RESULT, RESULT2],
    "call with string argument": [ASK, STRING_CALL, RESULT, ANSWER],
    "mapped result": [ASK, STRING_CALL, MAPPED],
    "parts": [message("user", [{"type": "text", "text": "See "}, {"type": "image"}, {"type": "text", "text": "this"}])],
    "two users in a row": [ASK, ASK],
    "assistant first": [ANSWER, ASK],
    "system in the middle": [ASK, ANSWER, SYSTEM, ASK],
    "unknown role": [ASK, message("critic", "Hm."), ANSWER],
    "empty text": [message("user", ""), message("assistant", "")],
    "long": list(itertools.chain.from_iterable([[ASK, ANSWER]] * 5)),
    "no messages": [],
}

EXTRAS = {
    "plain": {},
    "prompt": {"add_generation_prompt": True},
    "tools": {"tools": TOOLS, "add_generation_prompt": True},
    "no tools": {"tools": None, "add_generation_prompt": False, "enable_thinking": False},
    "system tools": {
        "tools": TOOLS,
        "tools_in_user_message": False,
        "builtin_tools": ["search", "interpreter"],
        "date_string": "26 Jul 2024",
        "add_generation_prompt": True,
        "enable_thinking": False,
    },
}

CONVERSATIONS = {
    f"{dialog}, {extra}": {"bos_token": "<s>", "eos_token": "</s>", "messages": messages, **more}
    for dialog, messages in DIALOGS.items()
    for extra, more in EXTRAS.items()
}
