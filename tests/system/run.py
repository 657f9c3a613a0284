#!/usr/bin/env python3
"""Runs the system tests: the real programs, driven by real clients on loopback.

    tests/system/run.py --programs build                      all
    tests/system/run.py --programs build --extent long        500 killed servers in place of 50, and more of the rest
    tests/system/run.py --programs build Curl test_kill       only tests whose name holds one of the words

Two tests at a time; those whose class says `alone = True` (they measure) one by one behind the others, and at the very
end the one that searches all that was said for passwords. Ends with `system: N passed, N failed`.
"""

import argparse
import io
import multiprocessing
import os
import pathlib
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import appliance  # noqa: E402  (the folder has to be on the path first)

AT_ONCE = 2


def every_test(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from every_test(item)
        else:
            yield item


def run_one(name):
    """Runs one test; gives back whether it passed, what to print, and what the programs said meanwhile."""
    appliance.SAID.clear()
    result = unittest.TestResult()
    started = time.monotonic()
    test = next(every_test(unittest.defaultTestLoader.loadTestsFromName(name)))
    test.run(result)
    seconds = time.monotonic() - started
    bad = [text for _, text in result.failures + result.errors + result.skipped]
    out = io.StringIO()
    print(f"{'FAILED' if bad else 'ok    '} {name} ({seconds:.1f} s)", file=out)
    for text in bad:
        print(text[-6000:], file=out)
    return not bad, out.getvalue(), list(appliance.SAID), set(appliance.PASSWORDS)


def attempt(name):
    try:
        return run_one(name)
    except Exception:
        return False, f"FAILED {name}\n{traceback.format_exc()}", [], set()


class Run:
    def __init__(self):
        self.passed = self.failed = 0
        self.said, self.passwords = [], set()

    def take(self, outcome):
        good, text, said, passwords = outcome
        self.passed += good
        self.failed += not good
        self.said += said
        self.passwords |= passwords
        print(text, end="", flush=True)

    def side_by_side(self, names):
        # A worker a test, so that no test inherits what another left behind.
        with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as pool:
            for outcome in pool.imap_unordered(attempt, names, chunksize=1):
                self.take(outcome)

    def at_the_end(self, names):
        appliance.PASSWORDS = self.passwords
        for name in names:
            test = next(every_test(unittest.defaultTestLoader.loadTestsFromName(name)))
            test.said = "".join(self.said)
            result = unittest.TestResult()
            test.run(result)
            bad = [text for _, text in result.failures + result.errors]
            self.take((not bad, f"{'FAILED' if bad else 'ok    '} {name}\n" + "".join(bad), [], set()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", default="build")
    parser.add_argument("--extent", choices=("quick", "normal", "long"), default="normal")
    parser.add_argument("words", nargs="*")
    chosen = parser.parse_args()
    appliance.Appliance.programs = str(pathlib.Path(chosen.programs).resolve())
    os.environ["RINGPOST_TEST_EXTENT"] = chosen.extent

    tests = list(every_test(unittest.defaultTestLoader.discover(str(HERE), "test_*.py")))
    tests = [test for test in tests if not chosen.words or any(word in test.id() for word in chosen.words)]
    alone = [test.id() for test in tests if getattr(test, "alone", False)]
    last = [test.id() for test in tests if getattr(test, "last", False)]
    beside = [test.id() for test in tests if test.id() not in alone and test.id() not in last]
    beside.sort(key=lambda name: "thousand" not in name)    # the longest first

    run = Run()
    run.side_by_side(beside)
    for name in alone:
        run.take(attempt(name))
    run.at_the_end(last)
    print(f"system: {run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
