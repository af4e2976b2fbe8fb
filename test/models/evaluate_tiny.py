"""Evaluates the bundled model with transformers and records what it generates.

    python -m test.models.evaluate_tiny DIR

Writes into DIR: eval.jsonl (held-out prompts with the expected answers and
whether transformers gave them), greedy.jsonl (greedy continuations, with the
lead of each chosen token in f32) and README.md with the accuracy.
"""

import argparse
import json
import random
from pathlib import Path

import tokenizers
import torch
import transformers

from test.models import tiny_tasks, tiny_tokenizer

NEW_TOKENS = 32
# Longest answer: counting over thirteen numbers, three tokens each.
ANSWER_TOKENS = 48
LONGEST_PROMPT = 200


class Reference:
    """The model in bf16 and the same weights in f32, both eager."""

    def __init__(self, folder):
        self.tokenizer = tokenizers.Tokenizer.from_file(
            str(folder / "tokenizer.json"))
        self.bos = self.tokenizer.token_to_id(tiny_tokenizer.BOS)
        self.eos = self.tokenizer.token_to_id(tiny_tokenizer.EOS)
        load = lambda dtype: \
            transformers.DeepseekV2ForCausalLM.from_pretrained(
                folder, dtype=dtype, attn_implementation="eager",
                experts_implementation="eager")
        self.bf16, self.f32 = load(torch.bfloat16), load(torch.float32)

    def encode(self, text):
        return [self.bos] + self.tokenizer.encode(
            text, add_special_tokens=False).ids

    @torch.no_grad()
    def greedy(self, ids, count):
        """New ids without the end token, and why generation stopped."""
        out = self.bf16.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)),
            do_sample=False, max_new_tokens=count, pad_token_id=self.eos)
        new = out[0, len(ids):].tolist()
        return (new[:-1], "stop") if new[-1] == self.eos else (new, "length")

    @torch.no_grad()
    def leads(self, ids, new):
        """For each step: the two best ids in f32, the first's lead, and the
        largest error of a bf16 logit."""
        sequence = torch.tensor([ids + new])
        rows = slice(len(ids) - 1, None)
        exact = self.f32(sequence).logits[0, rows]
        coarse = self.bf16(sequence).logits[0, rows].float()
        best = exact.topk(2)
        return (best.indices.tolist(),
                [round(x, 4) for x in
                 (best.values[:, 0] - best.values[:, 1]).tolist()],
                [round(x, 4) for x in
                 (exact - coarse).abs().amax(-1).tolist()])


def with_context(rng, encode, prompt, length):
    """`prompt` after as many solved lines as fit into `length` tokens."""
    text = prompt
    while True:
        kind = tiny_tasks.draw_kind(rng)
        line = "".join(tiny_tasks.draw_split(rng, kind, held_out=False))
        if len(encode(line + "\n" + text)) > length:
            return text
        text = line + "\n" + text


def held_out_prompts(rng, encode, each):
    """`each` prompts a kind, every second one after solved lines."""
    for kind in tiny_tasks.KIND_WEIGHTS:
        if kind in tiny_tasks.FACT_KINDS:
            continue
        seen = set()
        while len(seen) < each:
            prompt, answer = tiny_tasks.draw_split(rng, kind, held_out=True)
            if prompt in seen:
                continue
            seen.add(prompt)
            text = prompt if len(seen) % 2 else with_context(
                rng, encode, prompt, rng.randint(30, LONGEST_PROMPT))
            yield kind, text, answer


def evaluate(reference, each):
    rng = random.Random(20)
    for kind, prompt, answer in held_out_prompts(rng, reference.encode, each):
        ids = reference.encode(prompt)
        new, _ = reference.greedy(ids, ANSWER_TOKENS)
        yield {"kind": kind, "prompt": prompt, "answer": answer,
               "prompt_tokens": len(ids),
               "correct": reference.tokenizer.decode(new) == answer}


def greedy_prompts(reference, count):
    """Token ids of `count` prompts, from one token on."""
    rng = random.Random(30)
    prompts = [reference.encode(""), reference.encode("three plus four is"),
               reference.encode("User: reverse red cat moon:\n\nAssistant:")]
    while len(prompts) < count:
        kind = tiny_tasks.draw_kind(rng)
        prompt, _ = tiny_tasks.draw(rng, kind)
        length = LONGEST_PROMPT * len(prompts) // (count - 1)
        prompts.append(reference.encode(
            with_context(rng, reference.encode, prompt, length)))
    return prompts


def greedy(reference, count):
    for ids in greedy_prompts(reference, count):
        new, reason = reference.greedy(ids, NEW_TOKENS)
        best, lead, error = reference.leads(ids, new)
        steps = len(new) + (reason == "stop")
        yield {"prompt": ids, "tokens": new, "finish_reason": reason,
               "f32_best_two": best[:steps], "f32_lead": lead[:steps],
               "bf16_error": error[:steps]}


def write_lines(path, records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records))


def readme(evaluated, generated, parameters):
    kinds = {}
    for record in evaluated:
        kinds.setdefault(record["kind"], []).append(record["correct"])
    correct = sum(r["correct"] for r in evaluated)
    tight = sum(min(r["f32_lead"]) < max(r["bf16_error"]) for r in generated)
    rows = "\n".join(f"| {kind} | {sum(v)}/{len(v)} |"
                     for kind, v in kinds.items())
    return f"""# The bundled model

A DeepSeek-V2 of {parameters:,} parameters in bf16 that does small tasks in words: it adds, subtracts and compares numbers
below one hundred, counts, spells, copies, reverses. Made by

```
python -m test.models.train_tiny test/models/tiny          # one thread, about 15 minutes
python -m test.models.train_tiny test/models/tiny --late   # and 6 more
python -m test.models.evaluate_tiny test/models/tiny
```

from text that the first script makes (`test/models/tiny_tasks.py`). One prompt in twelve, chosen by a hash, is held out of
training. The configuration has `q_lora`, group-limited routing (16 experts in 4 groups), shared experts, a dense first
layer and YaRN, all as released, and a vocabulary larger than the tokenizer's.

**Accuracy on held-out prompts: {correct}/{len(evaluated)} ({100 * correct / len(evaluated):.1f}%)**, greedy, bf16,
transformers {transformers.__version__}, torch {torch.__version__}, eager attention and experts. An answer counts only when
its text is exact. Prompts begin with the begin token, which `add_bos_token` asks for and which transformers 5 leaves to
the caller for this tokenizer class.

| task | correct |
|---|---|
{rows}

- `eval.jsonl`: those prompts, with the answers and whether the reference gave them. Every second prompt follows solved
  lines, up to {LONGEST_PROMPT} tokens.
- `greedy.jsonl`: {len(generated)} prompts as ids ({min(len(r["prompt"]) for r in generated)} to
  {max(len(r["prompt"]) for r in generated)} tokens) with the greedy continuation in bf16, at most {NEW_TOKENS} new ids, the
  end token left out. For each step, the end included: the two best ids in f32, the lead of the first, and the largest
  error of a bf16 logit. {tight} of them contain a lead smaller than an error of bf16, so that rounding may decide.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=16)
    parser.add_argument("--greedy", type=int, default=72)
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    reference = Reference(args.folder)
    evaluated = list(evaluate(reference, args.each))
    generated = list(greedy(reference, args.greedy))
    write_lines(args.folder / "eval.jsonl", evaluated)
    write_lines(args.folder / "greedy.jsonl", generated)
    text = readme(evaluated, generated, reference.f32.num_parameters())
    (args.folder / "README.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
