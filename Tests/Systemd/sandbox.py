"""What the units allow, and what not."""

import re

from installed import SPOOL, STATE
from promise import expect, promise

UNITS = ("sono.service", "sono-http.service", "sono-http.socket")


@promise("systemd-analyze verify prints nothing")
def verify(sono):
    # Whether its pages are there is asked of the package, for not every Debian has man.
    files = (f"/usr/lib/systemd/system/{unit}" for unit in UNITS)
    outcome = sono.outcome("systemd-analyze", "verify", "--man=no", *files)
    expect(outcome.returncode == 0 and outcome.stdout + outcome.stderr == "", f"{outcome.stdout}{outcome.stderr}")


@promise("exposure is at most 1.0 by systemd-analyze security")
def security(sono):
    figures = {}
    for unit in UNITS[:2]:
        said = sono.run("systemd-analyze", "security", "--no-pager", unit)
        figures[unit] = float(re.search(r"Overall exposure level for \S+ (\d+\.\d+)", said).group(1))
        expect(figures[unit] <= 1.0, f"{unit}: {figures[unit]}")
    return ", ".join(f"{unit} {figure}" for unit, figure in figures.items())


PROBES = {
    "writes its state": f"touch {STATE}/probe && rm {STATE}/probe",
    "writes its spool": f"touch {SPOOL}/probe && rm {SPOOL}/probe",
    "may not write its configuration": "! touch /etc/sono/pipeline.d/probe",
    "may not write programs": "! touch /usr/bin/probe",
    "may not write other state": "! touch /var/lib/probe",
    "may not write where everybody may": "touch /var/tmp/probe && touch /dev/shm/probe && rm /dev/shm/probe",
    "sees no home": "! ls /home/alice",
    "has no network but loopback": '[ "$(wc -l < /proc/self/net/dev)" = 3 ]',
    "opens no socket of the internet": "! (exec 3<>/dev/tcp/127.0.0.1/7666) 2>&1 | grep -v 'not supported'",
    "sees no other process": "! [ -e /proc/1/status ]",
    "may not become another user": "! setpriv --reuid 0 true",
    "may not mount": "! mount -t tmpfs tmpfs /mnt",
    "makes no name spaces": "! unshare --user true",
    "has no capability": 'grep -q "^CapEff:.0000000000000000$" /proc/self/status',
    "gets no new privilege": 'grep -q "^NoNewPrivs:.1$" /proc/self/status',
}


@promise("in the service's sandbox only its own directories are written")
def sandbox(sono):
    """Runs a shell with all that the unit says, in the program's place."""
    with open(sono.path("/usr/lib/systemd/system/sono.service")) as file:
        unit = file.read()
    unit = re.sub(r"ExecStart=.*", "ExecStart=/bin/bash /usr/local/lib/probes", unit)
    for line in ("Type=notify", "Restart=on-failure", "WatchdogSec=60", "NotifyAccess=main"):
        expect(line in unit, f"{line} is not in the unit")
        unit = unit.replace(line, {"Type=notify": "Type=oneshot"}.get(line, ""))
    unit = unit.replace("RuntimeDirectory=sono\n", "RuntimeDirectory=probes\n")
    sono.write("/etc/systemd/system/probes.service", unit)
    script = "".join(f"( {probe} ) >/dev/null 2>&1 || echo 'not so: {words}'\n" for words, probe in PROBES.items())
    sono.write("/usr/local/lib/probes", script + "echo probed\n")
    sono.systemctl("daemon-reload")
    outcome = sono.outcome("systemctl", "start", "probes")
    said = sono.run("journalctl", "-o", "cat", "--no-pager", "-t", "bash", "-u", "probes")
    expect(outcome.returncode == 0 and "probed" in said, f"{outcome.stderr}{sono.journal('probes')}")
    expect("not so" not in said, said)
    outside = sono.outcome("ls", "/var/tmp/probe").returncode
    expect(outside != 0, "what it writes to /var/tmp is seen outside")
    return f"{len(PROBES)} probes"
