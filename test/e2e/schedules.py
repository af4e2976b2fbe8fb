"""Schedules of steps: what each step computes of several sequences."""

import numpy as np


def at_once(lengths):
    """Every sequence in one step."""
    return [[[i, n] for i, n in enumerate(lengths)]]


def alone(lengths):
    """Each sequence in a step of its own."""
    return [[[i, n]] for i, n in enumerate(lengths)]


def mixed(lengths, seed, most_tokens=512):
    """Random steps in which some sequences decode one token and others
    prefill several, in any order, with at most `most_tokens` new tokens."""
    random = np.random.default_rng(seed)
    left, steps = list(lengths), []
    while any(left):
        room, step = most_tokens, []
        for i in random.permutation(len(left)).tolist():
            if not left[i] or not room or random.random() < 0.3:
                continue
            most = min(left[i], room)
            count = 1 if random.random() < 0.5 else random.integers(1, most + 1)
            step.append([i, int(count)])
            left[i] -= int(count)
            room -= int(count)
        if step:
            steps.append(step)
    return steps
