"""Makes golden logits with Hugging Face transformers.

    python -m test.reference.goldens          # rewrites test/reference/goldens

Needs torch and transformers. For each vector that transformers implements, the
f32 checkpoint of the seeded maker runs through the eager attention and experts.
`index.json` records token ids and versions; the logits lie beside it.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from test.reference import checkpoints, random_weights, safetensors_io

FOLDER = Path(__file__).parent / "goldens"
SEED = 1
TOKENS = 24

# transformers lacks moe_layer_freq (T11), norm_topk_prob (T10), models without
# shared or without routed experts (T11d, T11e), and falls back differently
# when mscale_all_dim is 0 (T4). It leaves the order of ties open (T12).
VECTORS = ["T1", "T1k", "T1h", "T2", "T3", "T4b", "T5", "T6", "T6b", "T7",
           "T8", "T9", "T11b", "T11c", "T12b", "T12c", "T15", "T16", "T16b",
           "T16c", "T16d"]


def token_ids(vector, count=TOKENS):
    """Ids that depend on the vector's name alone."""
    bits = random_weights.bits(SEED, "ids of " + vector, count)
    return (bits % np.uint64(256)).astype(int).tolist()


def run_transformers(folder, ids, dtype="float32"):
    """f32 logits [tokens, vocab] by transformers."""
    import torch
    import transformers
    model = transformers.DeepseekV2ForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, dtype), attn_implementation="eager",
        experts_implementation="eager")
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].float().numpy()


def fresh(vector):
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.make(folder, vector, SEED, "f32")
        return run_transformers(folder, token_ids(vector))


def versions():
    import torch
    import transformers
    return {"transformers": transformers.__version__,
            "torch": torch.__version__, "numpy": np.__version__}


def load():
    """{vector: (ids, logits)} of the committed files."""
    index = json.loads((FOLDER / "index.json").read_text())
    return {vector: (ids, safetensors_io.read(
        FOLDER / f"{vector}.safetensors")["logits"][1])
        for vector, ids in index["ids"].items()}


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FOLDER.mkdir(exist_ok=True)
    for vector in VECTORS:
        safetensors_io.write(FOLDER / f"{vector}.safetensors",
                             {"logits": fresh(vector)})
    lines = ",\n".join(f'  "{v}": {token_ids(v)}' for v in VECTORS)
    (FOLDER / "index.json").write_text(
        f'{{"versions": {json.dumps(versions())},\n "seed": {SEED},\n'
        f' "attention": "eager", "experts": "eager", "dtype": "float32",\n'
        f' "ids": {{\n{lines}}}}}\n')


if __name__ == "__main__":
    main()
