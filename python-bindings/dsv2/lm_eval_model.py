"""Compiled files as models of lm-evaluation-harness.

    python -m dsv2.lm_eval_model run --model dsv2 \\
        --model_args file=./chat --tasks arc_easy

is the command `lm_eval` with one more model, `dsv2`; importing this module
registers it too. All requests of a kind go to one run of the compiled file, as
JSON lines. It batches by itself: --batch_size changes nothing.
"""

import hashlib
import json
import logging
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from tqdm import tqdm

logger = logging.getLogger(__name__)

DEFAULT_NEW_TOKENS = 256  # as lm_eval's own models have it
CONTINUED = "CONTINUE_FINAL_MESSAGE_TAG "  # marks the end of a message


@register_model("dsv2")
class CompiledModel(LM):
    """`file`: the compiled file. `max_length`: tokens of the context, less than
    it was compiled for. `max_batch`, `threads`, `cache_memory`: its options.
    `add_bos_token=False`: texts do not begin with the model's token for it.
    `chat_template`: a file in place of the model's own template."""

    def __init__(self, file, max_length=None, max_batch=None, threads=None,
                 cache_memory=None, add_bos_token=True, chat_template=None,
                 batch_size=None, max_batch_size=None, device=None):
        super().__init__()
        self.file = str(Path(file).resolve())
        options = {"--context": max_length, "--max-batch": max_batch,
                   "--threads": threads, "--cache-memory": cache_memory}
        self.options = [str(part) for option in options.items()
                        if option[1] is not None for part in option]
        self.bos = ["--no-bos"] if not add_bos_token else []
        self.render_command = [self.file, "render"]
        if chat_template:
            self.render_command += ["--chat-template",
                                    str(Path(chat_template).resolve())]

    def _output(self, *command):
        """What a command prints that reads nothing."""
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode()

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
        answers = self._lines(["score", "--truncate", *self.bos], requests,
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
        bos = self.bos
        # As lm_eval's own models decide it: by the first one, for all.
        if requests and self._bos_text and requests[0].args[0].startswith(
                self._bos_text):
            bos = ["--no-bos"]
        answers = self._lines(
            ["generate", "--prompts", "-", *bos],
            [{"prompt": r.args[0], **sampling_of(r.args[1])} for r in requests],
            "Running generate", disable_tqdm)
        texts = [answer["text"] for answer in answers]
        for request, text in zip(requests, texts):
            self.cache_hook.add_partial("generate_until", request.args, text)
        return texts

    @cached_property
    def _bos_text(self):
        """What the model's texts begin with; empty: nothing."""
        ids = self._output(self.file, "tokenize", "--text", "").strip()
        return ids and self._output(self.file, "detokenize", "--tokens", ids)

    @cached_property
    def _renderer(self):
        """Answers a line for a line as long as this process lives."""
        return subprocess.Popen(self.render_command, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)

    def _render(self, messages, add_generation_prompt):
        line = {"messages": messages,
                "add_generation_prompt": add_generation_prompt}
        self._renderer.stdin.write(json.dumps(line).encode() + b"\n")
        self._renderer.stdin.flush()
        answer = self._renderer.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.file} render ends with status "
                               f"{self._renderer.wait()}")
        return json.loads(answer)

    def apply_chat_template(self, chat_history, add_generation_prompt=True):
        """The text of a conversation. Without the generation prompt its last
        message is one that the model goes on with."""
        messages = [dict(message) for message in chat_history]
        if not add_generation_prompt:
            messages[-1]["content"] += CONTINUED
        answer = self._render(messages, add_generation_prompt)
        if "error" in answer and any(m["role"] == "system" for m in messages):
            logger.warning("The template refuses the conversation (%s); it is "
                           "left without its system messages.", answer["error"])
            messages = [m for m in messages if m["role"] != "system"]
            answer = self._render(messages, add_generation_prompt)
        if "error" in answer:
            raise ValueError(answer["error"])
        return (answer["text"] if add_generation_prompt
                else before_continuation(answer["text"]))

    def chat_template(self, chat_template=False):
        """The template's source, which lm_eval records."""
        if chat_template is False or chat_template is None:
            return None
        if chat_template not in (True, "default"):
            raise ValueError(f"chat template {chat_template}: a compiled file "
                             "has one, called default")
        return self._output(*self.render_command, "--source")

    @property
    def tokenizer_name(self):
        """What requests are cached under: the file, and the template."""
        template = hashlib.sha256(self.chat_template(True).encode())
        return (f"dsv2__{self.get_model_info()['model_sha']}__"
                f"{template.hexdigest()}")

    def get_model_info(self):
        """What lm_eval records beside the results."""
        info = json.loads(self._output(self.file, "info", "--json"))
        return {"model_dtype": info["dtype"], "model_sha": info["hash"]}


def before_continuation(text):
    """A rendered conversation up to CONTINUED, as transformers cuts it: where
    the template strips the message, what is before it loses its spaces too."""
    at = text.rfind(CONTINUED.rstrip())
    if at < 0:
        raise ValueError("the chat template does not show the last message, so "
                         "that nothing can continue it")
    return text[:at] if text.startswith(CONTINUED, at) else text[:at].rstrip()


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
