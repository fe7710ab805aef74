"""Writes the fixtures beside this file: what Python's writers make of one small set, in all their variants.

    pip install numpy==2.4.6 safetensors==0.8.0 zstandard==0.25.0 && python make.py

good/ must be read as the one set below; refused/ must be refused with the code in front of the first dash.
"""

import io
import json
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import zstandard as zstd
from safetensors import TensorSpec, serialize
from safetensors.numpy import save

ROOT = pathlib.Path(__file__).parent
ROWS, COLUMNS = 5, 4
# Exact in float16 and bfloat16 alike.
EMBEDDINGS = (np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS) - 7) / 8
VELOCITY = np.ascontiguousarray(EMBEDDINGS[::-1] * 2)
IDS = np.array([7, -1, 2**62, 0, 3])
TEXT_IDS = ["first", "", "zwölf", "日本語", "🜁"]
LABELS = np.array([0, 1, -1, 1, 0])
METADATA = {
    "schema": "embedding-set/1",
    "encoder": "fixture encoder",
    "normalized": "false",
    "classes": json.dumps(["left", "rechts ü"]),
    "producer": "make.py",
}


def save_bfloat16(metadata=None, **others):
    """NumPy has no bfloat16, so the library is given the bits."""
    arrays = {"embeddings": (EMBEDDINGS.astype("<f4").view("<u4") >> 16).astype("<u2"), **others}
    specs = {
        name: TensorSpec(
            dtype="bfloat16" if name == "embeddings" else str(array.dtype), shape=list(array.shape),
            data_ptr=array.ctypes.data, data_len=array.nbytes)
        for name, array in arrays.items()
    }
    return serialize(specs, metadata=metadata)


def text_ids():
    parts = [text.encode() for text in TEXT_IDS]
    offsets = np.cumsum([0] + [len(part) for part in parts])
    return {"ids_utf8": np.frombuffer(b"".join(parts), dtype=np.uint8), "ids_offsets": offsets.astype("<i8")}


def by_hand(tensors, metadata=None, padding=0):
    """A safetensors file with its tensors in the order given: [(name, dtype, shape, bytes)]."""
    header, payload = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(payload), len(payload) + len(data)]}
        payload += data
    text = json.dumps(header).encode() + b" " * padding
    return struct.pack("<Q", len(text)) + text + payload


def npy(array, version=(1, 0)):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def streamed(data, piece=64, **options):
    out = io.BytesIO()
    writer = zstd.ZstdCompressor(**options).stream_writer(out, closefd=False)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
    writer.close()
    return out.getvalue()


def skippable(content=b"not for you"):
    return struct.pack("<II", 0x184D2A53, len(content)) + content


def put(name, data):
    path = ROOT / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def good():
    full = {"embeddings": EMBEDDINGS.astype("<f2"), "ids": IDS, "labels": LABELS.astype("<i4")}
    base = save(full, METADATA)
    put("good/f16-ids-labels.safetensors", base)
    put("good/f32-bare.safetensors", save({"embeddings": EMBEDDINGS}))
    put("good/f32-labels64.safetensors", save({"embeddings": EMBEDDINGS, "labels": LABELS}, METADATA))
    put("good/f16-velocity.safetensors", save({**full, "velocity": VELOCITY.astype("<f2")}, METADATA))
    put("good/f32-textids.safetensors", save({"embeddings": EMBEDDINGS, **text_ids()}, METADATA))
    put("good/f32-texts.safetensors", save(
        {"embeddings": EMBEDDINGS}, {**METADATA, "texts": json.dumps([f"text {i}" for i in range(ROWS)])}))
    put("good/bf16-ids.safetensors", save_bfloat16(METADATA, ids=IDS))
    text = text_ids()
    put("good/f32-anyorder-textids-velocity.safetensors", by_hand([
        ("ids_utf8", "U8", [len(text["ids_utf8"])], text["ids_utf8"].tobytes()),
        ("velocity", "F32", [ROWS, COLUMNS], VELOCITY.tobytes()),
        ("embeddings", "F32", [ROWS, COLUMNS], EMBEDDINGS.tobytes()),
        ("ids_offsets", "I64", [ROWS + 1], text["ids_offsets"].tobytes())], METADATA, padding=3))
    put("good/f16-unknown-extras.safetensors", by_hand([
        ("extra", "U8", [3], b"abc"),
        ("embeddings", "F16", [ROWS, COLUMNS], EMBEDDINGS.astype("<f2").tobytes()),
        ("nothing", "F32", [0, 9], b"")], {**METADATA, "colour": "blue"}))

    put("good/f16-ids-labels-oneshot.safetensors.zst", zstd.ZstdCompressor().compress(base))
    put("good/f16-ids-labels-checksum.safetensors.zst", zstd.ZstdCompressor(write_checksum=True).compress(base))
    put("good/f16-ids-labels-nosize.safetensors.zst", zstd.ZstdCompressor(write_content_size=False).compress(base))
    put("good/f16-ids-labels-streamed.safetensors.zst", streamed(base))
    put("good/f16-ids-labels-streamed-checksum.safetensors.zst", streamed(base, write_checksum=True))
    put("good/f16-ids-labels-level22.safetensors.zst", zstd.ZstdCompressor(level=22).compress(base))
    put("good/f16-ids-labels-threads.safetensors.zst", zstd.ZstdCompressor(threads=2).compress(base))
    one = zstd.ZstdCompressor(write_checksum=True)
    put("good/f16-ids-labels-frames.safetensors.zst", b"".join(
        [one.compress(base[:5]), one.compress(base[5:301]), streamed(base[301:], write_checksum=True)]))
    put("good/f16-ids-labels-skippable.safetensors.zst", b"".join(
        [skippable(), one.compress(base[:100]), skippable(b""), one.compress(base[100:]), one.compress(b""), skippable()]))
    put("good/f32-textids-velocity.safetensors.zst", streamed(
        save({"embeddings": EMBEDDINGS, "velocity": VELOCITY, **text_ids()}, METADATA), write_checksum=True))
    put("good/bf16-suffix-lies.npy", zstd.ZstdCompressor().compress(save_bfloat16()))

    put("good/f32-v1.npy", npy(EMBEDDINGS))
    put("good/f16-v2.npy", npy(EMBEDDINGS.astype("<f2"), (2, 0)))
    put("good/f32-v3.npy", npy(EMBEDDINGS, (3, 0)))
    put("good/f16-oneshot.npy.zst", zstd.ZstdCompressor().compress(npy(EMBEDDINGS.astype("<f2"))))
    put("good/f32-streamed.npy.zst", streamed(npy(EMBEDDINGS), write_checksum=True))


def refused():
    put("refused/unsupported_format-fortran.npy", npy(np.asfortranarray(EMBEDDINGS)))
    put("refused/unsupported_format-bigendian.npy", npy(EMBEDDINGS.astype(">f4")))
    put("refused/unsupported_format-float64.npy", npy(EMBEDDINGS.astype("<f8")))
    put("refused/unsupported_format-integers.npy", npy(IDS.reshape(5, 1)))
    put("refused/unsupported_format-vector.npy", npy(EMBEDDINGS[0]))
    put("refused/unsupported_format-cube.npy", npy(EMBEDDINGS.reshape(5, 2, 2)))
    put("refused/unsupported_format-scalar.npy", npy(np.float32(1)))
    put("refused/unsupported_format-records.npy", npy(np.zeros((2, 2), dtype=[("x", "<f4"), ("y", "<i4")])))
    objects = io.BytesIO()
    np.save(objects, np.array([[1, "a"]], dtype=object), allow_pickle=True)
    put("refused/unsupported_format-objects.npy", objects.getvalue())
    archive = io.BytesIO()
    np.savez(archive, embeddings=EMBEDDINGS)
    put("refused/unsupported_format-archive.npz", archive.getvalue())
    put("refused/unsupported_format-archive.npz.zst", zstd.ZstdCompressor().compress(archive.getvalue()))
    put("refused/unsupported_format-pickle.pkl", pickle.dumps(EMBEDDINGS))
    put("refused/unsupported_format-pickle2.pkl", pickle.dumps(EMBEDDINGS, protocol=2))
    # The layout of torch.save, without torch.
    torch = io.BytesIO()
    with zipfile.ZipFile(torch, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(EMBEDDINGS, protocol=2))
        file.writestr("archive/version", "3\n")
    put("refused/unsupported_format-torch.pt", torch.getvalue())
    put("refused/no_rows-empty.npy", npy(EMBEDDINGS[:0]))
    put("refused/no_rows-empty.safetensors", save({"embeddings": EMBEDDINGS[:0]}))
    put("refused/unsupported_format-schema2.safetensors", save(
        {"embeddings": EMBEDDINGS}, {**METADATA, "schema": "embedding-set/2"}))
    put("refused/unsupported_format-model.safetensors", save(
        {"classifier.weight": EMBEDDINGS}, {"schema": "sono-model/1"}))
    put("refused/unsupported_format-float64.safetensors", save({"embeddings": EMBEDDINGS.astype("<f8")}))
    put("refused/unsupported_format-misnamed.safetensors", save({"features": EMBEDDINGS}))
    put("refused/too_large-window.safetensors.zst", streamed(
        save({"embeddings": EMBEDDINGS}), compression_params=zstd.ZstdCompressionParameters(window_log=27)))
    trained = zstd.train_dictionary(2048, [bytes([i % 256, i // 7 % 256, 1, 2, 3]) * 40 for i in range(400)])
    put("refused/unsupported_format-dictionary.safetensors.zst", zstd.ZstdCompressor(dict_data=trained).compress(
        save({"embeddings": EMBEDDINGS})))


good()
refused()
