"""Promises, each tried by one function that prints one line."""

import time
import traceback


class Broken(Exception):
    """A promise that was not kept."""


def promise(words):
    """Marks a function as a check; what it returns is said beside the words."""

    def mark(function):
        function.words = words
        return function

    return mark


class Tally:
    def __init__(self):
        self.kept, self.broken = 0, 0

    def check(self, function, *arguments):
        began = time.monotonic()
        try:
            figure = function(*arguments)
        except Exception as error:
            self.broken += 1
            word = "BROKEN"
            figure = str(error) if isinstance(error, Broken) else traceback.format_exc()
        else:
            self.kept += 1
            word = "kept"
        seconds = time.monotonic() - began
        print(f"{word:6} {seconds:5.1f} s  {function.words}{f': {figure}' if figure else ''}", flush=True)

    def summary(self):
        print(f"promises tried: {self.kept + self.broken}, broken: {self.broken}")


def expect(holds, words):
    if not holds:
        raise Broken(words() if callable(words) else words)


def eventually(what, holds, seconds=30):
    """Waits until something holds; returns how long that took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise Broken(f"still waiting after {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.05)
    return time.monotonic() - began
