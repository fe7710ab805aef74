"""A real `sono serve` on a root of its own, and batches for it."""
import array
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
# D = 24, five classes, order 2, rk4 with 3 steps.
MODEL = os.path.join(HERE, "../RefinementTests/Fixtures/09.model.safetensors")
DIMENSION = 24
QUICK = "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\n"


class Service:
    def __init__(self, binary, pipelines, root=None):
        self.binary = os.path.abspath(binary)
        self.root = root or tempfile.mkdtemp(prefix="page-service-")
        for folder in ("pipeline.d", "models"):
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
        shutil.copy(MODEL, f"{self.root}/models/reference.safetensors")
        for name, text in pipelines.items():
            self.configure(name, text)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{self.address}/"
        self.start()

    def configure(self, pipeline, text):
        with open(f"{self.root}/pipeline.d/{pipeline}.yaml", "w") as file:
            file.write(text)

    def start(self):
        self.log = open(f"{self.root}/log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", "--root", self.root, "--http", self.address], stdout=self.log, stderr=self.log)
        self.wait(lambda: self.get("health/ready", anyway=True) is not None, "it answers")

    def get(self, path, anyway=False):
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.read()
        except (urllib.error.URLError, ConnectionError):
            if not anyway or self.process.poll() is not None:
                raise
            return None

    def json(self, path):
        return json.loads(self.get(path))

    def drop(self, pipeline, name, data):
        """Written elsewhere, then renamed, as a careful producer does."""
        spool = f"{self.root}/spool/{pipeline}"
        with open(f"{spool}/.tmp/x", "wb") as file:
            file.write(data)
        os.rename(f"{spool}/.tmp/x", f"{spool}/incoming/{name}")

    def jobs(self, state):
        return self.json(f"v1/jobs?state={state}&limit=1000")["jobs"]

    def wait(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"never came true: {what}")
            time.sleep(0.1)

    def close(self):
        self.process.kill()
        self.process.wait(30)
        self.log.close()
        # A root that was handed in is of somebody who takes it away himself.
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def batch(rows, seed, dimension=DIMENSION, encoder="reference"):
    """A safetensors file with random rows."""
    values = random.Random(seed)
    # One row moved along: many rows are quickly made, and each is another one.
    row = [values.gauss(0, 1) for _ in range(dimension + 997)]
    floats = array.array("f")
    for index in range(rows):
        start = index % 997
        floats.extend(row[start:start + dimension])
    header = json.dumps({
        "__metadata__": {"schema": "embedding-set/1", "encoder": encoder},
        "embeddings": {"dtype": "F32", "shape": [rows, dimension], "data_offsets": [0, len(floats) * 4]},
    }).encode()
    return struct.pack("<Q", len(header)) + header + floats.tobytes()
