"""Status over the loopback port, by the second unit."""

import http.client
import json

from promise import expect, promise

PORT = 7666


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
    sono.systemctl("restart", "sono")
    expect(ask(sono, "GET", "/health/ready")[0] == 200, "not after a restart of the service")
    return f"127.0.0.1:{PORT}"
