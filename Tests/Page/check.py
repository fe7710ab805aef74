#!/usr/bin/python3
"""Loads the page of a real service in headless Chromium and uses it.

    Tests/Page/check.py --binary .build/release/sono

One line for each thing that holds; ends with 1 at the first that does not.
"""
import argparse

from browser import Browser
from service import QUICK, Service, batch

HOSTILE = "<img src=x onerror=document.title='taken'>.safetensors"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/sono")
    options = parser.parse_args()
    with Service(options.binary, {"photos": QUICK, "broken": "modle: x\n"}) as service, Browser() as browser:
        check_empty(service, browser)
        check_work(service, browser)
        check_failures(service, browser)
        check_keyboard(service, browser)
        check_sizes(service, browser)
        complaints = browser.complaints()
        assert not complaints, complaints
        told("nothing in the console: no error, no warning, nothing that the page's policy had to refuse")
        foreign = [url for url in browser.requests() if not url.startswith((service.url, "data:"))]
        assert not foreign and browser.requests(), foreign
        told("no request but to the service")
        check_silence(service, browser)


def told(words):
    print(f"ok: {words}", flush=True)


def text(browser, selector):
    return browser.value(f"document.querySelector({selector!r})?.innerText ?? ''")


def check_empty(service, browser):
    browser.open(service.url)
    browser.wait("document.querySelector('#pipelines-body table')")
    for selector, words in (("#queue", "Nothing waits."), ("#failures", "No batch has failed."),
                            ("#jobs", "No job yet"), ("#classes", "No rows yet.")):
        browser.wait(f"document.querySelector('{selector}').innerText.includes('{words}')")
    assert "not every pipeline runs" in text(browser, "#verdict"), text(browser, "#verdict")
    assert "unknown key" in text(browser, "#troubles") and "sono serve --check" in text(browser, "#troubles")
    told("a service with nothing to do says so, and what is wrong with its configuration, and what to type")


def check_work(service, browser):
    service.drop("photos", "one.safetensors", batch(300, 1))
    service.drop("photos", "two.safetensors", batch(200, 2))
    browser.wait(
        "[...document.querySelectorAll('#jobs-body tbody tr')].filter(row => /done/.test(row.innerText)).length === 2")
    browser.wait("document.querySelector('#hour-body').innerText.includes('500 rows in 2 batches')")
    assert "500" in text(browser, "#pipelines-body")
    told("what is dropped appears without reloading: as jobs, as rows of the last hour, in the pipeline's sums")
    browser.wait("document.querySelectorAll('#classes-body tbody tr').length > 1", 25)
    assert "The newest 500 rows, of 2 batches" in text(browser, "#classes-body")
    assert browser.value("document.querySelectorAll('#classes-body svg rect').length > 1")
    told("classes and scores are drawn, and it is said of which rows")
    browser.value("document.querySelector('#jobs-body button').click()")
    browser.wait("document.querySelectorAll('.job .steps li').length === 3")
    detail = text(browser, ".job")
    for word in ("queued", "running", "done", "refine", "commit", "Attempts", "SHA-256"):
        assert word in detail, detail
    told("a job opens and tells its history and where its time went")


def check_failures(service, browser):
    service.drop("photos", HOSTILE, b"PK\3\4" + b"\0" * 100)
    service.drop("photos", "wide.safetensors", batch(10, 3, dimension=32))
    browser.wait("document.querySelectorAll('#failures-body li').length === 2")
    failures = text(browser, "#failures-body")
    for word in ("dimension_mismatch", "the model was trained on 24", "sono requeue"):
        assert word in failures, failures
    told("a failed batch's reason is shown, and the command that helps")
    assert HOSTILE in failures and browser.value("document.querySelectorAll('main img').length === 0")
    assert browser.value("document.title") != "taken"
    told("a file's name made to be markup is text")


def check_keyboard(service, browser):
    browser.open(service.url)
    browser.wait("document.querySelectorAll('#jobs-body button.toggle').length === 4")
    reached = []
    for _ in range(40):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.value("document.activeElement.id || document.activeElement.className"))
    assert reached[0] == "skip", reached
    assert all(place in reached for place in ("pipelines-body", "failures-3", "jobs-4", "jobs-body")), reached
    told("everything that can be used is reached with the keyboard, the way past the head first")
    browser.value("document.getElementById('jobs-1').focus()")
    for kind, more in (("rawKeyDown", {}), ("char", {"text": "\r"}), ("keyUp", {})):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, **more)
    browser.wait("document.querySelector('.job .steps')")
    assert browser.value("document.activeElement.id") == "jobs-1"
    assert browser.value("document.getElementById('jobs-1').getAttribute('aria-expanded')") == "true"
    told("a job opened with the keyboard keeps the keyboard's place while the page goes on")
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    found = {}
    for node in tree:
        found.setdefault(node.get("role", {}).get("value"), []).append(node.get("name", {}).get("value", ""))
    for role in ("banner", "main", "contentinfo", "table", "columnheader", "rowheader", "status"):
        assert role in found, list(found)
    headings = found["heading"]
    assert any(words.startswith("Ready") for words in headings) and "Failures" in headings, headings
    assert any("Rows a minute over the last hour" in words for words in found["image"]), found["image"]
    for role in ("button", "link", "image", "region"):
        assert all(found[role]), found[role]
    told("landmarks, headings, tables and pictures have their roles and names")


def check_sizes(service, browser):
    for width in (360, 768, 1280, 3840):
        for dark in (False, True):
            browser.open(service.url, width=width, dark=dark)
            browser.wait("document.querySelectorAll('#jobs-body button.toggle').length === 4")
            wide = browser.value("document.documentElement.scrollWidth")
            assert wide <= width, f"{wide} of {width}"
            contrast = browser.value(CONTRAST)
            assert contrast >= 4.5, f"{contrast} at {width}, dark {dark}"
    told("no page wider than its window from 360 to 3,840 pixels; text has contrast 4.5 or more, light and dark")


# The least contrast of any text that is shown, by WCAG's formula. What is faint on purpose are zeros.
CONTRAST = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const color = getComputedStyle(n).backgroundColor;
      if (color.startsWith("rgb(")) return parse(color);
    }
    return [255, 255, 255];
  };
  const hasText = (node) => [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  let least = 99;
  for (const node of document.querySelectorAll("main *, header *, footer *")) {
    if (node.closest(".nothing, :disabled, svg") || !hasText(node)) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
})()"""


def check_silence(service, browser):
    service.process.terminate()
    service.process.wait(30)
    browser.wait("document.querySelector('#verdict').innerText === 'The service does not answer'", 20)
    assert "systemctl status sono" in text(browser, "#troubles")
    told("a service that no longer answers is told of")
    service.start()
    browser.wait("document.querySelector('#verdict').innerText.startsWith('Ready')", 30)
    told("and so is one that is back")


if __name__ == "__main__":
    main()
