"""A full disk, and one that turns read-only."""

import os
import stat
import subprocess
from contextlib import contextmanager

from container import call
from installed import PIPELINE, SPOOL, STATE
from promise import eventually, expect, promise


@contextmanager
def mounted(sono, spool, state):
    """The service over an empty spool and store on file systems of their own; afterwards over its own again."""
    sono.systemctl("stop", "sono")
    try:
        for where, how in ((SPOOL, spool), (STATE, state)):
            sono.run("mount", *how, where)
        # For the directories there are new.
        sono.run("systemd-tmpfiles", "--create", "sono.conf")
        with sono.another_ledger():
            sono.systemctl("start", "sono")
            yield
    finally:
        sono.outcome("systemctl", "stop", "sono")
        for where in (SPOOL, STATE):
            sono.outcome("umount", where)
        sono.systemctl("start", "sono")
        sono.wait_until_ready()


def tmpfs(size):
    return ("-t", "tmpfs", "-o", f"size={size}", "tmpfs")


@promise("a full file system pauses intake, the status line says so, and with room again all goes on by itself")
def full(sono):
    with mounted(sono, spool=tmpfs("64m"), state=tmpfs("48m")):
        sono.drop(rows=100)
        sono.wait_until_settled()
        sono.outcome("dd", "if=/dev/zero", f"of={STATE}/ballast", "bs=1M")
        sono.drop(rows=100)
        eventually(lambda: f"the line says so: {sono.line()}", lambda: "intake paused (no_space)" in sono.line(), 20)
        line = sono.line()
        expect(line.startswith("paused: "), line)
        expect(sono.show("ActiveState") == "active", "it is not active")
        sono.run("rm", f"{STATE}/ballast")
        seconds = eventually("it goes on", lambda: sono.line().startswith("ready: "), 30)
        sono.expect_nothing_lost()
    return f"\"{line}\"; ready {seconds:.1f} s after there was room"


@promise("a spool turned read-only is named in the journal and the status line, and loses nothing; checked and mounted again, all is done")
def read_only(sono):
    sono.configure("still", PIPELINE.replace("200ms", "3s"))
    image = f"{sono.container.work}/overlay/spool.image"
    call("truncate", "-s", "64M", image)
    call("mkfs.ext4", "-q", image)
    loop = call("losetup", "--find", "--show", image).strip()
    node = sono.path("/root/spool.disk")
    os.mknod(node, stat.S_IFBLK | 0o600, os.stat(loop).st_rdev)
    disk = ("-t", "ext4", "-o", "errors=remount-ro", "/root/spool.disk")
    try:
        with mounted(sono, spool=disk, state=tmpfs("1g")):
            sono.drop(rows=sono.lasting(4), pipeline="slow")
            # Still being written when it happens, by the time that is given to such files.
            for _ in range(3):
                name, data = sono.next_batch(70)
                file = f"{SPOOL}/still/incoming/{name}"
                sono.run("sh", "-c", f"cat > {file}; sync {file}", user="alice", data=data)
                sono.expect_rows(70, "still")
            with open(f"/sys/fs/ext4/{os.path.basename(loop)}/trigger_fs_error", "w") as file:
                file.write("1")
            expect(sono.outcome("touch", f"{SPOOL}/x").returncode != 0, "it can still be written")
            eventually(
                lambda: f"the journal names it: {sono.journal()}",
                lambda: "code=io_error pipeline=still" in sono.journal(), 70)
            eventually(lambda: f"the status line names it: {sono.line()}", lambda: "still: io_error" in sono.line(), 10)
            expect(sono.show("ActiveState") == "active", sono.journal())
            # What an administrator does then.
            sono.systemctl("stop", "sono")
            sono.run("umount", SPOOL)
            subprocess.run(["fsck.ext4", "-p", "-f", loop], capture_output=True)
            sono.run("mount", *disk, SPOOL)
            sono.systemctl("start", "sono")
            sono.expect_nothing_lost()
    finally:
        call("losetup", "--detach", loop)
