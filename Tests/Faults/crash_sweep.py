#!/usr/bin/env python3
"""The service killed before and after every call by which it changes its disk, and started again.

Three lives are swept: the very first start of a service, with batches dropped as soon as it takes them; a start with
batches of every kind waiting (done, duplicate, refused, failed in computing, with refined vectors), then an orderly
stop; and settled jobs that are requeued. A dry run lists the calls; then each is once the call before which SIGKILL
comes, and once the last one made. After each kill the service runs free until nothing waits, and everything is checked.

usage: crash_sweep.py [--binary SONO] [--sample N] [--seed S] [--jobs J] [--until-broken]
"""

import argparse
import collections
import concurrent.futures
import os
import random
import sys
import tempfile
import time

import lives
import service
from service import Broken


def attempt(life, scratch, kill):
    """One kill and what came of it: (label of the call or None, rows, what was broken or None)."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="crash-") as folder:
        root = os.path.join(folder, "root")
        label, rows = None, 0
        try:
            program, missing = life.run(folder, **kill)
            label = program.killed_at.label if program.killed_at else None
            service.recover(life.binary, root, os.path.join(folder, "free.log"), missing)
            rows = service.check(life.binary, root, life.batches, kills=1, requeued=life.requeued)
            return label, rows, None
        except Broken as broken:
            return label, rows, str(broken)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(service.REPOSITORY, ".build/release/sono"))
    parser.add_argument("--sample", type=int, help="so many kills, spread over all")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10_000))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--until-broken", action="store_true", help="end at the first that is broken")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=service.SCRATCH, prefix="sono-crash-sweep-") as scratch:
        ok = sweep(options, scratch)
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}")
    return 0 if ok else 1


def sweep(options, scratch):
    points = []
    listed = collections.Counter()
    for life in lives.all(options.binary, scratch):
        folder = os.path.join(scratch, "dry-" + life.name.replace(" ", "-"))
        os.makedirs(folder)
        program, _ = life.run(folder)
        service.check(
            options.binary, os.path.join(folder, "root"), life.batches, kills=0, requeued=life.requeued)
        for call in [call for call in program.calls if call.name != "drop"]:
            listed[call.label] += 1
            points += [(life, {"kill_before": call.number}), (life, {"kill_after": call.number})]
        print(f"{life.name}: {len(program.calls)} calls that change the disk", flush=True)
    if options.sample:
        random.Random(options.seed).shuffle(points)
        points = points[: options.sample]
    reached = {"kill_before": collections.Counter(), "kill_after": collections.Counter()}
    unreached, rows, failures = 0, 0, []
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(attempt, life, scratch, kill): (life, kill) for life, kill in points}
        for future in concurrent.futures.as_completed(futures):
            life, kill = futures[future]
            label, found, broken = future.result()
            rows += found
            if sum(c.total() for c in reached.values()) % 100 == 99:
                print(f"{sum(c.total() for c in reached.values()) + 1} kills, {len(failures)} broken", flush=True)
            if label:
                reached[next(iter(kill))][label] += 1
            else:
                unreached += 1
            if broken:
                failures.append(f"{life.name}, {kill}, at {label}: {broken}")
                print("BROKEN", failures[-1], flush=True)
                if options.until_broken:
                    pool.shutdown(wait=True, cancel_futures=True)
                    break
    tell(listed, reached, unreached, rows, failures, len(points), options.sample)
    return not failures


def tell(listed, reached, unreached, rows, failures, points, sample):
    """The table: by system call, and what no kill came to."""
    print(f"{'system call':<18}{'made':>6}{'killed before':>15}{'killed after':>14}")
    by_name = collections.defaultdict(lambda: [0, 0, 0])
    for column, counter in enumerate([listed, reached["kill_before"], reached["kill_after"]]):
        for label, count in counter.items():
            by_name[label.split()[0]][column] += count
    for name, (made, before, after) in sorted(by_name.items()):
        print(f"{name:<18}{made:>6}{before:>15}{after:>14}")
    total = [sum(column) for column in zip(*by_name.values())]
    print(f"{'all':<18}{total[0]:>6}{total[1]:>15}{total[2]:>14}")
    if not sample:
        for way, counter in reached.items():
            never = [label for label in listed if label not in counter]
            if never:
                print(f"{way}: no kill at {', '.join(sorted(never))}")
    print(
        f"crash points tried: {points} ({unreached} came to their end first); rows checked: {rows}; "
        f"broken: {len(failures)}")


if __name__ == "__main__":
    sys.exit(main())
