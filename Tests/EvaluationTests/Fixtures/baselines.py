"""Writes baselines.json: what baselines come to when they are computed without this package, by NumPy 2.4.6,
SciPy 1.17.1, scikit-learn 1.9.1 and, where gradients are needed, PyTorch 2.13.0 (Python 3.11), on the data in
Sources/sono/Resources/debian-sections and on a small synthetic set whose classes have 4, 4, 1, 0 and 6 support
rows. Run in this folder as: python baselines.py > baselines.json (some ten minutes)

The protocol is the product's: every setting of a grid is fitted to the support rows and judged by the likelihood of
the validation rows at the temperature that is best for them (labels smoothed by 1 / (n + 1)); the best one is kept.
Test rows are only answered. Everything is in double precision; regressions are solved to the end.
"""

import json
import pathlib
import warnings

import numpy as np
import torch
import zstandard
from scipy.linalg import pinvh
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

warnings.filterwarnings("ignore")
DATA = pathlib.Path(__file__).parents[3] / "Sources/sono/Resources/debian-sections"


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def read(name):
    raw = zstandard.ZstdDecompressor().stream_reader((DATA / f"{name}.safetensors.zst").open("rb")).read()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])

    def tensor(key, kinds):
        entry = header[key]
        start, end = entry["data_offsets"]
        return np.frombuffer(raw[8 + size + start:8 + size + end], kinds[entry["dtype"]]).reshape(entry["shape"])

    x = tensor("embeddings", {"F16": np.float16, "F32": np.float32}).astype(float)
    return unit(x), tensor("labels", {"I32": np.int32, "I64": np.int64}).astype(int)


def synthetic():
    rng = np.random.default_rng(7)
    classes, d = 5, 12
    centres = unit(rng.normal(size=(classes, d)))
    texts = unit(centres + 0.25 * rng.normal(size=(classes, d)))

    def draw(counts, around, noise):
        y = np.repeat(np.arange(classes), counts)
        return np.round(around[y] + noise * rng.normal(size=(len(y), d)), 3), y

    return {
        "support": draw([4, 4, 1, 0, 6], centres, 0.35), "validation": draw([4] * 5, centres, 0.35),
        "test": draw([12] * 5, centres, 0.35), "prompts": draw([2] * 5, texts, 0.1),
    }


def geometric(first, last, count):
    return [first * (last / first) ** (i / (count - 1)) for i in range(count)]


class Task:
    def __init__(self, sets):
        (self.x, self.y), (self.t, self.ty) = sets["support"], sets["prompts"]
        self.v, self.vy = sets["validation"]
        self.e, self.ey = sets["test"]
        self.c = self.ty.max() + 1
        self.p = unit(np.stack([self.t[self.ty == k].mean(0) for k in range(self.c)]))


def temperature(z, y):
    share = 1 / (len(y) + 1)

    def cost(exponent):
        logs = log_softmax(z / np.exp(exponent), axis=1)
        return -((1 - share) * logs[np.arange(len(y)), y] + share * logs.mean(1)).mean()

    return float(np.exp(minimize_scalar(cost, bounds=(np.log(0.02), np.log(200)), method="bounded").x))


def nll(z, y, t):
    return float(-log_softmax(z / t, axis=1)[np.arange(len(y)), y].mean())


# Each yields (settings, function from rows to logits).


def zero_shot(task):
    yield {}, lambda e: 100 * e @ task.p.T


def linear_probe(task):
    present = np.unique(task.y)
    for c in geometric(1e-2, 1e3, 80):
        fit = LogisticRegression(C=c, tol=1e-7, max_iter=20_000).fit(task.x, task.y)

        def answer(e, fit=fit):
            known = e @ fit.coef_.T + fit.intercept_
            # A class without rows is no answer.
            z = np.repeat(known.min(1, keepdims=True) - 10, task.c, axis=1)
            z[:, present] = known
            return z

        yield {"c": c}, answer


def cross_modal_linear(task):
    rows, labels = np.vstack([task.x, task.t]), np.concatenate([task.y, task.ty])
    weights = np.concatenate([np.full(len(task.y), 0.5 / len(task.y)), np.full(len(task.ty), 0.5 / len(task.ty))])
    own = np.eye(task.c)[labels]
    for scale in [10.0, 25.0]:
        anchor = scale * task.p
        start = anchor.copy()
        for pull in geometric(1e-1, 1e-5, 40):

            def cost(w, anchor=anchor, pull=pull):
                w = w.reshape(anchor.shape)
                z = rows @ w.T
                total = logsumexp(z, axis=1)
                loss = weights @ (total - z[np.arange(len(z)), labels]) + pull / 2 * ((w - anchor) ** 2).sum()
                g = ((np.exp(z - total[:, None]) - own) * weights[:, None]).T @ rows + pull * (w - anchor)
                return loss, g.ravel()

            done = minimize(cost, start.ravel(), jac=True, method="L-BFGS-B",
                            options={"maxiter": 5_000, "maxfun": 10_000, "ftol": 1e-14, "gtol": 1e-8})
            start = done.x.reshape(anchor.shape)
            yield {"pull": pull, "scale": scale}, lambda e, w=start: e @ w.T


def tip_adapter(task):
    values = np.eye(task.c)[task.y]
    for beta in geometric(1, 50, 8):
        for alpha in geometric(0.3, 1_000, 10):
            yield {"alpha": alpha, "beta": beta}, (
                lambda e, alpha=alpha, beta=beta:
                100 * e @ task.p.T + alpha * np.exp(-beta * (1 - e @ task.x.T)) @ values)


def discriminant(mu, precision):
    w = mu @ precision
    return w, -0.5 * np.einsum("cd,cd->c", mu, w)


def class_means(x, y, task):
    return np.stack([x[y == k].mean(0) if (y == k).any() else task.p[k] for k in range(task.c)])


def gda(task):
    # As in the authors' code: D pinv((n - 1) cov + tr(cov) I).
    mu = class_means(task.x, task.y, task)
    centred = task.x - mu[task.y]
    n, d = centred.shape
    cov = np.cov(centred.T)
    w, b = discriminant(mu, d * np.linalg.pinv((n - 1) * cov + np.trace(cov) * np.eye(d)))
    for alpha in geometric(1e-4, 1e2, 80):
        yield {"alpha": alpha}, (
            lambda e, alpha=alpha: (100 * e @ task.p.T + alpha * (e @ w.T + b)) / (1 + alpha))


def gda_text(task):
    x, y = np.vstack([task.x, task.t]), np.concatenate([task.y, task.ty])
    mu = class_means(x, y, task)
    cov = np.cov((x - mu[y]).T, bias=True)
    d = len(cov)
    for share in [0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95]:
        w, b = discriminant(mu, pinvh((1 - share) * cov + share * np.trace(cov) / d * np.eye(d)))
        for alpha in geometric(1e-3, 1e2, 8):
            yield {"alpha": alpha, "shrinkage": share}, (
                lambda e, alpha=alpha, w=w, b=b: (100 * e @ task.p.T + alpha * (e @ w.T + b)) / (1 + alpha))


# Trained by gradients, which PyTorch derives.


def splitmix(seed, first, count):
    """`next()` of SplitMix64 as uniform numbers, numbers `first` to `first + count` of the stream."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(first + 1, first + count + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) * 2.0**-53


def gaussians(seed, count):
    """Marsaglia's polar method on that stream."""
    uniform = 2 * splitmix(seed, 0, int(1.4 * 2 * count) + 1_000).reshape(-1, 2) - 1
    square = (uniform**2).sum(1)
    kept = (square > 0) & (square < 1)
    uniform, square = uniform[kept], square[kept]
    values = (uniform * np.sqrt(-2 * np.log(square) / square)[:, None]).ravel()
    assert len(values) >= count
    return values[:count]


def tensors(*arrays):
    return [torch.tensor(array, dtype=torch.float64) for array in arrays]


def descend(parameters, loss, epochs):
    """AdamW along a cosine with a linear warm-up of a twentieth; yields each epoch. `parameters` are (tensor, rate,
    decay)."""
    for tensor, _, _ in parameters:
        tensor.requires_grad_(True)
    moments = [(torch.zeros_like(tensor), torch.zeros_like(tensor)) for tensor, _, _ in parameters]
    warm = max(1, int(0.05 * epochs))
    for epoch in range(1, epochs + 1):
        factor = epoch / warm if epoch < warm else 0.5 * (1 + np.cos(np.pi * (epoch - warm) / max(1, epochs - warm)))
        gradients = torch.autograd.grad(loss(epoch), [tensor for tensor, _, _ in parameters])
        with torch.no_grad():
            for (tensor, rate, decay), g, (m, v) in zip(parameters, gradients, moments):
                m.mul_(0.9).add_(g, alpha=0.1)
                v.mul_(0.999).add_(g * g, alpha=0.001)
                step = m / (1 - 0.9**epoch) / ((v / (1 - 0.999**epoch)).sqrt() + 1e-8)
                tensor -= rate * factor * (step + decay * tensor)
        yield epoch


def normalised(x):
    return x / x.norm(dim=1, keepdim=True)


cross_entropy = torch.nn.functional.cross_entropy


def tip_adapter_f(task):
    x, p = tensors(task.x, task.p)
    y, values = torch.tensor(task.y), torch.eye(task.c, dtype=torch.float64)[task.y]
    for beta in geometric(1, 27, 4):
        for alpha in geometric(1, 100, 5):
            keys = x.clone()

            def logits(e, keys, alpha=alpha, beta=beta):
                return 100 * e @ p.T + alpha * torch.exp(-beta * (1 - e @ keys.T)) @ values

            for epoch in descend([(keys, 1e-3, 1e-2)], lambda _: cross_entropy(logits(x, keys), y), 40):
                if epoch % 10 == 0:
                    kept = keys.detach().clone()
                    yield {"alpha": alpha, "beta": beta, "epoch": epoch}, (
                        lambda e, kept=kept, logits=logits: logits(torch.tensor(e), kept).numpy())


def taskres(task):
    x, p = tensors(task.x, task.p)
    y = torch.tensor(task.y)
    for scale in [100.0, 25.0]:
        residual = torch.zeros_like(p)

        def logits(e, residual, scale=scale):
            return scale * e @ normalised(p + 0.5 * residual).T

        for epoch in descend([(residual, 2e-3, 0)], lambda _: cross_entropy(logits(x, residual), y), 600):
            if epoch % 15 == 0:
                kept = residual.detach().clone()
                yield {"epoch": epoch, "scale": scale}, (
                    lambda e, kept=kept, logits=logits: logits(torch.tensor(e), kept).numpy())


def clip_adapter(task):
    x, p = tensors(task.x, task.p)
    y, d = torch.tensor(task.y), task.p.shape[1]
    h = max(1, d // 4)
    draws = 2 * splitmix(1, 0, 2 * h * d) - 1
    for blend in [0.2, 0.6]:
        first, second = tensors(draws[:h * d].reshape(h, d) / np.sqrt(d), draws[h * d:].reshape(d, h) / np.sqrt(h))

        def logits(e, first, second, blend=blend):
            adapted = torch.relu(torch.relu(e @ first.T) @ second.T)
            return 100 * normalised(blend * adapted + (1 - blend) * e) @ p.T

        parameters = [(first, 1e-3, 0), (second, 1e-3, 0)]
        for epoch in descend(parameters, lambda _: cross_entropy(logits(x, first, second), y), 600):
            if epoch % 15 == 0:
                kept = [first.detach().clone(), second.detach().clone()]
                yield {"blend": blend, "epoch": epoch}, (
                    lambda e, kept=kept, logits=logits: logits(torch.tensor(e), *kept).numpy())


def lp_plus_plus(task):
    x, p = tensors(task.x, task.p)
    y, n = torch.tensor(task.y), len(task.y)
    means = np.stack([task.x[task.y == k].mean(0) if (task.y == k).any() else 0 * task.p[k] for k in range(task.c)])
    present = np.unique(task.y)
    shots = n / len(present)
    alpha = torch.full((task.c,), 250 / shots * (means * task.p).sum(1)[present].mean(), dtype=torch.float64)
    weight, = tensors(means)
    step = 4 * n / np.linalg.eigvalsh(task.x.T @ task.x)[-1]
    blend_step = n / (4 * ((task.x @ task.p.T) ** 2).sum(0).max())
    velocity = torch.zeros_like(weight)
    for epoch in range(1, 321):
        weight.requires_grad_(True)
        alpha.requires_grad_(True)
        loss = cross_entropy(x @ weight.T + alpha * (x @ p.T), y)
        g, ga = torch.autograd.grad(loss, [weight, alpha])
        with torch.no_grad():
            velocity = 0.9 * velocity + g
            weight = weight - step * velocity
            if epoch % 10 == 0:
                alpha = alpha - blend_step * ga
        if epoch % 4 == 0:
            kept = (weight + alpha[:, None] * p).detach().numpy()
            yield {"epoch": epoch}, lambda e, kept=kept: e @ kept.T


def residual_mlp(task):
    x, t, p = tensors(task.x, task.t, task.p)
    y, ty = torch.tensor(task.y), torch.tensor(task.ty)
    d = p.shape[1]
    # As many parameters as order 2 with H = 128 and a velocity network of 64.
    parameters = 128 * (3 * d + 2) + d + 1 + 2 * 64 * d + 64 + d
    hidden = min(range(1, 1_000), key=lambda h: abs(h * h + (2 * d + 2) * h + d - parameters))
    noise = gaussians(1 ^ 0x746578746173696D, 80 * t.numel()).reshape(80, *t.shape)
    draws = np.sqrt(3) * (2 * splitmix(1, 0, hidden * (d + hidden)) - 1)
    for scale, text, spread, field_rate, rate in [(10, 1, 0.05, 1e-3, 3e-3), (25, 0.3, 0.3, 2e-3, 9e-3)]:
        w1, w2 = tensors(
            spread * draws[:hidden * d].reshape(hidden, d),
            draws[hidden * d:].reshape(hidden, hidden) / np.sqrt(hidden))
        w3, b1, b2, b3 = tensors(np.zeros((d, hidden)), np.zeros(hidden), np.zeros(hidden), np.zeros(d))
        network = [w1, b1, w2, b2, w3, b3, p.clone()]

        def move(z, w1, b1, w2, b2, w3, b3, w):
            return torch.tanh(torch.tanh(z @ w1.T + b1) @ w2.T + b2) @ w3.T + b3

        def logits(z, *network, scale=scale):
            return scale * normalised(z + move(z, *network)) @ normalised(network[-1]).T

        def loss(epoch):
            noisy = normalised(t + 0.5 / np.sqrt(d) * torch.tensor(noise[epoch - 1]))
            moved = (move(x, *network) ** 2).sum() + (move(noisy, *network) ** 2).sum()
            return (cross_entropy(logits(x, *network), y) + text * cross_entropy(logits(noisy, *network), ty)
                    + moved / (len(x) + len(t)))

        rates = [(field_rate, 1e-2), (field_rate, 0)] * 3 + [(rate, 0)]
        for epoch in descend([(one, *own) for one, own in zip(network, rates)], loss, 80):
            if epoch % 2 == 0:
                kept = [one.detach().clone() for one in network]
                yield {"epoch": epoch, "scale": scale}, (
                    lambda e, kept=kept, logits=logits: logits(torch.tensor(e), *kept).numpy())


def control(order, hidden):
    """The recipe of `TrainingOptions.standard` at order 0 or 1, its choices included."""

    def judged_control(task, rows):
        x, t, p = tensors(task.x, task.t, task.p)
        v, e = tensors(task.v, task.e)
        y, ty = torch.tensor(task.y), torch.tensor(task.ty)
        d = p.shape[1]
        noise = gaussians(1 ^ 0x746578746173696D, 80 * t.numel()).reshape(80, *t.shape)
        draws = np.sqrt(3) * (2 * splitmix(1, 0, hidden * d + hidden) - 1)
        zero = nll(10 * task.v @ task.p.T, task.vy, temperature(10 * task.v @ task.p.T, task.vy))
        zero_accuracy = ((task.v @ task.p.T).argmax(1) == task.vy).mean()
        outcomes = []
        for scale, text, spread, field_rate, rate in [(10, 1, 0.05, 1e-3, 3e-3), (25, 0.3, 0.3, 2e-3, 9e-3)]:
            w = p.clone()
            wx, wt = tensors(spread * draws[:hidden * d].reshape(hidden, d), spread * draws[hidden * d:])
            b1, w2, b2 = torch.zeros_like(wt), torch.zeros(d, hidden, dtype=torch.float64), torch.zeros(d).double()

            def solve(z):
                def field(z, time):
                    return torch.tanh(z @ wx.T + wt * time + b1) @ w2.T + b2

                if order == 0:
                    return z
                k1 = field(z, 0)
                k2 = field(z + k1 / 2, 0.5)
                k3 = field(z + k2 / 2, 0.5)
                return z + (k1 + 2 * k2 + 2 * k3 + field(z + k3, 1)) / 6

            def logits(z):
                return scale * normalised(solve(z)) @ normalised(w).T

            def loss(epoch):
                noisy = normalised(t + 0.5 / np.sqrt(d) * torch.tensor(noise[epoch - 1]))
                moved = ((solve(x) - x) ** 2).sum() + ((solve(noisy) - noisy) ** 2).sum()
                return (cross_entropy(logits(x), y) + text * cross_entropy(logits(noisy), ty)
                        + moved / (len(x) + len(t)))

            parameters = [(w, rate, 0)]
            if order == 1:
                parameters += [(wx, field_rate, 1e-2), (wt, field_rate, 0), (b1, field_rate, 0),
                               (w2, field_rate, 1e-2), (b2, field_rate, 0)]
            best = None
            for epoch in descend(parameters, loss, 80):
                if epoch % 2 == 0:
                    with torch.no_grad():
                        z = logits(v).numpy()
                        tau = temperature(z, task.vy)
                        score = nll(z, task.vy, tau)
                        right = (z.argmax(1) == task.vy).mean()
                        if right >= zero_accuracy and score < min(zero, best[0] if best else np.inf):
                            settings = {"epoch": epoch, "logit_scale": scale}
                            best = score, settings | ({"hidden": hidden} if order else {}), logits(e).numpy(), tau
                    if epoch - (best[1]["epoch"] if best else 0) > 32:
                        break
            if best:
                outcomes.append(best)
        return figures(task, *min(outcomes, key=lambda outcome: outcome[0]), rows)

    return judged_control


BASELINES = {
    "zero-shot": zero_shot, "linear-probe": linear_probe, "cross-modal-linear": cross_modal_linear,
    "tip-adapter": tip_adapter, "gda": gda, "gda-text": gda_text,
    "tip-adapter-f": tip_adapter_f, "taskres": taskres, "clip-adapter": clip_adapter, "lp++": lp_plus_plus,
    "residual-mlp": residual_mlp,
}
# H = 256 at order 1 has the parameters of order 2 with H = 128 and a velocity network of 64, at D = 384.
CONTROLS = {"order-0": control(0, 0), "order-1": control(1, 256)}


def judged(task, candidates, rows):
    best = None
    for settings, answer in candidates(task):
        z = answer(task.v)
        t = temperature(z, task.vy)
        score = nll(z, task.vy, t)
        if best is None or score < best[0]:
            best = score, settings, answer, t
    score, settings, answer, t = best
    return figures(task, score, settings, answer(task.e), t, rows)


def figures(task, score, settings, z, t, rows):
    predicted = z.argmax(1)
    return {
        "settings": settings, "temperature": t, "validation_nll": score,
        "accuracy": float((predicted == task.ey).mean()),
        "macro_f1": f1_score(task.ey, predicted, labels=range(task.c), average="macro", zero_division=0),
        "nll": nll(z, task.ey, t),
        # Of the first test rows, at the chosen setting.
        "logits": [[float(f"{value:.7g}") for value in row] for row in z[:rows]],
    }


def main():
    real = Task({name: read(name) for name in ["support", "validation", "prompts", "test"]})
    drawn = synthetic()
    made = Task({name: (unit(x), y) for name, (x, y) in drawn.items()})
    print(json.dumps({
        "debian_sections": {name: judged(real, fit, 4) for name, fit in BASELINES.items()}
        | {name: fit(real, 4) for name, fit in CONTROLS.items()},
        "synthetic": {name: judged(made, fit, 60) for name, fit in BASELINES.items()},
        "synthetic_sets": {
            name: {"dimension": x.shape[1], "embeddings": x.ravel().tolist(), "labels": y.tolist()}
            for name, (x, y) in drawn.items()
        },
    }))


if __name__ == "__main__":
    main()
