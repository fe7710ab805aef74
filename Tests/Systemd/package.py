"""What the package does to a machine: installing, upgrading, removing, purging."""

import os
import re
import threading

from installed import CONFIGURATION, PIPELINE, SPOOL, STATE
from promise import expect, promise

# By people, who keep it.
WRITTEN = (f"{CONFIGURATION}/p.yaml", "/etc/sono/models/reference.safetensors")


@promise("installing makes the users and directories, and neither starts nor fails what has no pipeline yet")
def install(sono, package):
    said = sono.run("dpkg", "--install", package)
    expect("has no pipeline yet" in said, said)
    expect(sono.show("ActiveState") == "inactive", sono.show("ActiveState"))
    expect(sono.systemctl("is-enabled", "sono.service").strip() == "enabled", "not enabled")
    port = sono.outcome("systemctl", "is-enabled", "sono-http.socket").stdout.strip()
    expect(port == "disabled", f"the port is {port}")
    owners = sono.run("stat", "-c", "%n %U:%G %a", STATE, SPOOL, CONFIGURATION, "/etc/sono/models").split("\n")
    wanted = [f"{STATE} sono:sono-read 2750", f"{SPOOL} sono:sono-drop 2755", f"{CONFIGURATION} root:root 755",
              "/etc/sono/models root:root 755", ""]
    expect(owners == wanted, f"{owners}")
    return sono.run("id", "-Gn", "sono").strip()


@promise("a start without a pipeline says so and leaves no failed unit")
def start_without_pipeline(sono):
    outcome = sono.outcome("systemctl", "start", "sono")
    expect(outcome.returncode != 0 and "Assertion failed" in outcome.stderr, f"{outcome.returncode} {outcome.stderr}")
    expect(sono.show("ActiveState") == "inactive", sono.show("ActiveState"))
    told = sono.outcome("systemctl", "status", "--no-pager", "sono").stdout
    expect(CONFIGURATION in told, told)


@promise("dpkg finds nothing changed or missing of what it installed, and the program says which it is")
def verified(sono):
    said = sono.run("dpkg", "--verify", "sono")
    expect(said == "", said)
    version = sono.run("sono", "--version").strip()
    expect(re.fullmatch(r"sono [0-9.]+ \(commit [0-9a-z-]+, kernel (avx512|avx2|portable)\)", version), version)
    return version


@promise("an upgrade of the running service, with batches dropped all the while, loses none and runs the new program")
def upgrade(sono, package, version):
    before = sono.show("MainPID")
    sono.drop(rows=400_000)
    ended = threading.Event()

    def producer():
        while not ended.wait(0.02):
            sono.drop(rows=200)

    thread = threading.Thread(target=producer)
    thread.start()
    try:
        sono.run("dpkg", "--install", package)
    finally:
        ended.set()
        thread.join()
    sono.wait_until_ready()
    expect(sono.show("MainPID") != before, "the old program still runs")
    installed = sono.run("dpkg-query", "--show", "--showformat=${Version}", "sono")
    expect(installed == version, installed)
    return sono.expect_nothing_lost()


@promise("an upgrade starts nothing that the administrator has stopped, and keeps what was edited")
def upgrade_stopped(sono, package):
    sono.configure("p", PIPELINE + "# mine\n")
    sono.systemctl("stop", "sono")
    sono.run("dpkg", "--install", package)
    expect(sono.show("ActiveState") == "inactive", sono.show("ActiveState"))
    with open(sono.path(f"{CONFIGURATION}/p.yaml")) as file:
        expect("# mine" in file.read(), "the configuration was replaced")
    sono.systemctl("start", "sono")
    sono.wait_until_ready()


@promise("removing stops the service and keeps configuration, spool and store")
def remove(sono):
    sono.run("dpkg", "--remove", "sono")
    expect(sono.outcome("systemctl", "is-active", "sono").returncode != 0, "it still runs")
    expect(not os.path.exists(sono.path("/usr/bin/sono")), "the program is still there")
    for path in (f"{STATE}/sono.sqlite", f"{SPOOL}/p/done", *WRITTEN):
        expect(os.path.exists(sono.path(path)), f"{path} is gone")


@promise("installed again after a removal it starts with all that was there")
def install_again(sono, package):
    said = sono.run("dpkg", "--install", package)
    expect("no pipeline yet" not in said, said)
    sono.wait_until_ready()
    return sono.expect_nothing_lost()


@promise("purging takes spool and store with it, and leaves the models and pipelines that people have written")
def purge(sono):
    sono.run("dpkg", "--purge", "sono")
    enabled = "/etc/systemd/system/multi-user.target.wants/sono.service"
    for path in (STATE, SPOOL, f"{CONFIGURATION}/example.yaml.sample", enabled):
        expect(not os.path.lexists(sono.path(path)), f"{path} is still there")
    for path in WRITTEN:
        expect(os.path.exists(sono.path(path)), f"{path} is gone")
    failed = sono.systemctl("--failed", "--plain", "--no-legend")
    expect("sono" not in failed, failed)
