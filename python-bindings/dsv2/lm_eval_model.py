"""Compiled files as models of lm-evaluation-harness.

    python -m dsv2.lm_eval_model run --model dsv2 \\
        --model_args file=./chat --tasks arc_easy

is the command `lm_eval` with one more model, `dsv2`; importing this module
registers it too. All requests of a kind go to one run of the compiled file, as
JSON lines. It batches by itself: --batch_size changes nothing.
"""

import json
import logging
import subprocess
import tempfile
from pathlib import Path

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from tqdm import tqdm

logger = logging.getLogger(__name__)

DEFAULT_NEW_TOKENS = 256  # as lm_eval's own models have it


@register_model("dsv2")
class CompiledModel(LM):
    """`file`: the compiled file. `max_length`: tokens of the context, less than
    it was compiled for. `max_batch`, `threads`, `cache_memory`: its options.
    `add_bos_token=False`: texts do not begin with the model's token for it."""

    def __init__(self, file, max_length=None, max_batch=None, threads=None,
                 cache_memory=None, add_bos_token=True, batch_size=None,
                 max_batch_size=None, device=None):
        super().__init__()
        self.file = str(Path(file).resolve())
        options = {"--context": max_length, "--max-batch": max_batch,
                   "--threads": threads, "--cache-memory": cache_memory}
        self.options = [str(part) for option in options.items()
                        if option[1] is not None for part in option]
        if not add_bos_token:
            self.options.append("--no-bos")

    def _lines(self, command, requests, what, disable_tqdm):
        """The objects that `command` answers to `requests`, in their order."""
        with (tempfile.TemporaryFile() as lines,
              tempfile.TemporaryFile() as errors):
            for request in requests:
                lines.write(json.dumps(request).encode() + b"\n")
            lines.seek(0)
            with subprocess.Popen(
                    [self.file, *command, *self.options], stdin=lines,
                    stdout=subprocess.PIPE, stderr=errors) as process:
                answers = [json.loads(line) for line in tqdm(
                    process.stdout, total=len(requests), desc=what,
                    disable=disable_tqdm)]
            errors.seek(0)
            message = errors.read().decode(errors="replace").strip()
        for request, answer in zip(requests, answers):
            if "error" in answer:
                message = f"{answer['error']}: {json.dumps(request)[:200]}"
                break
        if process.returncode != 0:
            raise RuntimeError(message or f"{self.file} {command[0]} ends with "
                                          f"status {process.returncode}")
        if len(answers) != len(requests):
            raise RuntimeError(f"{self.file} {command[0]} answers {len(answers)}"
                               f" of {len(requests)} requests")
        return answers

    def _scores(self, requests, disable_tqdm):
        answers = self._lines(["score", "--truncate"], requests,
                              "Running score", disable_tqdm)
        cut = sum("truncated" in answer for answer in answers)
        if cut:
            logger.warning("%d contexts are longer than the model's and lost "
                           "their beginning", cut)
        # JSON has no infinity.
        return [(float("-inf") if answer["log_likelihood"] is None
                 else answer["log_likelihood"], answer["is_greedy"])
                for answer in answers]

    def loglikelihood(self, requests, disable_tqdm=False):
        scores = self._scores(
            [{"context": context, "continuation": continuation}
             for context, continuation in (r.args for r in requests)],
            disable_tqdm)
        for request, score in zip(requests, scores):
            self.cache_hook.add_partial("loglikelihood", request.args, score)
        return scores

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        scores = self._scores([{"text": r.args[0]} for r in requests],
                              disable_tqdm)
        for request, (score, _) in zip(requests, scores):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args,
                                        score)
        return [score for score, _ in scores]

    def generate_until(self, requests, disable_tqdm=False):
        answers = self._lines(
            ["generate", "--prompts", "-"],
            [{"prompt": r.args[0], **sampling_of(r.args[1])} for r in requests],
            "Running generate", disable_tqdm)
        texts = [answer["text"] for answer in answers]
        for request, text in zip(requests, texts):
            self.cache_hook.add_partial("generate_until", request.args, text)
        return texts

    def get_model_info(self):
        """What lm_eval records beside the results."""
        info = json.loads(subprocess.run(
            [self.file, "info", "--json"], capture_output=True,
            check=True).stdout)
        return {"model_dtype": info["dtype"], "model_sha": info["hash"]}


def sampling_of(arguments):
    """The compiled file's words for a task's `generation_kwargs`. Raises for
    what it cannot do."""
    known = normalize_gen_kwargs(arguments, DEFAULT_NEW_TOKENS)
    until = known.pop("until", None) or []
    sampling = {"max_tokens": known.pop("max_gen_toks"),
                "temperature": known.pop("temperature", 0.0),
                # An empty one ends nothing.
                "stop": [stop for stop in
                         ([until] if isinstance(until, str) else until)
                         if stop]}
    known.pop("do_sample", None)
    for name in ("top_p", "top_k"):
        if name in known:
            sampling[name] = known.pop(name)
    if known:
        raise ValueError("generation_kwargs: expected until, max_gen_toks, "
                         "do_sample, temperature, top_p and top_k, got "
                         + ", ".join(sorted(known)))
    return sampling


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate
    cli_evaluate()
