"""Trains the bundled model and writes its Hugging Face directory.

    python -m test.models.train_tiny OUT
    python -m test.models.train_tiny OUT --late   # goes on from OUT's weights

Needs torch and tokenizers. The late phase sees mostly the tasks that are slow
to learn. The loss counts answers fully and prompts little;
after an answer the target is always the end token, also where a document goes
on with another line, so that the model ends as soon as it has answered.
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from test.models import tiny_tasks, tiny_tokenizer
from test.models.muon import Muon
from test.models.tiny_model import Model
from test.reference.config import from_dict

CONFIG = {
    "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2",
    "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 4, "q_lora_rank": 64, "kv_lora_rank": 64,
    "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32,
    "intermediate_size": 256, "moe_intermediate_size": 64,
    "n_routed_experts": 16, "n_shared_experts": 2, "num_experts_per_tok": 4,
    "topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2,
    "routed_scaling_factor": 2.0, "scoring_func": "softmax",
    "norm_topk_prob": False, "first_k_dense_replace": 1, "moe_layer_freq": 1,
    "vocab_size": 576, "rms_norm_eps": 1e-06, "hidden_act": "silu",
    "rope_theta": 10000,
    "rope_scaling": {"type": "yarn", "factor": 40,
                     "original_max_position_embeddings": 4096,
                     "beta_fast": 32, "beta_slow": 1,
                     "mscale": 0.707, "mscale_all_dim": 0.707},
    "max_position_embeddings": 163840, "attention_bias": False,
    "attention_dropout": 0.0, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "use_cache": True}
ROW = 256
PROMPT_WEIGHT = 0.02


class Rows:
    """Endless rows of packed documents: ids, targets and their weights."""

    def __init__(self, tokenizer, seed, kinds):
        self.kinds = kinds
        self.rng = random.Random(seed)
        self.encode = lambda text: tokenizer.encode(
            text, add_special_tokens=False).ids
        self.bos = tokenizer.token_to_id(tiny_tokenizer.BOS)
        self.eos = tokenizer.token_to_id(tiny_tokenizer.EOS)

    def document(self):
        """(id, target of this id, weight) for each token."""
        bos, eos = (self.bos, 0, 0.0), (self.eos, 0, 0.0)
        rows = [bos]

        def answer(prompt, text):
            start = len(rows) - 1
            ids = prompt + text
            rows.extend((i, 0, 0.0) for i in ids)
            for offset, i in enumerate(ids + [self.eos]):
                weight = PROMPT_WEIGHT if offset < len(prompt) else 1.0
                rows[start + offset] = (rows[start + offset][0], i, weight)

        choice = self.rng.random()
        if choice < 0.01:
            answer([], self.encode(tiny_tasks.GREETING))
            return rows + [eos]
        lines = tiny_tasks.document(self.rng, self.kinds)
        chat = choice < 0.15
        for index, (_, prompt, text) in enumerate(lines):
            if chat:
                rows += [eos] if index else []
                answer(self.encode(f"User: {prompt}\n\nAssistant:"),
                       self.encode(text))
            else:
                rows += [(self.encode("\n")[0], 0, 0.0)] if index else []
                answer(self.encode(prompt), self.encode(text))
        return rows + [eos]

    def batch(self, rows):
        filled = []
        for _ in range(rows):
            row = []
            while len(row) < ROW:
                row += self.document()
            filled.append(row[:ROW])
        data = torch.tensor(filled, dtype=torch.float64)
        return data[..., 0].long(), data[..., 1].long(), data[..., 2].float()


def train(model, rows, steps, batch_rows, rate, hold):
    """Constant rate for the share `hold` of the steps, then linearly to 0."""
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    matrices = [p for name, p in model.named_parameters()
                if p.ndim == 2 and "layers" in name and "mlp.gate." not in name]
    taken = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in taken]
    optimizers = [Muon(matrices, 2 * rate),
                  torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98),
                                    weight_decay=0.02)]
    for group in [g for o in optimizers for g in o.param_groups]:
        group["initial_lr"] = group["lr"]
    start = time.time()
    for step in range(steps):
        warm, left = (step + 1) / 100, (steps - step) / ((1 - hold) * steps)
        for group in [g for o in optimizers for g in o.param_groups]:
            group["lr"] = group["initial_lr"] * min(1.0, warm, left)
        ids, targets, weights = rows.batch(batch_rows)
        losses = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(),
                                 reduction="none") * weights.flatten()
        loss = losses.sum() / weights.sum()
        total = loss + 0.002 * model.balance_loss()
        model.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.4f} "
                  f"{time.time() - start:.0f} s", flush=True)


def write(model, tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    bos = tokenizer.token_to_id(tiny_tokenizer.BOS)
    eos = tokenizer.token_to_id(tiny_tokenizer.EOS)
    config = CONFIG | {"bos_token_id": bos, "eos_token_id": eos}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    generation = {"_from_model_config": True, "bos_token_id": bos,
                  "eos_token_id": eos, "do_sample": True,
                  "temperature": 0.3, "top_p": 0.95}
    (folder / "generation_config.json").write_text(
        json.dumps(generation, indent=1) + "\n")
    tiny_tokenizer.write(tokenizer, folder, CONFIG["max_position_embeddings"])
    save_file({name: value.detach().to(torch.bfloat16).contiguous()
               for name, value in model.state_dict().items()},
              str(folder / "model.safetensors"), {"format": "pt"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = tiny_tokenizer.train(CONFIG["vocab_size"] - 2)
    torch.manual_seed(1)
    model = Model(from_dict(CONFIG))
    if args.late:
        model.load_state_dict(load_file(args.out / "model.safetensors"))
        rows = Rows(tokenizer, 2, tiny_tasks.LATE_KIND_WEIGHTS)
        train(model, rows, steps=700, batch_rows=8, rate=3e-3, hold=0.2)
    else:
        rows = Rows(tokenizer, 1, tiny_tasks.KIND_WEIGHTS)
        train(model, rows, steps=1900, batch_rows=8, rate=4e-3, hold=0.4)
    write(model, tokenizer, args.out)


if __name__ == "__main__":
    main()
