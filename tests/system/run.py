#!/usr/bin/env python3
"""Runs the system tests: the real programs, driven by real clients on loopback.

    tests/system/run.py --programs build                      all
    tests/system/run.py --programs build --extent long        500 killed servers in place of 50, and more of the rest
    tests/system/run.py --programs build clients.Curl         only tests whose name holds one of the words

Ends with `system: N passed, N failed`.
"""

import argparse
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


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = 0
        self.started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def tell(self, test, word):
        print(f"{word} {test.id()} ({time.monotonic() - self.started:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.tell(test, "ok    ")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad(subtest, err)

    def bad(self, test, err):
        print("FAILED " + test.id(), flush=True)
        traceback.print_exception(*err, limit=6, file=sys.stdout)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.failures.append((test, reason))
        print(f"FAILED {test.id()}: skipped, {reason}", flush=True)


def every_test(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from every_test(item)
        else:
            yield item


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", default="build")
    parser.add_argument("--extent", choices=("quick", "normal", "long"), default="normal")
    parser.add_argument("words", nargs="*")
    chosen = parser.parse_args()
    appliance.Appliance.programs = str(pathlib.Path(chosen.programs).resolve())
    os.environ["RINGPOST_TEST_EXTENT"] = chosen.extent

    found = list(every_test(unittest.defaultTestLoader.discover(str(HERE), "test_*.py")))
    found.sort(key=lambda test: "secrets" in test.id())    # looks at what all the others made the programs say
    tests = [test for test in found if not chosen.words or any(word in test.id() for word in chosen.words)]
    result = Result()
    unittest.TestSuite(tests).run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"system: {result.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
