"""Writes metrics.json: rows with known labels and probabilities, and what scikit-learn 1.9.1 (NumPy 2.4.6, Python 3.11)
says about them. Run as: python make.py > metrics.json

ECE is not in scikit-learn; here it is computed with numpy.digitize from its definition.
"""

import json

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, log_loss
from sklearn.metrics import precision_recall_fscore_support

rng = np.random.default_rng(20)
C, n = 7, 400
# Class 5 has no rows and class 6 is never answered: both ways in which F1 can be undefined or zero.
labels = rng.choice([0, 1, 2, 3, 4, 6], n, p=[0.4, 0.25, 0.15, 0.1, 0.05, 0.05])
logits = rng.normal(0, 1.5, (n, C))
logits[np.arange(n), labels] += 1.8
logits[:, 6] -= 50
p = np.exp(logits - logits.max(1, keepdims=True))
p = (p / p.sum(1, keepdims=True)).astype(np.float32)
predicted = p.argmax(1)
confidence = p.max(1)

bins = np.digitize(confidence, np.linspace(0, 1, 16)[1:-1], right=True)
ece = sum(
    (bins == b).mean() * abs((predicted == labels)[bins == b].mean() - confidence[bins == b].mean(dtype=np.float64))
    for b in np.unique(bins)
)
all_classes = list(range(C))
precision, recall, f1, support = precision_recall_fscore_support(
    labels, predicted, labels=all_classes, zero_division=0)
print(json.dumps({
    "classes": C,
    "labels": labels.tolist(),
    "predicted": predicted.tolist(),
    "confidence": [float(x) for x in confidence],
    "label_probability": [float(x) for x in p[np.arange(n), labels]],
    "accuracy": accuracy_score(labels, predicted),
    "macro_f1": f1_score(labels, predicted, labels=all_classes, average="macro", zero_division=0),
    "balanced_accuracy": balanced_accuracy_score(labels, predicted),
    "ece": float(ece),
    "nll": log_loss(labels, p, labels=all_classes),
    "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
    "confusion": confusion_matrix(labels, predicted, labels=all_classes).tolist(),
}))
