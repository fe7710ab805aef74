#!/usr/bin/env python3
"""Proof that the tests bite: each protection is taken out, and something must go red.

Two kinds. A call that makes something durable is left out of the recorded life of the service (power_loss.py
--without), which needs no building; every fsync and fdatasync that the recordings hold is tried. An ordering, the lock,
the second hash and the like are patched out of a copy of the tree, the program is built again, and a campaign or a test
is run.

usage: mutants.py [--binary SONO] [--tree COPY] [--only TEXT] [--calls | --patches] [--states N] [--minutes M] [--seed S]

--tree names a copy of the tree that is built already; without it one is made and built. What does not fit into the
minutes is listed as not run.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import lives
import service


@dataclass(frozen=True)
class Patch:
    protection: str
    # File, text and what takes its place.
    edits: tuple
    # "crash" or "power", or the name of a test.
    check: str


SPOOLING, PIPELINES, ACCOUNTING = "Sources/Spooling/", "Sources/Pipelines/", "Sources/Accounting/"

PATCHES = [
    Patch(
        "order 0, 1: the name is noted before the file moves",
        (
            (
                PIPELINES + "BatchLife.swift",
                "        try store.noteClaims(\n",
                "        let outcomes = pipeline.spool.claim(pairs)\n        try store.noteClaims(\n",
            ),
            (PIPELINES + "BatchLife.swift", "zip(pairs, pipeline.spool.claim(pairs))", "zip(pairs, outcomes)"),
        ),
        "crash",
    ),
    Patch(
        "order 1, 2: the file's own bytes are durable before the job row",
        (
            (
                PIPELINES + "BatchLife+Admission.swift",
                "        try pipeline.spool.makeDurable(token, name: name)\n        let admitted",
                "        let admitted",
            ),
        ),
        "power",
    ),
    Patch(
        "order 3, 4: the attempt is counted before anything is computed",
        (
            (
                PIPELINES + "BatchLife.swift",
                "            try store.begin(job.id, pipeline.execution, besides: other)\n",
                "            if other?.0 == 0 { try store.begin(job.id, pipeline.execution, besides: other) }\n",
            ),
            (
                PIPELINES + "BatchLife.swift",
                "        let outcome: Outcome\n        do {\n            let ready",
                "        let outcome: Outcome\n        _ = try? store.begin(job.id, pipeline.execution)\n"
                "        do {\n            let ready",
            ),
        ),
        "DurabilityTests/order",
    ),
    Patch(
        "order 5, 6: the refined vectors are durable before the rows are visible",
        (
            (
                "Sources/TensorFiles/AtomicFile.swift",
                "guard fsync(descriptor) == 0 else { throw Failure.system(\"fsync \\(path)\") }\n        guard rename",
                "guard rename",
            ),
        ),
        "power",
    ),
    Patch(
        "order 6: rows and state in one transaction",
        (
            (
                ACCOUNTING + "Store+Life.swift",
                "            try insertion.run(on: database)\n        }\n",
                "        }\n        try transaction { database, _ in\n"
                "            try ResultInsertion(batch: batch, job: job, progress: progress).run(on: database)\n"
                "        }\n",
            ),
        ),
        "crash",
    ),
    Patch(
        "order 6, 7: the rows are visible before the file moves",
        (
            (
                PIPELINES + "BatchLife.swift",
                "        let output = ready.output\n        let commitSeconds",
                "        let output = ready.output\n        let (token, name) = try identify(job)\n"
                "        _ = try pipeline.spool.settle(token, jobID: job.id, name: name)\n        let commitSeconds",
            ),
        ),
        "crash",
    ),
    Patch(
        "order 7: an input comes to failed/ only after its reason",
        (
            (
                SPOOLING + "SpoolDirectory+Settle.swift",
                "        if case .free(let targetName) = target {"
                " try write(reason, beside: targetName, token: token) }\n"
                "        return try file(token, as: target, in: failed)\n",
                "        let filed = try file(token, as: target, in: failed)\n"
                "        if case .free(let targetName) = target {"
                " try write(reason, beside: targetName, token: token) }\n"
                "        return filed\n",
            ),
        ),
        "crash",
    ),
    Patch(
        "commits are durable (synchronous=FULL)",
        (
            (ACCOUNTING + "StoreConnection.swift", "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;"),
            (ACCOUNTING + "StoreConnection.swift", "guard level == 2", "guard level == 1"),
        ),
        "power",
    ),
    Patch(
        "the second hash: bytes that change are not computed under the first one's name",
        (
            (
                PIPELINES + "BatchLife.swift",
                "guard output.sha256 == job.sha256 else",
                "guard output.sha256.count == 64 else",
            ),
        ),
        "BatchLifeTests",
    ),
    Patch(
        "the lock: one daemon at a time",
        ((SPOOLING + "SpoolLock.swift", "LOCK_EX | LOCK_NB) != 0 {", "LOCK_EX | LOCK_NB) > 0 {"),),
        "SpoolLockTests",
    ),
    Patch(
        "a crash counts against the batch that was computed",
        (
            (
                ACCOUNTING + "Store+Recovery.swift",
                'setting: "not_before = ?, retries',
                'setting: "attempts = attempts - 1, not_before = ?, retries',
            ),
        ),
        "RecoveryTests",
    ),
    Patch(
        "a move never replaces",
        (
            (
                SPOOLING + "SystemCalls.swift",
                "let flags = replacing ? 0 : RENAME_NOREPLACE",
                "let flags: UInt32 = replacing ? 0 : 0",
            ),
        ),
        "SpoolDirectoryTests|SubmissionTests",
    ),
    Patch(
        "a claim note without a file is forgotten only where the file is not in work/",
        (
            (
                PIPELINES + "Recovery.swift",
                "if let token = ClaimToken(note.token), inWork[token] != nil { continue }",
                "if let token = ClaimToken(note.token), inWork[token] != nil, notes.isEmpty { continue }",
            ),
        ),
        "ModelBasedTests",
    ),
]


# Calls without which no disk was found broken, and why that is right.
OTHER_END = "the other end of the rename is synced too, and either makes it durable"
AT_BIRTH = "the store is empty then, and nothing was answered"
SPARED = {
    **{f"fsync spool/{name}/{folder}": OTHER_END for name in "fp" for folder in ("incoming", "work", "done")},
    "fdatasync state": AT_BIRTH,
    "fdatasync state/sono.sqlite-journal": AT_BIRTH,
    "fsync state/sono.sqlite": AT_BIRTH,
    "fsync state/models": "a kept model that is missing is kept anew",
}


class Campaign:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + 60 * options.minutes
        self.rows = []

    def run(self):
        if not self.options.patches:
            self.leave_out_calls()
        if not self.options.calls:
            self.apply_patches()
        print(f"\n{'protection taken out':<78}{'by':<20}{'verdict':>12}")
        for protection, check, verdict in self.rows:
            print(f"{protection:<78}{check:<20}{verdict:>12}")
        caught = sum(verdict == "red" for *_, verdict in self.rows)
        survived = sum(verdict == "GREEN" for *_, verdict in self.rows)
        spared = sum(verdict == "spared" for *_, verdict in self.rows)
        print(
            f"protections removed: {caught + survived + spared}; caught: {caught}; survived: {survived}; spared: {spared}; "
            f"not run: {len(self.rows) - caught - survived - spared}")
        return survived == 0

    def add(self, protection, check, verdict):
        self.rows.append((protection, check, verdict))
        print(f"{verdict:>8}  {protection}  ({check})", flush=True)

    def is_wanted(self, text):
        return not self.options.only or self.options.only in text

    @property
    def is_over(self):
        return time.monotonic() > self.end

    # MARK: Calls that are left out

    def leave_out_calls(self):
        # Either end of a rename makes it durable, so that one of them alone can be spared; not all.
        ends = ", ".join(f"fsync spool/p/{folder}" for folder in ("incoming", "work", "done"))
        for label in self.syncs() + [ends]:
            text = f"{label} (left out of the recording)"
            if not self.is_wanted(text):
                continue
            if self.is_over:
                self.add(text, "power_loss.py", "not run")
                continue
            leave_out = [word for one in label.split(", ") for word in ("--without", one)]
            verdict = self.campaign("power_loss.py", self.options.binary, leave_out)
            if verdict == "GREEN" and label in SPARED:
                text, verdict = f"{label}: {SPARED[label]}", "spared"
            self.add(text, "power_loss.py", verdict)

    def syncs(self):
        """Every kind of call that makes something durable, of all lives."""
        labels = set()
        with tempfile.TemporaryDirectory(dir=service.SCRATCH, prefix="sono-mutants-") as scratch:
            for life in lives.all(self.options.binary, scratch):
                folder = os.path.join(scratch, "dry-" + life.name.replace(" ", "-"))
                os.makedirs(folder)
                program, _ = life.run(folder)
                labels |= {call.label for call in program.calls if re.match(r"fsync|fdatasync|syncfs", call.name)}
        return sorted(labels)

    def campaign(self, script, binary, arguments):
        limits = {"power_loss.py": ["--states", str(self.options.states)], "crash_sweep.py": []}[script]
        command = [sys.executable, os.path.join(service.REPOSITORY, "Tests/Faults", script)]
        command += ["--binary", binary, "--seed", str(self.options.seed), "--until-broken"] + limits + arguments
        outcome = subprocess.run(command, capture_output=True, text=True)
        lines = [line for line in outcome.stdout.splitlines() if line.startswith("BROKEN")]
        if lines:
            print("         ", lines[0][:300], flush=True)
            return "red"
        if outcome.returncode != 0:
            print(outcome.stdout[-400:], outcome.stderr[-800:], flush=True)
            return "ERROR"
        return "GREEN"

    # MARK: Patches

    def apply_patches(self):
        wanted = [patch for patch in PATCHES if self.is_wanted(patch.protection)]
        with tempfile.TemporaryDirectory(prefix="sono-mutants-") as scratch:
            tree = self.options.tree or self.copy(os.path.join(scratch, "tree"))
            for patch in wanted:
                if self.is_over:
                    self.add(patch.protection, patch.check, "not run")
                    continue
                kept = {}
                try:
                    for file, text, other in patch.edits:
                        self.edit(os.path.join(tree, file), text, other, kept)
                    self.add(patch.protection, patch.check, self.judge(patch, tree))
                finally:
                    for path, text in kept.items():
                        with open(path, "w") as file:
                            file.write(text)

    def copy(self, tree):
        """The tracked files, as they are now."""
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=service.REPOSITORY, capture_output=True, check=True).stdout
        for name in listed.decode().split("\0"):
            if name and os.path.exists(os.path.join(service.REPOSITORY, name)):
                os.makedirs(os.path.dirname(os.path.join(tree, name)) or tree, exist_ok=True)
                shutil.copy2(os.path.join(service.REPOSITORY, name), os.path.join(tree, name))
        return tree

    def edit(self, path, text, other, kept):
        with open(path) as file:
            before = file.read()
        if before.count(text) != 1:
            raise SystemExit(f"{path} has {before.count(text)} times {text!r}: bring mutants.py up to date")
        kept.setdefault(path, before)
        with open(path, "w") as file:
            file.write(before.replace(text, other))

    def judge(self, patch, tree):
        is_campaign = patch.check in ("crash", "power")
        what = ["--product", "sono"] if is_campaign else ["--build-tests"]
        built = subprocess.run(["swift", "build", "-c", "release"] + what, cwd=tree, capture_output=True, text=True)
        if built.returncode != 0:
            print(built.stdout[-1500:], built.stderr[-500:], flush=True)
            return "NOT BUILT"
        if is_campaign:
            script = {"crash": "crash_sweep.py", "power": "power_loss.py"}[patch.check]
            return self.campaign(script, os.path.join(tree, ".build/release/sono"), [])
        outcome = subprocess.run(
            ["swift", "test", "-c", "release", "--skip-build", "--filter", patch.check],
            cwd=tree, capture_output=True, text=True)
        if "0 tests" in outcome.stdout and "1" not in outcome.stdout:
            return "ERROR"
        return "GREEN" if outcome.returncode == 0 else "red"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(service.REPOSITORY, ".build/release/sono"))
    parser.add_argument("--tree")
    parser.add_argument("--only", metavar="TEXT")
    parser.add_argument("--calls", action="store_true", help="only calls left out of recordings")
    parser.add_argument("--patches", action="store_true", help="only patches")
    parser.add_argument("--states", type=int, default=1500, help="power losses tried before one is called survived")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10_000))
    return 0 if Campaign(parser.parse_args()).run() else 1


if __name__ == "__main__":
    sys.exit(main())
