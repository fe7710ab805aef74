"""Independent computation of the closed form (Sources/Training/CrossFit) in NumPy, float64.

    python crossfit.py > crossfit.json        (numpy; run in this folder)

Reads the sets in Sources/sono/Resources/debian-sections, takes the first `shots` support rows of each class, and writes what
is chosen and the test accuracy that comes out, without any ODE: the solver's part is added up as the method intends it.
"""
import json, math, os, struct, subprocess, sys
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../Sources/sono/Resources/debian-sections")


def load(name):
    raw = subprocess.run(["zstd", "-dcq", os.path.join(ROOT, name + ".safetensors.zst")], capture_output=True, check=True).stdout
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8 : 8 + n])
    def tensor(key, kind):
        a, b = head[key]["data_offsets"]
        return np.frombuffer(raw[8 + n + a : 8 + n + b], kind).reshape(head[key]["shape"])
    kind = {"F16": np.float16, "F32": np.float32}[head["embeddings"]["dtype"]]
    labels = tensor("labels", {"I32": np.int32, "I64": np.int64}[head["labels"]["dtype"]]).astype(int)
    x = tensor("embeddings", kind).astype(np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True), labels


erf = np.vectorize(math.erf)
gelu = lambda a: 0.5 * a * (1 + erf(a / math.sqrt(2)))


def softmax(z):
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def loss(z, y):
    z = z - z.max(1, keepdims=True)
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]


def calibrated(z, y):
    """Likelihood at the temperature that is best when labels are smoothed by 1 / (n + 1): golden section."""
    n, c = z.shape
    s = 1 / (n + 1)
    d = z - z.max(1, keepdims=True)
    target = ((1 - s) * d[np.arange(n), y] + s * d.mean(1)).mean()
    cost = lambda e: np.log(np.exp(d / math.exp(e)).sum(1)).mean() - target / math.exp(e)
    r = (math.sqrt(5) - 1) / 2
    low, high = math.log(0.02), math.log(20)
    left, right = high - r * (high - low), low + r * (high - low)
    fl, fr = cost(left), cost(right)
    while high - low > 1e-3:
        if fl < fr:
            high, right, fr = right, left, fl
            left = high - r * (high - low)
            fl = cost(left)
        else:
            low, left, fl = left, right, fr
            right = low + r * (high - low)
            fr = cost(right)
    t = math.exp((low + high) / 2)
    return loss(z / t, y).mean(), t


SHRINKAGES = [0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95]
SHARES = [0] + [10 ** (-3 + 0.5 * k) for k in range(11)]
RIDGES = [0.001, 0.01, 0.1, 1, 10]
SIZES = [1, 2, 4, 8, 16, 32]


class Fit:
    def __init__(f, x, y, tx, ty, vx, vy, g, h):
        f.x, f.y, f.tx, f.ty, f.vx, f.vy, f.g, f.h = x, y, tx, ty, vx, vy, g, h
        f.c, f.d = ty.max() + 1, x.shape[1]
        f.P = np.stack([tx[ty == c].mean(0) for c in range(f.c)])
        f.P /= np.linalg.norm(f.P, axis=1, keepdims=True)
        k = max(1, min(5, np.bincount(y).max()))
        seen, f.fold = np.zeros(f.c, int), np.zeros(len(y), int)
        for i, c in enumerate(y):
            f.fold[i] = (seen[c] + c) % k
            seen[c] += 1
        f.k = k
        f.memo = {}
        f.sizes = {1: 0, 2: 0}
        f.temperature = {1: 1.0, 2: 1.0}

    def cached(f, key, make):
        if key not in f.memo:
            f.memo[key] = make()
        return f.memo[key]

    def covariance(f, out):
        def make():
            keep = ~np.isin(f.fold, list(out))
            x, y = np.concatenate([f.x[keep], f.tx]), np.concatenate([f.y[keep], f.ty])
            mu = np.stack([x[y == c].mean(0) for c in range(f.c)])
            return mu, (x - mu[y]).T @ (x - mu[y]) / len(x)
        return f.cached(("s", out), make)

    def metric(f, out, rho):
        s = f.covariance(out)[1]
        return (1 - rho) * s + rho * np.trace(s) / f.d * np.eye(f.d)

    def gaussian(f, out, rho):
        def make():
            mu = f.covariance(out)[0]
            w = np.linalg.solve(f.metric(out, rho), mu.T).T
            return w, -0.5 * (w * mu).sum(1)
        return f.cached(("g", out, rho), make)

    def head(f, out):
        w, b = f.gaussian(out, f.rho)
        s = 1 / ((1 + f.share) * f.t)
        return s * (10 * f.P + 0.1 * f.share * w), s * 0.1 * f.share * b

    def inverse(f, out):
        w = f.head(out)[0]
        w = w - w.mean(0)
        q = w.T @ w
        return np.linalg.solve(q + 1e-3 * np.trace(q) / f.d * np.eye(f.d), w.T).T

    def layer(f, rows, y, out, width, skip):
        order = sorted(range(len(y)), key=lambda i: ((y[:i] == y[i]).sum(), y[i]))
        centres = [order[(i + skip) % len(order)] for i in range(min(width, len(order)))]
        s, m = f.metric(out, 0.5), rows.mean(0)
        sampled = rows[:: max(1, len(rows) // 1000)]
        spread = math.sqrt(((sampled - m) * np.linalg.solve(s, (sampled - m).T).T).sum(1).mean())
        u = rows[centres] - m
        w = np.linalg.solve(s, u.T).T
        w *= 4 / (np.sqrt((w * u).sum(1, keepdims=True)) * spread)
        b = -0.8 - w @ m
        scale = math.sqrt((gelu(sampled @ w.T + b) ** 2).sum(1).mean())
        return lambda z: gelu(z @ w.T + b) / scale

    def across(f, out, answer):
        keep = np.where(~np.isin(f.fold, list(out)))[0]
        parts = {}
        for k in range(f.k):
            if k not in out:
                i = np.where(f.fold == k)[0]
                for r, v in zip(i, answer(tuple(sorted(out + (k,))), f.x[i])):
                    parts[r] = v
        return keep, np.array([parts[r] for r in keep])

    def judged(f, answer):
        own = answer((), f.vx)
        return np.concatenate([own, f.across((), answer)[1]]) if f.k > 1 else own

    def corrections(f, stage, out):
        """One function of rows for each ridge; none where no rows are left."""
        def make():
            logits = f.base if stage == 1 else f.after
            keep, z = f.across(out, logits)
            if not len(keep):
                return None
            y = f.y[keep]
            rows = f.x[keep] if stage == 1 else f.across(out, f.moved)[1]
            phi = f.layer(rows, y, out, f.g if stage == 1 else f.h, 0 if stage == 1 else f.g)
            a, r = phi(rows), np.eye(f.c)[y] - softmax(z)
            return [(phi, np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ r)) for ridge in RIDGES]
        return f.cached(("c", stage, out), make)

    def change(f, stage, out, rows):
        if not f.sizes[stage] or f.corrections(stage, out) is None:
            return np.zeros((len(rows), f.c))
        phi, a = f.corrections(stage, out)[f.ridge[stage]]
        return f.sizes[stage] * phi(rows) @ a

    def base(f, out, rows):
        w, b = f.head(out)
        return rows @ w.T + b

    def after(f, out, rows):
        return (f.base(out, rows) + f.change(1, out, rows)) / f.temperature[1]

    def moved(f, out, rows):
        return rows + f.change(1, out, rows) @ f.inverse(out)

    def final(f, out, rows):
        return (f.after(out, rows) + f.change(2, out, f.moved(out, rows))) / f.temperature[2]

    def run(f):
        y = np.concatenate([f.vy, f.y]) if f.k > 1 else f.vy
        kept = np.arange(0, len(y), max(1, (len(y) + 1999) // 2000))
        zero = f.judged(lambda out, rows: 10 * rows @ f.P.T)
        best = (np.inf,)
        for rho in SHRINKAGES:
            def linear(out, rows):
                w, b = f.gaussian(out, rho)
                return rows @ w.T + b
            l = f.judged(linear)
            for share in SHARES:
                v, t = calibrated((zero + 0.1 * share * l)[kept] / (1 + share), y[kept])
                if v < best[0]:
                    best = (v, rho, share, t)
        _, f.rho, f.share, f.t = best
        f.ridge = {}
        for stage in (1, 2):
            z = f.judged(f.base if stage == 1 else f.after)
            def changes(out, rows):
                at = rows if stage == 1 else f.moved(out, rows)
                made = f.corrections(stage, out)
                if made is None:
                    return np.zeros((len(rows), len(RIDGES), f.c))
                return np.stack([phi(at) @ a for phi, a in made], 1)
            e = f.judged(changes)
            v0, t0 = calibrated(z[kept], y[kept])
            best = (v0, 0, 0, t0)
            for i in range(len(RIDGES)):
                for size in SIZES:
                    v, t = calibrated((z + size * e[:, i])[kept], y[kept])
                    if v < best[0]:
                        best = (v, i, size, t)
            if best[2]:
                gain = loss(z[kept] / t0, y[kept]) - loss((z + best[2] * e[:, best[1]])[kept] / best[3], y[kept])
                if gain.mean() <= 0.5 * gain.std(ddof=1) / math.sqrt(len(gain)):
                    best = (v0, 0, 0, t0)
            f.ridge[stage], f.sizes[stage], f.temperature[stage] = best[1], best[2], best[3]
        return f


def main():
    x, y = load("support")
    tx, ty = load("prompts")
    vx, vy = load("validation")
    qx, qy = load("test")
    cases = []
    for shots, g, h in [(1, 24, 8), (2, 24, 8), (6, 96, 32), (16, 96, 32)]:
        take = np.array([i for i in range(len(y)) if (y[:i] == y[i]).sum() < shots])
        f = Fit(x[take], y[take], tx, ty, vx, vy, g, h).run()
        z = f.final((), qx)
        cases.append(dict(
            shots=shots, velocity_hidden=g, hidden=h, shrinkage=f.rho, share=f.share,
            ridges=[RIDGES[f.ridge[1]], RIDGES[f.ridge[2]]], sizes=[f.sizes[1], f.sizes[2]],
            accuracy=float((z.argmax(1) == qy).mean()), nll=float(loss(z, qy).mean()),
            logits=[[round(v, 5) for v in (r - r.mean())] for r in z[:5].tolist() for r in [np.array(r)]]))
        print(cases[-1]["shots"], cases[-1]["accuracy"], file=sys.stderr)
    print('{"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "\n]}")


main()
