"""Chat templates against jinja2, set up as transformers sets it up."""

import json
import os
import pathlib
import subprocess

import pytest

from chat_templates import R1, V25, conversations
from random_templates import VARIABLES, templates
from test_tokenizer_reference import ROOT, TOOL, released_folder

jinja2 = pytest.importorskip("jinja2", reason="SKIPPED: the package `jinja2` is not installed")
import jinja2.ext  # noqa: E402
import jinja2.sandbox  # noqa: E402


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                        extensions=[jinja2.ext.loopcontrols])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda form: __import__("datetime").datetime.now().strftime(form)
    return made


def reference(env, source, variables):
    """("text", ...) or ("error", ...)."""
    try:
        return "text", env.from_string(source).render(**variables)
    except Exception as error:  # noqa: BLE001: Python's own errors among them
        return "error", repr(error)


def rendered(pairs, folder):
    """The same for (template, variables); ("refused", ...) too."""
    file = folder / "lines"
    file.write_text("".join(json.dumps({"template": t, "variables": v}, ensure_ascii=False) + "\n" for t, v in pairs))
    result = subprocess.run([TOOL.parent / "template-tool", file], capture_output=True, timeout=600)
    assert result.returncode == 0, result.stderr.decode()
    return [next(iter(json.loads(line).items())) for line in result.stdout.decode().split("\n")[:-1]]


def template_of(folder):
    return json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]


SOURCES = {
    "V2": lambda: template_of(released_folder("v2")),
    "bundled": lambda: template_of(ROOT / "test/models/tiny"),
    "V2.5": lambda: V25,
    "V3": lambda: template_of(released_folder("v3")),
    "R1": lambda: R1,
}


@pytest.mark.parametrize("name", SOURCES)
def test_released_templates(name, tmp_path):
    source, env = SOURCES[name](), environment()
    pairs = [(source, variables) for variables in conversations(5, 1000)]
    got = rendered(pairs, tmp_path)
    expected = [reference(env, source, variables) for _, variables in pairs]
    wrong = [(v, e, g) for (_, v), e, g in zip(pairs, expected, got, strict=True)
             if e[0] != g[0] or (e[0] == "text" and e[1] != g[1])]
    assert not wrong, f"{len(wrong)} of {len(pairs)} differ, such as {min(wrong, key=lambda w: len(str(w[0])))}"
    texts = sum(kind == "text" for kind, _ in expected)
    assert texts > 500, "most conversations must render"


def test_random_templates(tmp_path):
    """Equal text, or an error on both sides. What is not supported may be refused, but not often."""
    env = environment()
    pairs = [(source, VARIABLES) for source in templates(6, 2000)]
    got = rendered(pairs, tmp_path)
    wrong, refused, unlike = [], 0, 0
    for (source, variables), (kind, text) in zip(pairs, got, strict=True):
        expected = reference(env, source, variables)
        refused += kind == "refused" and expected[0] == "text"
        # Some values of Python's are not supported when rendering, and say so.
        unlike += kind == "error" and expected[0] == "text"
        if kind == "text" and expected != (kind, text):
            wrong.append((source, expected, text))
        if kind == "error" and expected[0] == "text" and "unsupported" not in text and " here" not in text:
            wrong.append((source, expected, text))
    assert not wrong, f"{len(wrong)} of {len(pairs)} differ, such as {min(wrong, key=lambda w: len(w[0]))}"
    assert refused < 10 and unlike < 60, (refused, unlike)


def test_time(tmp_path):
    import time
    before = time.strftime("%Y-%m-%d %d %B %Y")
    (kind, text), = rendered([("{{ strftime_now('%Y-%m-%d %d %B %Y') }}", {})], tmp_path)
    assert kind == "text" and text in (before, time.strftime("%Y-%m-%d %d %B %Y"))
