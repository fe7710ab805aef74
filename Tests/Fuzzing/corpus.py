"""Writes the valid seeds of Corpus/ from nothing: python3 corpus.py, no packages.

Files named found-… beside them are inputs that a decoder once mishandled, or hostile ones worth starting from; they are
kept as they are.
"""

import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).parent / "Corpus"
SET = {"schema": "embedding-set/1", "encoder": "e", "classes": json.dumps(["left", "rechts ü"])}


def put(name, data):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def floats(count, scale=8):
    return struct.pack(f"<{count}f", *[(i % 9 - 4) / scale for i in range(count)])


def halves(count):
    return struct.pack(f"<{count}e", *[(i % 9 - 4) / 8 for i in range(count)])


def header(tensors, metadata=None):
    entries, end = {}, 0
    if metadata:
        entries["__metadata__"] = metadata
    for name, dtype, shape, data in tensors:
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
        end += len(data)
    return json.dumps(entries).encode()


def safetensors(tensors, metadata=None):
    text = header(tensors, metadata)
    return struct.pack("<Q", len(text)) + text + b"".join(data for _, _, _, data in tensors)


def block(content, last, kind=0, size=None):
    return struct.pack("<I", (len(content) if size is None else size) << 3 | kind << 1 | last)[:3] + content


def frame(*blocks, window=0x40, size=None):
    start = b"\x28\xb5\x2f\xfd" + bytes([0xC0 if size is not None else 0, window])
    return start + (b"" if size is None else struct.pack("<Q", size)) + b"".join(blocks)


def npy(descr, shape, data, version=1):
    literal = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    width = 2 if version == 1 else 4
    literal += " " * (-(9 + width + len(literal)) % 64) + "\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(literal).to_bytes(width, "little") + literal.encode() + data


def sets():
    ids = struct.pack("<3q", 7, -1, 1 << 62)
    texts = ["a", "", "日本"]
    text = "".join(texts).encode()
    offsets = struct.pack("<4q", 0, 1, 1, len(text))
    labels = struct.pack("<3i", 0, -1, 1)
    rows = ("embeddings", "F32", [3, 2], floats(6))
    yield "f32", [rows], None
    yield "f16-ids", [("embeddings", "F16", [3, 2], halves(6)), ("ids", "I64", [3], ids)], SET
    yield "bf16", [("embeddings", "BF16", [3, 2], floats(3))], SET
    yield "labels", [rows, ("labels", "I32", [3], labels)], SET
    yield "labels64", [rows, ("labels", "I64", [3], struct.pack("<3q", 1, 0, -1))], SET
    yield "velocity", [("velocity", "F32", [3, 2], floats(6)), rows], {**SET, "normalized": "false"}
    yield "text-ids", [
        ("ids_utf8", "U8", [len(text)], text), rows, ("ids_offsets", "I64", [4], offsets)], {**SET, "producer": "p"}
    yield "texts", [rows], {**SET, "texts": json.dumps(["one", "two\n", "drei\u00fc\U0001f701"])}
    yield "refined", [
        rows, ("predicted", "I32", [3], labels), ("score", "F32", [3], floats(3)), ("status", "U8", [3], b"\0\1\2")], SET
    yield "extras", [("x", "F8_E4M3", [3], b"abc"), rows, ("nothing", "F32", [0, 9], b"")], {"colour": "blue"}


def model(order, h=2, g=0, c=2, d=3, config=None, **extra):
    tensors = [("classifier.weight", "F32", [c, d], floats(c * d))]
    if order > 0:
        tensors += [
            ("field.position.weight", "F32", [h, d], floats(h * d)), ("field.time.weight", "F32", [h], floats(h)),
            ("field.bias", "F32", [h], floats(h)), ("field.output.weight", "F32", [d, h], floats(d * h)),
            ("field.output.bias", "F32", [d], floats(d))]
    if order == 2:
        tensors += [("field.velocity.weight", "F32", [h, d], floats(h * d)),
                    ("field.damping", "F32", [1], struct.pack("<f", 0.5))]
    if g:
        tensors += [
            ("velocity.input.weight", "F32", [g, d], floats(g * d)), ("velocity.input.bias", "F32", [g], floats(g)),
            ("velocity.output.weight", "F32", [d, g], floats(d * g)), ("velocity.output.bias", "F32", [d], floats(d))]
    tensors += [(name.replace("_", "."), "F32", shape, floats(len(shape) and shape[0] * (shape[1:] or [1])[0]))
                for name, shape in extra.items()]
    keys = {"order": order, "steps": 2, **(config or {})}
    return safetensors(tensors, {
        "schema": "sono-model/1", "config": json.dumps(keys), "classes": json.dumps([f"c{i}" for i in range(c)])})


def main():
    for name, tensors, metadata in sets():
        put(f"embedding-set/{name}.safetensors", safetensors(tensors, metadata))
        put(f"safetensors/{name}.json", header(tensors, metadata))
    whole = safetensors(*list(sets())[1][1:])
    put("embedding-set/frames.safetensors.zst", frame(block(whole[:9], 1)) + frame(block(whole[9:], 1), size=len(whole) - 9))
    put("embedding-set/f4.npy", npy("<f4", (3, 2), floats(6)))
    put("embedding-set/f2-v2.npy", npy("<f2", (3, 2), halves(6), version=2))
    put("embedding-set/f4.npy.zst", frame(block(npy("<f4", (3, 2), floats(6)), 1)))
    for name, literal in [
        ("f4", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n"),
        ("f2", '{"shape":(3,2),"fortran_order":False,"descr":"<f2"}'),
        ("unsupported_format-fortran", "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }"),
        ("unsupported_format-records", "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,), }"),
        ("unsupported_format-cube", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 1), }"),
        ("unsupported_format-empty", "{'descr': '|O', 'fortran_order': False, 'shape': (), }"),
    ]:
        put(f"npy/{name}.literal", literal)
    content = bytes(range(256)) * 2
    put("zstd/raw.zst", frame(block(content, 1)))
    put("zstd/size.zst", frame(block(content[:5], 0), block(content[5:], 1), size=len(content)))
    put("zstd/run.zst", frame(block(b"a", 0, kind=1, size=4000), block(b"", 1)))
    put("zstd/frames.zst", b"".join([
        struct.pack("<II", 0x184D2A53, 3) + b"abc", frame(block(content, 1)), frame(block(b"", 1)),
        struct.pack("<II", 0x184D2A50, 0), frame(block(b"b", 1, kind=1, size=70))]))
    put("zstd/bare.bin", content)
    put("zstd/empty.bin", b"")
    everything = {
        "activation": "gelu", "solver": "midpoint", "horizon": 0.5, "mix": 0.5, "logit_scale": 10, "prior_scale": 2,
        "temperature": 1.5, "classifier": "affine", "dimension": 3, "hidden": 2, "encoder": "e"}
    put("model/order2.safetensors", model(2))
    put("model/order2-all.safetensors", model(
        2, g=2, config=everything, classifier_bias=[2], prior_weight=[2, 3], input_mean=[3]))
    put("model/order1.safetensors", model(1, config={"solver": "rk4-38"}))
    put("model/order0.safetensors", model(0))
    put("model/nystrom.safetensors", safetensors([
        ("classifier.weight", "F16", [2, 3], halves(6)), ("field.position.weight", "BF16", [2, 3], floats(3)),
        ("field.output.weight", "F64", [3, 2], struct.pack("<6d", *[0.1] * 6)), ("field.damping", "F32", [], floats(1, -8))],
        {"config": json.dumps({"solver": "dprkn4", "steps": 1}), "classes": '["a", "b"]'}))
    put("model/compressed.safetensors.zst", frame(block(model(2), 1)))
    put("pipeline/model.yaml", "model: a.safetensors\n")
    put("pipeline/full.yaml", """# all keys
model: "/models/a.safetensors"
refine:
  solver: rk4-38
  steps: 4
classify: { top_k: 5 }
output:
  features: float16
limits:
  rows: 1000
  batch_bytes: 64MiB
  attempts: 2
  deadline: 90s
retention: { inputs: 12h, results: 30d, jobs: keep, failed: keep }
settle: 500ms
incomplete_after: 1min
""")
    put("pipeline/features.yaml", """%YAML 1.1
---
? model
: !!str &m |
  a
output: {features: &f none}
retention: {inputs: 7d, ? jobs : keep}
...
""")
    put("pipeline/alias.yaml", "retention: { inputs: &d 7d, failed: *d }\nmodel: 'it''s'\n")


main()
