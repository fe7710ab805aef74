"""Runs the program under test, and prints tables in Markdown."""

import json
import os
import subprocess
import sys

SONO = os.environ.get("SONO", ".build/release/sono")


def bench(*arguments, kernel=None):
    """One `sono bench`, as the document it prints."""
    environment = dict(os.environ, **({"SONO_KERNEL": kernel} if kernel else {}))
    command = [SONO, "bench", *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout)


def say(words):
    print(words, file=sys.stderr, flush=True)


def table(titles, rows):
    """The first column is text, the others are figures."""
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def load():
    return os.getloadavg()[0]


def micro(seconds):
    return f"{seconds * 1e6:.3g}" if seconds < 1e-4 else f"{seconds * 1e6:.0f}"
