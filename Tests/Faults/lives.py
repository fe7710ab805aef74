"""The lives of a service that are looked at call by call."""

import os
import shutil
import time

import service
from disk_calls import TracedProgram
from service import Broken

REQUEUED = ("good.safetensors", "nan.safetensors")


class Life:
    """One life of the service, from a start under watch to its end."""

    def __init__(self, name, binary, template=None, drops=False, requeues=False):
        self.name, self.binary, self.template = name, binary, template
        self.drops = drops
        self.batches = service.inputs()
        self.requeued = REQUEUED if requeues else ()

    def lay_out(self, root):
        """Makes what is there before this life."""
        if self.template:
            # With the modes, and without the sockets of the service that made it.
            shutil.copytree(self.template, root, ignore=shutil.ignore_patterns("*.sock"))
        else:
            os.makedirs(root)
            service.lay_out(root)
        return root

    def run(self, folder, **watch):
        """Lives it once in a new folder, watched. Returns the program, and the batches that were not dropped."""
        root = self.lay_out(os.path.join(folder, "root"))
        log = os.path.join(folder, "traced.log")
        program = TracedProgram([self.binary, "serve", "--root", root], root, log, **watch)
        missing = list(self.batches) if self.drops else []
        asked = not self.requeued
        stopping = False
        end, next_look = time.monotonic() + 600, 0
        # What is tried once a minute would not meet an end of twenty errors in that time.
        sound = time.monotonic() + 150
        while program.is_running:
            if not program.step():
                time.sleep(0.002)
            if time.monotonic() > sound:
                program.failures_left = 0
            if time.monotonic() > end:
                program.kill()
                with open(log, errors="replace") as file:
                    raise Broken(f"{self.name} does not come to its end: {file.read()[-600:]}")
            if program.killed_at or stopping or time.monotonic() < next_look:
                continue
            next_look = time.monotonic() + 0.05
            if not os.path.exists(os.path.join(root, "run/control.sock")):
                continue
            if missing:
                if program.under_way is None:
                    service.drop(root, missing)
                    for batch in missing:
                        program.note("drop", f"spool/{batch.pipeline}/incoming/{batch.name}", batch.data)
                    missing = []
            elif not asked:
                asked = self.ask(root, program)
            elif service.is_settled(root):
                stopping = True
                os.kill(program.pid, 15)
        # A service whose disk fails may end by itself: systemd starts it again.
        if not program.killed_at and not program.failed and program.status != 0:
            with open(log, errors="replace") as file:
                raise Broken(f"{self.name} ended with {program.status}: {file.read()[-600:]}")
        return program, missing

    def ask(self, root, program):
        """`sono requeue` of a done and of a failed job. It may be refused an answer, if the service is killed."""
        jobs = service.query(root, "SELECT job_id, file_name FROM v1_jobs ORDER BY job_id")
        for name in REQUEUED:
            number = next(job["job_id"] for job in jobs if job["file_name"] == name)
            # A service that has only just begun may say "not yet".
            while program.is_running and not program.killed_at and not self.has_asked(root, program, number):
                pass
        return True

    def has_asked(self, root, program, number):
        command = [self.binary, "requeue", "--root", root, str(number)]
        null = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]
        asking = os.posix_spawn(self.binary, command, os.environ, file_actions=null)
        while program.is_running and asking not in program.others:
            if not program.step():
                time.sleep(0.002)
        status = program.others.get(asking)
        if (os.waitpid(asking, 0)[1] if status is None else status) == 0:
            return True
        # A disk that failed between two of its steps: who asked was told so, and it may be done all the same.
        return bool(service.query(root, f"SELECT 1 FROM v1_jobs WHERE requeue_of = {number}"))


def all(binary, folder):
    """The three lives; what they begin from is made here, by the service itself."""
    empty = os.path.join(folder, "empty")
    service.lay_out(empty)
    with service.Service(binary, empty, os.path.join(folder, "log")) as daemon:
        daemon.wait_until_ready()
        daemon.stop()
    settled = os.path.join(folder, "settled")
    shutil.copytree(empty, settled)
    service.drop(settled, service.inputs())
    service.recover(binary, settled, os.path.join(folder, "log"))
    waiting = os.path.join(folder, "waiting")
    shutil.copytree(empty, waiting)
    service.drop(waiting, service.inputs())
    return [
        Life("first start", binary, drops=True),
        Life("waiting batches", binary, template=waiting),
        Life("requeue", binary, template=settled, requeues=True),
    ]
