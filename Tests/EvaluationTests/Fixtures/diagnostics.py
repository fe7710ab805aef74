"""Writes diagnostics.json: unit rows in classes, what NumPy and scikit-learn say of how they stand apart, and the spectral
radius of the Jacobian of a small field by its eigenvalues (scikit-learn 1.9.1, NumPy 2.4.6, Python 3.11).
Run as: python diagnostics.py > diagnostics.json
"""

import json

import numpy as np
from sklearn.metrics import silhouette_score

rng = np.random.default_rng(6)
C, D, n = 5, 6, 60
# Class 3 has no rows and class 4 one.
labels = np.append(rng.choice(3, n - 1, p=[0.5, 0.3, 0.2]), 4)
rows = rng.normal(0, 1, (C, D))[labels] + rng.normal(0, 0.7, (n, D))
rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)

present = np.unique(labels)
means = {c: rows[labels == c].mean(0) for c in present}
total = rows.mean(0)
between = sum((labels == c).sum() * np.outer(means[c] - total, means[c] - total) for c in present)
within = sum((rows[labels == c] - means[c]).T @ (rows[labels == c] - means[c]) for c in present)
own = np.mean([np.linalg.norm(x - means[c]) for x, c in zip(rows, labels)])
nearest = np.mean([min(np.linalg.norm(x - means[k]) for k in present if k != c) for x, c in zip(rows, labels)])

H, d = 4, 3
field = {name: rng.normal(0, 0.8, shape).astype(np.float32).astype(np.float64) for name, shape in {
    "position_weight": (H, d), "velocity_weight": (H, d), "time_weight": (H,), "bias": (H,), "output_weight": (d, H),
    "output_bias": (d,)}.items()}
damping, time = 0.375, 0.5
x, v = rng.normal(0, 0.6, d), rng.normal(0, 0.6, d)
u = field["position_weight"] @ x + field["velocity_weight"] @ v + field["time_weight"] * time + field["bias"]
slope = (1 - np.tanh(u) ** 2)[:, None]
jacobian = np.block([
    [np.zeros((d, d)), np.eye(d)],
    [field["output_weight"] @ (slope * field["position_weight"]),
     field["output_weight"] @ (slope * field["velocity_weight"]) - damping * np.eye(d)]])
print(json.dumps({
    "classes": C, "dimension": D, "labels": labels.tolist(), "rows": rows.ravel().tolist(),
    "fisher_ratio": np.trace(between) / np.trace(within),
    "silhouette": float(silhouette_score(rows, labels, metric="cosine")),
    "distance_ratio": own / nearest,
    "field": {name: weight.ravel().tolist() for name, weight in field.items()} | {"damping": damping},
    "hidden": H, "time": time, "position": x.tolist(), "velocity": v.tolist(),
    "slope": (field["output_weight"] @ np.tanh(u) + field["output_bias"] - damping * v).tolist(),
    "eigenvalues": [[z.real, z.imag] for z in np.linalg.eigvals(jacobian)],
    "spectral_radius": float(np.abs(np.linalg.eigvals(jacobian)).max()),
}))
