#!/usr/bin/env python3
"""Plays many seeds of the simulator, then plants each mutant and looks after how many seeds it is found.

    scripts/simulation.py build-test/ringpost-sim --seeds 10000 --mutant-seeds 20000

The seeds are one test, each mutant is another. Ends with `simulation: N passed, N failed`.
"""

import argparse
import re
import subprocess
import sys
import time

VERDICT = re.compile(r"^(\d+) seeds, (\d+) violations$", re.MULTILINE)


def play(program, *arguments):
    """What was said, how many seeds were played, and how many violations there were; None where it did not say."""
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    verdict = VERDICT.findall(done.stdout)
    return done.stdout, *(map(int, verdict[-1]) if verdict else (None, None))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=10000)
    parser.add_argument("--mutant-seeds", type=int, default=20000, help="0: plant none")
    chosen = parser.parse_args()

    passed = failed = 0
    started = time.monotonic()
    said, seeds, violations = play(chosen.program, "--seeds", f"1-{chosen.seeds}")
    print(said, end="")
    print(f"took {time.monotonic() - started:.0f} s")
    good = seeds == chosen.seeds and violations == 0
    passed, failed = passed + good, failed + (not good)

    mutants = []
    if chosen.mutant_seeds:
        mutants = subprocess.run([chosen.program, "--mutants"], capture_output=True, text=True).stdout.split()
        if not mutants:
            print("FAILED: this build has no mutants")
            failed += 1
    for mutant in mutants:
        said, seeds, violations = play(chosen.program, "--mutant", mutant, "--until-found", "--seeds",
                                       f"1-{chosen.mutant_seeds}")
        if violations:
            passed += 1
            print(f"mutant {mutant}: found after {seeds} seeds")
        else:
            failed += 1
            print(f"FAILED: mutant {mutant} is not found in {seeds} seeds" if seeds else f"FAILED: mutant {mutant}: {said}")
        sys.stdout.flush()
    print(f"simulation: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
