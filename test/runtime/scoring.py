"""Scores by definition: what others' documentation says, in Python."""

import numpy as np


def log_softmax(logits):
    """f64 [..., vocab]."""
    logits = np.float64(logits)
    top = logits.max(-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))


def token_scores(logits_of, tokens, start):
    """Log-probabilities of tokens[start:] and whether each is the best one,
    each after all before it. `logits_of` ids: [tokens, vocab]."""
    logits = logits_of(tokens[:-1])[start - 1:]
    targets = np.array(tokens[start:])
    rows = np.arange(len(targets))
    return (log_softmax(logits)[rows, targets],
            logits.argmax(-1) == targets)


def guide_windows(length, window, stride):
    """(begin, end, first scored) as the loop of transformers' guide
    "Perplexity of fixed-length models"; its labels shift by one inside the
    model, so that a window's first token is never scored."""
    previous = 0
    for begin in range(0, length, stride):
        end = min(begin + window, length)
        first = max(end - (end - previous), begin + 1)
        yield begin, end, first
        previous = end
        if end == length:
            break


def perplexity(logits_of, tokens, window, stride):
    """(mean negative log-likelihood, scored tokens)."""
    scores = [token_scores(logits_of, tokens[begin:end], first - begin)[0]
              for begin, end, first in guide_windows(len(tokens), window,
                                                     stride)
              if first < end]
    scores = np.concatenate(scores)
    return -scores.mean(), len(scores)


def rolling_windows(tokens, prefix, max_length):
    """(context, continuation) pairs: `get_rolling_token_windows` with a
    `context_len` of 1, and `make_disjoint_window`, of lm-evaluation-harness
    0.4.13."""
    def pairs():
        if not tokens:
            return
        first = min(max_length, len(tokens))
        yield [prefix] + tokens[:first - 1], tokens[:first]
        done = first
        while done < len(tokens):
            count = min(len(tokens) - done, max_length)
            end = done + count
            yield tokens[end - max_length - 1:end - 1], tokens[end - count:end]
            done += count
    for context, continuation in pairs():
        yield (context[:len(context) - (len(continuation) - 1)], continuation)


def encode_pair(encode, prefix, context, continuation):
    """(context ids, continuation ids): `TemplateLM.loglikelihood` and
    `_encode_pair` of lm-evaluation-harness 0.4.13. `encode` takes a text and
    whether special tokens are added."""
    if context == "":
        ids = encode(continuation, False)
        return (ids[:1], ids[1:]) if ids[0] == prefix else ([prefix], ids)
    spaces = len(context) - len(context.rstrip())
    if spaces:
        continuation = context[-spaces:] + continuation
        context = context[:-spaces]
    whole, before = encode(context + continuation, True), encode(context, True)
    return before, whole[len(before):]
