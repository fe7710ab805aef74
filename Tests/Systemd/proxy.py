"""Status over the loopback port, by the second unit."""

import http.client
import json
import re

from promise import Broken, expect, promise

PORT = 7666
# What the package installs that names metrics, and those that are there only while something is so.
NAMING = ("/usr/share/sono/prometheus/sono.rules.yml", "/usr/share/sono/grafana/sono.json")
PASSING = {"sono_oldest_waiting_timestamp_seconds"}


def ask(sono, method, path):
    """A real request, in the container's network."""

    def request():
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    return sono.container.inside("net", request)


@promise("the port answers through the proxy while the service has no network, and changes nothing")
def proxy(sono):
    sono.systemctl("start", "sono-http.socket")
    expect(ask(sono, "GET", "/health/ready") == [200, "ready\n"], "it is not ready")
    status, body = ask(sono, "GET", "/v1/status")
    expect(status == 200 and json.loads(body)["phase"] == "ready", f"{status} {body}")
    expect(ask(sono, "GET", "/metrics")[0] == 200, "no metrics")
    expect(ask(sono, "POST", "/v1/jobs/1")[0] == 405, "POST is answered")
    expect(sono.show("ActiveState", "sono-http.service") == "active", sono.journal("sono-http.service"))
    sono.systemctl("stop", "sono")
    try:
        answer = ask(sono, "GET", "/health/ready")
    except Broken as broken:
        answer = str(broken)
    expect("RemoteDisconnected" in answer or "ConnectionReset" in answer, f"while the service is down: {answer}")
    sono.systemctl("start", "sono")
    expect(ask(sono, "GET", "/health/ready")[0] == 200, "not after a restart of the service")
    return f"127.0.0.1:{PORT}"


@promise("under the unit there is every metric that the installed alerts and dashboard name, of the process too")
def metrics(sono):
    sono.drop(rows=10)
    sono.wait_until_settled()
    said = ask(sono, "GET", "/metrics")[1]
    exposed = set(re.findall(r"^([a-z_]+)[{ ]", said, re.M))
    named = set()
    for path in NAMING:
        with open(sono.path(path)) as file:
            found = set(re.findall(r"\b(?:sono|process)_[a-z_]+", file.read()))
        expect(len(found) > 8, f"{path} names {found}")
        named |= found
    missing = named - exposed - PASSING
    expect(not missing, f"missing: {', '.join(sorted(missing))}")
    figures = {name: float(value) for name, value in re.findall(r"^(process_[a-z_]+) (\S+)$", said, re.M)}
    expect(len(figures) == 6 and all(figures.values()), f"{figures}")
    began = sono.systemctl("show", "--value", "-p", "ExecMainStartTimestamp", "--timestamp=unix", "sono").strip("@\n")
    told = figures["process_start_time_seconds"]
    expect(abs(told - float(began)) < 2, f"started at {began}, it says {told}")
    expect('sono_errors_total{code="crashed"} 0\n' in said, "the first crash would be no increase")
    return f"{len(named)} named"
