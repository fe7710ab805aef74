"""Writes paired.json: McNemar's exact test and Holm's correction by SciPy, and the paired bootstrap by NumPy with other
random numbers, so that intervals agree up to luck. Run in this folder as: python paired.py > paired.json"""

import json

import numpy as np
from scipy.stats import binomtest

rng = np.random.default_rng(7)
rows, shots, draws = 300, 2, 3
skill = rng.random(rows)
first = rng.random((shots, draws, rows)) < 0.35 + 0.5 * skill
second = rng.random((shots, draws, rows)) < 0.28 + 0.5 * skill
difference = first.astype(float) - second
values = []
for _ in range(20_000):
    w = np.bincount(rng.integers(rows, size=rows), minlength=rows) / rows
    values.append(np.mean([np.mean([difference[s, rng.integers(draws)] @ w for _ in range(draws)]) for s in range(shots)]))
p = [0.001, 0.04, 0.03, 0.2, 0.01]
order = np.argsort(p)
holm, high = [0.0] * len(p), 0.0
for rank, i in enumerate(order):
    high = max(high, min(1.0, (len(p) - rank) * p[i]))
    holm[i] = high
print(json.dumps({
    "mcnemar": [
        {"first": b, "second": c, "p": binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0}
        for b, c in [(0, 0), (5, 5), (1, 9), (40, 17), (700, 620), (0, 6)]
    ],
    "p": p, "holm": holm,
    "right_first": first.astype(int).tolist(), "right_second": second.astype(int).tolist(),
    "difference": float(difference.mean()), "low": float(np.quantile(values, 0.025)),
    "high": float(np.quantile(values, 0.975)),
}))
