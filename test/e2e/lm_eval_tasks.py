"""Tasks of lm-evaluation-harness made from the bundled model's held-out prompts:
nothing is downloaded.

    python -m test.e2e.lm_eval_tasks FOLDER   # writes them for --include_path
"""

import json
import sys
from pathlib import Path

PROMPTS = Path(__file__).parents[1] / "models" / "tiny" / "eval.jsonl"
CHOICES = 4
DOCUMENT = 4  # prompts of a text


def records():
    return [json.loads(line) for line in PROMPTS.open()]


def choice_documents():
    """Each prompt with its answer among those to others of its kind."""
    by_kind = {}
    for record in records():
        by_kind.setdefault(record["kind"], []).append(record)
    for kind in by_kind.values():
        for i, record in enumerate(kind):
            answers = [record["answer"]]
            for j in range(1, len(kind)):
                other = kind[(i + j) % len(kind)]["answer"]
                if other not in answers and len(answers) < CHOICES:
                    answers.append(other)
            turn = i % len(answers)
            choices = answers[turn:] + answers[:turn]
            yield {"prompt": record["prompt"], "choices": choices,
                   "label": choices.index(record["answer"])}


def text_documents():
    lines = [record["prompt"] + record["answer"] for record in records()]
    for i in range(0, len(lines), DOCUMENT):
        yield {"text": "\n".join(lines[i:i + DOCUMENT])}


def mean(name):
    return {"metric": name, "aggregation": "mean", "higher_is_better": True}


TASKS = {
    "tiny_choices": (choice_documents, {
        "output_type": "multiple_choice", "doc_to_text": "{{prompt}}",
        "doc_to_choice": "choices", "doc_to_target": "label",
        "target_delimiter": "",
        "metric_list": [mean("acc"), mean("acc_norm")]}),
    "tiny_texts": (text_documents, {
        "output_type": "loglikelihood_rolling", "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": m} for m in (
            "word_perplexity", "byte_perplexity", "bits_per_byte")]}),
    "tiny_answers": (records, {
        "output_type": "generate_until", "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{answer}}", "target_delimiter": "",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 48,
                              "do_sample": False},
        "metric_list": [mean("exact_match")]})}


def write(folder):
    """One .yaml (JSON is YAML) and one .jsonl a task."""
    folder = Path(folder).resolve()
    folder.mkdir(exist_ok=True)
    for name, (documents, task) in TASKS.items():
        data = folder / f"{name}.jsonl"
        data.write_text("".join(json.dumps(d) + "\n" for d in documents()))
        (folder / f"{name}.yaml").write_text(json.dumps({
            "task": name, "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data)}},
            "test_split": "test", "num_fewshot": 0, **task,
            "metadata": {"version": 1.0}}))


if __name__ == "__main__":
    write(sys.argv[1])
