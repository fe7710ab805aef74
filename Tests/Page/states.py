#!/usr/bin/python3
"""Pictures of the page in every state, for somebody to look at.

    Tests/Page/states.py --binary .build/release/sono --output /tmp/page

Needs Chromium; the state `paused` needs root, for a small file system of its own.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

from browser import Browser
from service import QUICK, Service, batch

SIZES = {"360": (360, 740), "1280": (1280, 900), "3840": (3840, 2160)}


def empty(binary, look):
    with Service(binary, {"photos": QUICK}) as service:
        look(service, "document.querySelector('#pipelines-body table')")


def busy(binary, look):
    slow = QUICK + "refine: { steps: 400 }\n"
    with Service(binary, {"photos": QUICK, "texts": slow, "old": slow}) as service:
        for number in range(30):
            service.drop("photos", f"morning-{number}.safetensors", batch(500 + 40 * number, number))
        service.wait(lambda: len(service.jobs("done")) == 30, "the quick ones are done")
        for number in range(12):
            service.drop("texts", f"evening-{number}.safetensors", batch(30_000 - 1_000 * number, 100 + number))
            if number % 3 == 0:
                service.drop("old", f"archive-{number}.safetensors", batch(20_000, 200 + number))
            time.sleep(2)
        service.wait(lambda: service.json("v1/status").get("running"), "one is computed")
        look(service, "document.querySelector('#queue-body table')", open_job=True)


def failing(binary, look):
    with Service(binary, {"photos": QUICK, "texts": QUICK, "broken": "modle: x\n"}) as service:
        service.drop("photos", "good.safetensors", batch(300, 1))
        service.drop("photos", "wide.safetensors", batch(300, 2, dimension=32))
        service.drop("photos", "other-encoder.safetensors", batch(300, 3, encoder="ViT-L/14"))
        service.drop("texts", "cut.safetensors", batch(300, 4)[:-500])
        service.drop("texts", "<img src=x onerror=alert(1)>.safetensors", b"\0" * 64)
        service.drop("texts", "arrays.npz", b"PK\3\4" + b"\0" * 100)
        service.wait(lambda: len(service.jobs("failed")) == 5, "five have failed")
        look(service, "document.querySelectorAll('#failures-body li').length === 5")


def paused(binary, look):
    if os.geteuid() != 0:
        print("paused: left out, needs root")
        return
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", root], check=True)
        try:
            with Service(binary, {"photos": QUICK}, root=root) as service:
                service.drop("photos", "before.safetensors", batch(300, 1))
                service.wait(lambda: len(service.jobs("done")) == 1, "one is done")
                free = os.statvfs(root).f_bavail * os.statvfs(root).f_frsize
                with open(f"{root}/ballast", "wb") as file:
                    file.write(b"x" * (free - (2 << 20)))
                service.drop("photos", "after.safetensors", batch(300, 2))
                service.wait(lambda: service.json("v1/status").get("paused"), "it pauses")
                look(service, "document.querySelector('#verdict.bad')")
        finally:
            subprocess.run(["umount", "-l", root])


def silent(binary, look):
    with Service(binary, {"photos": QUICK}) as service:
        def stop():
            service.process.terminate()
            service.process.wait(30)
        look(service, "document.querySelector('#verdict.bad')", after=stop)


def main():
    states = [empty, busy, failing, paused, silent]
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/sono")
    parser.add_argument("--output", required=True)
    parser.add_argument("--state", choices=[state.__name__ for state in states])
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    with Browser() as browser:
        for state in states:
            if options.state in (None, state.__name__):
                state(options.binary, pictures(browser, options.output, state.__name__))
        # A service that was stopped refuses connections.
        complaints = [words for words in browser.complaints() if "ERR_CONNECTION_REFUSED" not in words]
    sys.exit("\n".join(complaints))


def pictures(browser, output, name):
    def look(service, shown, open_job=False, after=None):
        for dark in (False, True):
            for size, (width, height) in SIZES.items():
                browser.open(service.url, width, height, dark)
                browser.wait("document.querySelector('#pipelines-body table')")
                if after:
                    after()
                browser.wait(shown, 30)
                if open_job:
                    browser.value("document.querySelector('#jobs-body button').click()")
                    browser.wait("document.querySelector('.job .steps')")
                time.sleep(0.5)
                browser.screenshot(f"{output}/{name}-{size}-{'dark' if dark else 'light'}.png")
                if after:
                    service.start()
        print(f"{name}: {output}/{name}-*.png")
    return look


if __name__ == "__main__":
    main()
