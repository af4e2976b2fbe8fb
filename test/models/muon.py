"""Muon: momentum whose matrix updates are orthogonalised (Jordan et al. 2024)."""

import torch


def orthogonalise(g, iterations=5):
    """Nearest semi-orthogonal matrix of each [.., rows, columns], roughly, by
    the quintic Newton-Schulz iteration with the published coefficients."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[-2] > g.shape[-1]
    x = g.transpose(-1, -2) if tall else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        s = x @ x.transpose(-1, -2)
        x = a * x + (b * s + c * s @ s) @ x
    return x.transpose(-1, -2) if tall else x


class Muon(torch.optim.Optimizer):
    """For matrices only; equal shapes are updated together as one stack."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.02):
        shapes = {}
        for p in parameters:
            shapes.setdefault(tuple(p.shape), []).append(p)
        super().__init__([{"params": ps} for ps in shapes.values()],
                         {"lr": lr, "momentum": momentum,
                          "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            ps = group["params"]
            # An expert that no row reached has no gradient.
            g = torch.stack([torch.zeros_like(p) if p.grad is None else p.grad
                             for p in ps])
            state = self.state[ps[0]]
            m = state.setdefault("momentum", torch.zeros_like(g))
            m.lerp_(g, 1 - group["momentum"])
            update = orthogonalise(g.lerp(m, group["momentum"]))
            # Matches the usual size of an Adam update, so rates carry over.
            update *= 0.2 * max(g.shape[-2:]) ** 0.5 * group["lr"]
            for p, u in zip(ps, update):
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(u)
