"""sono under a real systemd: installed, used, killed, hung, upgraded and purged in a container.

    systemd_test.py [--binary .build/release/sono] [--package sono.deb] [--root /]

The container is an overlay of a root directory, by default this machine's own, which stays as it is. A package is made
of the binary unless one is given.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import disk
import hang
import life
import package
import proxy
import sandbox
from container import Container, missing
from installed import PIPELINE, REPOSITORY, Installed
from promise import Tally

UPGRADE = "99.0"


def build(binary, folder):
    """Not pressed, which would take longer than all of the rest."""
    outcome = subprocess.run(
        [os.path.join(REPOSITORY, "packaging/deb"), binary, folder], text=True, stdout=subprocess.PIPE, check=True,
        env={**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"})
    return outcome.stdout.split()[0]


def packages(first, folder):
    """The package, and the same as of a later version."""
    tree, second = f"{folder}/tree", f"{folder}/upgrade.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", first, tree], check=True)
    control = f"{tree}/DEBIAN/control"
    with open(control) as file:
        lines = [f"Version: {UPGRADE}\n" if line.startswith("Version: ") else line for line in file]
    with open(control, "w") as file:
        file.writelines(lines)
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, second]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return first, second


def campaign(sono, tally, first, upgraded):
    check = tally.check
    check(package.install, sono, first)
    check(package.verified, sono)
    check(package.documents, sono)
    check(package.start_without_pipeline, sono)
    sono.add_people()
    sono.add_model()
    sono.configure("p", PIPELINE)
    check(sandbox.verify, sono)
    check(life.start, sono)
    check(sandbox.security, sono)
    check(sandbox.sandbox, sono)
    for function in (life.drop, life.read, life.stranger, life.reload_good):
        check(function, sono)
    # Two minutes go by until it is found, while the rest is tried.
    hung = hang.Hang(sono)
    check(hang.hold, hung)
    for function in (
        life.administer, life.reload_bad, life.second, proxy.proxy, proxy.metrics, life.killed, life.stopped,
        life.stop, life.dropped_while_down, life.configuration_error, life.start_waits, life.poison, disk.full,
        disk.read_only,
    ):
        check(function, sono)
    check(package.upgrade, sono, upgraded, UPGRADE)
    check(package.upgrade_stopped, sono, upgraded)
    check(package.upgrade_misconfigured, sono, upgraded)
    check(package.remove, sono)
    check(package.install_again, sono, upgraded)
    check(life.ten_thousand, sono)
    check(hang.thread_hangs, hung)
    check(package.purge, sono)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(REPOSITORY, ".build/release/sono"))
    parser.add_argument("--package")
    parser.add_argument("--root", default="/")
    arguments = parser.parse_args()
    lacking = missing()
    if lacking:
        sys.exit(f"not tried: {lacking}")
    # So that what is mounted goes away then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tally = Tally()
    container = Container(lower=arguments.root)
    try:
        with tempfile.TemporaryDirectory() as folder:
            inside = []
            for made in packages(arguments.package or build(arguments.binary, folder), folder):
                inside.append(f"/root/{os.path.basename(made)}")
                shutil.copy(made, container.path(inside[-1]))
        container.boot()
        campaign(Installed(container), tally, *inside)
    finally:
        container.close()
    tally.summary()
    sys.exit(1 if tally.broken else 0)


main()
