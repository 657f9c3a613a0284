#!/usr/bin/env python3
"""Counts the test cases of a Meson run: count_tests.py JUNIT_FILE STATUS

STATUS is what `meson test` ended with. Each case counts (of an executable with many, each of them), and a run that
failed without a failed case counts as one failure. Ends with `rooms: N passed, N failed`.
"""

import sys
import xml.etree.ElementTree


def main(junit_file, status):
    passed, failed = 0, []
    try:
        cases = xml.etree.ElementTree.parse(junit_file).iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print(f"no test log: {error}")
        cases = []
    for case in cases:
        name = f"{case.get('classname', '')}.{case.get('name', '')}"
        if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")) or \
                case.get("status") in ("notrun", "skipped"):
            failed.append(name)
        else:
            passed += 1
    if status != "0" and not failed:
        failed.append(f"meson test ended with status {status}")
    for name in failed:
        print(f"FAILED: {name}")
    print(f"rooms: {passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
