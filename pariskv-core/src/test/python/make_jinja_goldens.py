#!/usr/bin/env python3
"""Writes the golden files of the chat template tests. Run by hand; the tests need no Python.

jinja2 is set up as transformers does in _compile_jinja_template. Needs jinja2 3.1.6:

    python3 pariskv-core/src/test/python/make_jinja_goldens.py

cases.json is a list of groups, {group, variables, cases: [{template, output} or {template, error, message}]}.
conversations.json is {variables: {conversation: variables}, results: {template file: {conversation: result}}}.
The kind of an error is for the reader: the tests ask that there is one, and compare what raise_exception says.
"""

import datetime
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jinja_builtins import BUILTINS
from jinja_conversations import CONVERSATIONS
from jinja_edges import EDGES
from jinja_language import LANGUAGE

RESOURCES = pathlib.Path(__file__).parent.parent / "resources" / "jinja"
NOW = datetime.datetime(2025, 3, 7, 9, 5, 2, 41)


class Generation(jinja2.ext.Extension):
    """{% generation %} as a call block, as the AssistantTracker of transformers has it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_support"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _support(self, context, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


def run(env, template, variables):
    try:
        return {"output": env.from_string(template).render(**variables)}
    except Exception as e:  # any failure is what the case is about
        return {"error": type(e).__name__, "message": str(e)}


def write(name, content):
    (RESOURCES / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def main():
    assert jinja2.__version__ == "3.1.6", f"jinja2 3.1.6 is needed, but {jinja2.__version__} is installed"
    env = environment()
    groups = [
        {
            "group": group,
            "variables": variables,
            "cases": [{"template": template, **run(env, template, variables)} for template in templates],
        }
        for group, variables, templates in LANGUAGE + BUILTINS + EDGES
    ]
    write("cases.json", groups)

    config = pathlib.Path(__file__).parents[4] / "models" / "recall-12m" / "tokenizer_config.json"
    sources = {path.name: path.read_text() for path in sorted((RESOURCES / "templates").glob("*.jinja"))}
    sources["tokenizer_config.json"] = json.loads(config.read_text())["chat_template"]
    results = {
        file: {name: run(env, source, variables) for name, variables in CONVERSATIONS.items()}
        for file, source in sources.items()
    }
    write("conversations.json", {"variables": CONVERSATIONS, "results": results})


if __name__ == "__main__":
    main()
