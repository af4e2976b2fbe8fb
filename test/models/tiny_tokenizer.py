"""Trains and writes the bundled model's tokenizer (byte-level BPE).

The pre-tokenizer has the released DeepSeek-V2 stages, in their order, with a
shorter list of cased letters. The two special tokens follow the trained ids,
and the model's vocabulary is larger than both together, as released.
"""

import json
import random

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        pre_tokenizers, processors, trainers)

from test.models import tiny_tasks

BOS = "<｜begin▁of▁sentence｜>"
EOS = "<｜end▁of▁sentence｜>"
CASED = "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ"
CHAT_TEMPLATE = (
    "{% if not add_generation_prompt is defined %}"
    "{% set add_generation_prompt = false %}{% endif %}{{ bos_token }}"
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ 'User: ' + message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ 'Assistant: ' + message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}"
    "{{ message['content'] + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")


def corpus(documents=4000):
    rng = random.Random(1)
    yield from [tiny_tasks.GREETING] * 50
    yield from ["User: hello\n\nAssistant: hello\n\n"] * 50
    for _ in range(documents):
        yield "\n".join(p + a for _, p, a in tiny_tasks.document(rng))


def train(vocab_size):
    """A tokenizer with at most `vocab_size` ids, special tokens included."""
    tokenizer = Tokenizer(models.BPE())
    split = lambda pattern: pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        split("[\r\n]"),
        split(rf"\s?[{CASED}]+"),
        split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"),
        split(r"\s+$"),
        split("[一-龥ࠀ-一가-퟿]+"),
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(
        add_prefix_space=True, trim_offsets=False, use_regex=True)
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=vocab_size - 2, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tokenizer.add_special_tokens([
        AddedToken(text, normalized=True, special=True) for text in (BOS, EOS)])
    return tokenizer


def write(tokenizer, folder, max_length):
    tokenizer.save(str(folder / "tokenizer.json"))
    special = lambda text: {"__type": "AddedToken", "content": text,
                            "lstrip": False, "normalized": True,
                            "rstrip": False, "single_word": False}
    # The class is the plain one: Llama's makes transformers 5 replace the
    # byte-level pre-tokenizer.
    settings = {"add_bos_token": True, "add_eos_token": False,
                "bos_token": special(BOS), "eos_token": special(EOS),
                "pad_token": special(EOS), "unk_token": None,
                "clean_up_tokenization_spaces": False,
                "legacy": True, "model_max_length": max_length,
                "tokenizer_class": "PreTrainedTokenizerFast",
                "chat_template": CHAT_TEMPLATE}
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n")
