"""Errors of logits, as the bars of DESIGN section 5 measure them."""

import numpy as np

F32_BAR = 1e-5  # against the f64 oracle, for each token
ORDER_BAR = 2e-5  # f32, another chunking or ordering
BF16_FACTOR = 1.5  # median error over that of the released rounding order
UNSURE_MARGIN = 1e-6  # routing below it may go either way in f32


def relative(got, want):
    """|got - want| / |want| of each token."""
    difference = np.linalg.norm(np.float64(got) - want, axis=-1)
    return difference / np.linalg.norm(want, axis=-1)


def sure_tokens(trace):
    """Tokens whose routing f32 decides as f64 does. An exact tie counts: its
    order is defined. An unsure token's latent reaches all later ones."""
    sure = None
    for layer in trace:
        if "margin" in layer:
            good = (layer["margin"] == 0) | (layer["margin"] >= UNSURE_MARGIN)
            sure = good if sure is None else sure & good
    return slice(None) if sure is None else np.logical_and.accumulate(sure)
