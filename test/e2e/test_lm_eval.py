"""lm-evaluation-harness gives the same figures for a compiled file and for the
checkpoint with transformers."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from test.e2e import lm_eval_tasks

ROOT = Path(__file__).parents[2]
DEADLINE = 1200

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None,
                       reason="lm_eval is not installed")]


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """evaluate(model, arguments, *options, tasks=all): the results of the tasks,
    by the command that a user runs."""
    folder = tmp_path_factory.mktemp("tasks")
    lm_eval_tasks.write(folder)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1",
                   "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "home"),
                   "PYTHONPATH": str(ROOT / "python-bindings")}

    def run(model, arguments, *options, tasks=lm_eval_tasks.TASKS):
        out = tmp_path_factory.mktemp("results")
        done = subprocess.run(
            [sys.executable, "-m", "dsv2.lm_eval_model", "run",
             "--model", model, "--model_args", arguments,
             "--tasks", ",".join(tasks),
             "--include_path", folder, "--output_path", out, *options],
            env=environment, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, done.stderr[-3000:]
        [file] = out.rglob("results_*.json")
        results = json.loads(file.read_text())
        return {task: {name.partition(",")[0]: value
                       for name, value in values.items()
                       if isinstance(value, float) and "stderr" not in name}
                for task, values in results["results"].items()}
    return run


def transformers_arguments(folder, dtype):
    return (f"pretrained={folder},dtype={dtype},add_bos_token=True,"
            "attn_implementation=eager,experts_implementation=eager")


def test_f32_figures_are_transformers(compiled, tiny_model, evaluate):
    model = compiled.folder_of(tiny_model, "--target=native", "--dtype=f32")
    ours = evaluate("dsv2", f"file={model.path}")
    theirs = evaluate("hf", transformers_arguments(tiny_model, "float32"),
                      "--device", "cpu", "--batch_size", "8")
    assert set(ours) == set(theirs) == set(lm_eval_tasks.TASKS)
    for task, figures in theirs.items():
        assert figures and ours[task] == pytest.approx(figures, rel=2e-5), task
    assert ours["tiny_choices"]["acc"] > 0.9
    assert ours["tiny_answers"]["exact_match"] > 0.9


def test_conversations_are_transformers(compiled, tiny_model, evaluate):
    """Prompts as turns of a user, in the model's template."""
    model = compiled.folder_of(tiny_model, "--target=native", "--dtype=f32")
    tasks = ["tiny_choices", "tiny_answers"]
    options = ["--apply_chat_template", "--fewshot_as_multiturn",
               "--system_instruction", "answer", "--num_fewshot", "2"]
    ours = evaluate("dsv2", f"file={model.path}", *options, tasks=tasks)
    theirs = evaluate("hf", transformers_arguments(tiny_model, "float32"),
                      "--device", "cpu", "--batch_size", "8", *options,
                      tasks=tasks)
    assert set(ours) == set(theirs) == set(tasks)
    for task, figures in theirs.items():
        assert figures and ours[task] == pytest.approx(figures, rel=2e-5), task


@pytest.fixture
def adapter(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "python-bindings")
    return importlib.import_module("dsv2.lm_eval_model").CompiledModel


def test_a_text_begins_once(adapter, tiny, monkeypatch):
    """A rendered prompt has the token that begins texts, others get it."""
    model, answers = adapter(tiny.path), []
    lines = model._lines
    monkeypatch.setattr(model, "_lines", lambda *arguments: answers.extend(
        lines(*arguments)) or answers[-1:])
    rendered = model.apply_chat_template([{"role": "user", "content": "a"}])
    for text, options in ((rendered, ["--no-bos"]), ("a", [])):
        model.generate_until([SimpleNamespace(args=(text, {
            "max_gen_toks": 1}))])
        ids = tiny.run("tokenize", *options, "--text", text).split(",")
        assert answers[-1]["prompt_tokens"] == len(ids)


def test_templates_are_transformers(adapter, tiny, tiny_model, tmp_path):
    from transformers import AutoTokenizer
    theirs = AutoTokenizer.from_pretrained(tiny_model)
    strict = tmp_path / "strict.jinja"
    strict.write_text("{% for m in messages %}{% if m.role == 'system' %}"
                      "{{ raise_exception('no system') }}{% endif %}"
                      "<{{ m.content.strip() }}>{% endfor %}"
                      "{% if add_generation_prompt %}:{% endif %}")
    system, user = ({"role": r, "content": f" {r} é\n"}
                    for r in ("system", "user"))
    for source, options in ((None, {}), (strict.read_text(),
                                         {"chat_template": strict})):
        ours = adapter(tiny.path, **options)
        assert ours.chat_template(True) == (source or theirs.chat_template)
        for end in ("Answer: ", "Answer", " \n", ""):
            talk = [system, user, {"role": "assistant", "content": "a b"}, user,
                    {"role": "assistant", "content": end}]
            for count in (2, 4, 5):
                for prompt in (True, False):
                    kept = talk[0 if source is None else 1:count]
                    assert ours.apply_chat_template(talk[:count], prompt) == \
                        theirs.apply_chat_template(
                            kept, chat_template=source, tokenize=False,
                            add_generation_prompt=prompt,
                            continue_final_message=not prompt)
    with pytest.raises(ValueError, match="has one, called default"):
        ours.chat_template("tool_use")


@pytest.mark.slow
def test_bf16_figures_are_close(tiny, tiny_model, evaluate):
    """Where rounding decides a prompt, it may decide otherwise."""
    ours = evaluate("dsv2", f"file={tiny.path}")
    theirs = evaluate("hf", transformers_arguments(tiny_model, "bfloat16"),
                      "--device", "cpu", "--batch_size", "8")
    documents = len(lm_eval_tasks.records())
    for name in ("acc", "acc_norm"):
        assert ours["tiny_choices"][name] == pytest.approx(
            theirs["tiny_choices"][name], abs=3 / documents)
    assert ours["tiny_answers"]["exact_match"] == pytest.approx(
        theirs["tiny_answers"]["exact_match"], abs=3 / documents)
    assert ours["tiny_texts"]["bits_per_byte"] == pytest.approx(
        theirs["tiny_texts"]["bits_per_byte"], rel=5e-3)


def test_impossible_arguments_are_named(evaluate, tiny, tmp_path):
    with pytest.raises(AssertionError, match="generation_kwargs: expected"):
        evaluate("dsv2", f"file={tiny.path}", "--gen_kwargs", "num_beams=4")
    with pytest.raises(AssertionError, match="--context: compiled for at most"):
        evaluate("dsv2", f"file={tiny.path},max_length=10000000")
