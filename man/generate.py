#!/usr/bin/python3
"""Writes the manual: a page for each command from the program's own help, and the pages of the file formats as they are.

    man/generate.py PROGRAM DIRECTORY      fills DIRECTORY/man1 and DIRECTORY/man5
"""
import datetime
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = ("embedding-set", "model", "pipeline", "store")
EXIT = (
    (0, "Done."), (1, "A negative answer, such as a pilot that says no."), (64, "Wrong usage."),
    (65, "Bad data, or a job in a state that does not allow it."), (66, "No such file or job."),
    (69, "The service cannot be reached, or does not admit you."), (70, "Something unforeseen went wrong."),
    (74, "A disk or file system failed."), (75, "Try again later."), (78, "A fault of the configuration."),
)

# Of the installed service, by command; the help says what they do, and with --root anybody may.
RIGHTS = {
    "doctor": "Run it as root: it looks into store, spool and models, which are not everybody's to read, and goes on as the "
              "service's user, so that it sees what the service sees.",
    "serve": "Run serve --check as root; it goes on as the service's user, so that it sees what the service sees. Without "
             "--check root is refused: what it made the service could not open.",
    "verify": "Run it as root: the inputs in done/ are the service's alone to read. It goes on as the service's user.",
}


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def blocks(discussion):
    """Paragraphs, and what is indented as it stands: pairs of (is indented, lines). A word in capitals heads its block."""
    for block in re.split(r"\n\s*\n", discussion.strip("\n")):
        lines = block.split("\n")
        if re.fullmatch(r"EXAMPLES?", lines[0].strip()):
            yield "example", [line[2:] for line in lines[1:]]
        elif all(line.startswith("  ") for line in lines):
            yield "indented", lines
        else:
            yield "text", lines


def verbatim(lines):
    return [".nf", ".RS 4"] + [escape(line) or "\\&" for line in lines] + [".RE", ".fi"]


def name(argument):
    def dashed(one):
        return ("--" if one["kind"] == "long" else "-") + one["name"]
    return ", ".join("\\fB" + escape(dashed(one)) + "\\fR" for one in argument["names"])


def usage(command):
    words = []
    for argument in command.get("arguments", []):
        if not argument["shouldDisplay"] or argument["kind"] == "positional":
            continue
        value = "" if argument["kind"] == "flag" else " \\fI" + escape(argument["valueName"]) + "\\fR"
        word = "\\fB" + escape("--" + argument["preferredName"]["name"]) + "\\fR" + value
        words.append(word if not argument["isOptional"] else "[" + word + "]")
    for argument in command.get("arguments", []):
        if argument["kind"] == "positional" and argument["shouldDisplay"]:
            word = "\\fI" + escape(argument["valueName"]) + "\\fR" + (" ..." if argument["isRepeating"] else "")
            words.append(word if not argument["isOptional"] else "[" + word + "]")
    return words


def arguments(command):
    for argument in command.get("arguments", []):
        if not argument["shouldDisplay"]:
            continue
        yield ".TP"
        if argument["kind"] == "positional":
            yield "\\fI" + escape(argument["valueName"]) + "\\fR"
        elif argument["kind"] == "flag":
            yield name(argument)
        else:
            yield name(argument) + " \\fI" + escape(argument["valueName"]) + "\\fR"
        text = argument.get("abstract", "")
        if argument.get("defaultValue") and "(default" not in text and argument["kind"] != "flag":
            text += f" (default: {argument['defaultValue']})"
        yield escape(text) or "\\&"


def page(title, command, version, siblings, whole):
    date = datetime.datetime.fromtimestamp(
        int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp())), datetime.timezone.utc)
    abstract = command["abstract"].rstrip(".")
    lines = [
        f".TH {escape(title.upper())} 1 {date:%Y-%m-%d} \"{version}\" \"sono manual\"",
        ".SH NAME", f"{escape(title)} \\- {escape(abstract[0].lower() + abstract[1:])}",
        ".SH SYNOPSIS", ".nh", ".ad l", ".HP", "\\fB" + escape(title.replace("sono-", "sono ")) + "\\fR",
    ]
    lines += ["\\fIcommand\\fR ..."] if whole else usage(command)
    lines += [".ad b", ".hy", ".SH DESCRIPTION"]
    found = list(blocks(command.get("discussion", "")))
    text = [block for block in found if block[0] != "example"]
    lines += [escape(command["abstract"])]
    for kind, block in text:
        lines += [".PP"] + (verbatim(block) if kind == "indented" else [escape("\n".join(block))])
    if whole:
        lines += [".SH COMMANDS", "Each has a page of its own."]
        for sub in siblings:
            lines += [".TP", "\\fB" + escape(f"sono-{sub['commandName']}") + "\\fR(1)", escape(sub["abstract"])]
    options = list(arguments(command))
    lines += [".SH OPTIONS"] + options if options else []
    for kind, block in found:
        lines += [".SH EXAMPLES"] + verbatim(block) if kind == "example" else []
    if whole:
        with open(os.path.join(HERE, "service.roff")) as file:
            lines += file.read().splitlines()
    if command["commandName"] in RIGHTS:
        lines += [".SH RIGHTS", escape(RIGHTS[command["commandName"]])]
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT:
        lines += [".TP", str(code), escape(meaning)]
    if whole:
        lines += [
            ".SH ENVIRONMENT", ".TP", "\\fBNO_COLOR\\fR", "If set and not empty, nothing is coloured.",
            ".SH FILES"]
        for path, what in (
            ("/etc/sono/pipeline.d/NAME.yaml", "A pipeline, see sono-pipeline(5); example.yaml.sample beside it is one."),
            ("/etc/sono/models", "Models, see sono-model(5)."),
            ("/var/spool/sono/NAME/incoming", "Where batches are dropped, see sono-embedding-set(5)."),
            ("/var/spool/sono/NAME/done", "Inputs of finished batches, for 7 days unless retention says otherwise."),
            ("/var/spool/sono/NAME/failed", "Inputs that failed, each with its reason.json beside it."),
            ("/var/lib/sono/sono.sqlite", "Jobs and results, see sono-store(5)."),
            ("/var/lib/sono/features/NAME", "Refined vectors, if asked for."),
            ("/run/sono/status.sock", "Status over HTTP; /openapi.json describes it."),
            ("/run/sono/control.sock", "By which jobs are held, released, cancelled and requeued."),
            ("/usr/share/sono", "Alert rules, dashboard, the pilot's criteria and, of sono-demo, debian-sections."),
            ("/usr/share/doc/sono/README.md", "The tour, with all that was measured."),
        ):
            lines += [".TP", "\\fI" + escape(path) + "\\fR", escape(what)]
    lines += [".SH SEE ALSO"]
    others = ["sono(1)"] if not whole else []
    others += [f"sono-{form}(5)" for form in FORMATS]
    lines += [", ".join("\\fB" + escape(other[:-3]) + "\\fR" + other[-3:] for other in others)]
    return "\n".join(lines) + "\n"


def main():
    program, directory = sys.argv[1:]
    run = lambda *words: subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout
    root = json.loads(run("--experimental-dump-help"))["command"]
    version = run("--version").split("(")[0].strip()
    subcommands = [sub for sub in root["subcommands"] if sub["shouldDisplay"] and sub["commandName"] != "help"]
    for section in ("man1", "man5"):
        os.makedirs(os.path.join(directory, section), exist_ok=True)
    pages = [("sono", root, True)] + [(f"sono-{sub['commandName']}", sub, False) for sub in subcommands]
    for title, command, whole in pages:
        with open(os.path.join(directory, "man1", f"{title}.1"), "w") as file:
            file.write(page(title, command, version, subcommands, whole))
    for form in FORMATS:
        shutil.copy(os.path.join(HERE, f"sono-{form}.5"), os.path.join(directory, "man5"))


main()
