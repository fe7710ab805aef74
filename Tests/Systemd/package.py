"""What the package does to a machine: installing, upgrading, removing, purging."""

import os
import re
import threading

from installed import CONFIGURATION, PIPELINE, SPOOL, STATE
from promise import expect, promise
from proxy import ask
from sandbox import UNITS

# By people, who keep it.
WRITTEN = (f"{CONFIGURATION}/p.yaml", "/etc/sono/models/reference.safetensors")


@promise("installing makes the users and directories, and neither starts nor fails what has no pipeline yet")
def install(sono, package):
    said = sono.run("dpkg", "--install", package)
    expect("has no pipeline yet" in said and "systemctl enable --now sono\n" in said, said)
    expect(sono.show("ActiveState") == "inactive", sono.show("ActiveState"))
    expect(sono.systemctl("is-enabled", "sono.service").strip() == "enabled", "not enabled")
    port = sono.outcome("systemctl", "is-enabled", "sono-http.socket").stdout.strip()
    expect(port == "disabled", f"the port is {port}")
    owners = sono.run("stat", "-c", "%n %U:%G %a", STATE, SPOOL, CONFIGURATION, "/etc/sono/models").split("\n")
    wanted = [f"{STATE} sono:sono-read 2750", f"{SPOOL} sono:sono-drop 2755", f"{CONFIGURATION} root:root 755",
              "/etc/sono/models root:root 755", ""]
    expect(owners == wanted, f"{owners}")
    return sono.run("id", "-Gn", "sono").strip()


@promise("what the units and the README point to is installed, and the README with it")
def documents(sono):
    folder = "/usr/share/doc/sono"
    with open(sono.path(f"{folder}/README.md")) as file:
        paths = {f"{folder}/{link}" for link in re.findall(r"\]\((docs/[^)]+)\)", file.read())}
    expect(len(paths) > 1, f"{paths}")
    for unit in UNITS:
        for place in sono.show("Documentation", unit).replace('"', "").split():
            manual = re.fullmatch(r"man:(\S+)\((\d)\)", place)
            paths.add(f"/usr/share/man/man{manual[2]}/{manual[1]}.{manual[2]}.gz" if manual else place[len("file://"):])
    for path in paths:
        expect(os.path.isfile(sono.path(path)), f"{path} is not there")
    return f"{len(paths)} files"


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


@promise("an upgrade of a service whose configuration has gone bad says what is wrong and where, and loses nothing")
def upgrade_misconfigured(sono, package):
    folder = sono.path(CONFIGURATION)
    good = [name for name in os.listdir(folder) if name.endswith(".yaml")]
    for name in good:
        os.rename(f"{folder}/{name}", f"{folder}/{name}.aside")
    sono.configure("p", PIPELINE + "limts: {}\n")
    sono.drop(rows=10)
    outcome = sono.outcome("dpkg", "--install", package)
    said = outcome.stdout + outcome.stderr
    expect(outcome.returncode == 0, said)
    expect("p.yaml" in said and "limts" in said and "systemctl start sono" in said, said)
    expect(sono.show("ActiveState") == "failed", sono.show("ActiveState"))
    for name in good:
        os.rename(f"{folder}/{name}.aside", f"{folder}/{name}")
    sono.systemctl("start", "sono")
    sono.wait_until_ready()
    return sono.expect_nothing_lost()


@promise("removing stops the service, keeps configuration, spool and store, and says where")
def remove(sono):
    sono.systemctl("enable", "--now", "sono-http.socket")
    said = sono.run("dpkg", "--remove", "sono")
    for place in (SPOOL, STATE, "/etc/sono"):
        expect(place in said, said)
    expect(sono.outcome("systemctl", "is-active", "sono-http.socket").returncode != 0, "the port is still open")
    expect(sono.outcome("systemctl", "is-active", "sono").returncode != 0, "it still runs")
    expect(not os.path.exists(sono.path("/usr/bin/sono")), "the program is still there")
    for path in (f"{STATE}/sono.sqlite", f"{SPOOL}/p/done", *WRITTEN):
        expect(os.path.exists(sono.path(path)), f"{path} is gone")


@promise("installed again after a removal it starts with all that was there, and on the port if that was wanted")
def install_again(sono, package):
    said = sono.run("dpkg", "--install", package)
    expect("no pipeline yet" not in said, said)
    sono.wait_until_ready()
    expect(ask(sono, "GET", "/health/ready") == [200, "ready\n"], "the port does not answer")
    return sono.expect_nothing_lost()


@promise("purging takes spool and store with it, and leaves the models and pipelines that people have written")
def purge(sono):
    said = sono.run("dpkg", "--purge", "sono")
    for word in (SPOOL, STATE, "/etc/sono", "the groups sono-drop, sono-read and sono-admin stay"):
        expect(word in said, said)
    wanted = "/etc/systemd/system"
    for path in (STATE, SPOOL, f"{CONFIGURATION}/example.yaml.sample", f"{wanted}/multi-user.target.wants/sono.service",
                 f"{wanted}/sockets.target.wants/sono-http.socket"):
        expect(not os.path.lexists(sono.path(path)), f"{path} is still there")
    for path in WRITTEN:
        expect(os.path.exists(sono.path(path)), f"{path} is gone")
    sono.run("id", "sono")
    failed = sono.systemctl("--failed", "--plain", "--no-legend")
    expect("sono" not in failed, failed)
