#!/usr/bin/env python3
"""The house test: what slips when nobody looks.

    scripts/tidy.py              every rule
    scripts/tidy.py --quick      without compiling each public header alone
    scripts/tidy.py --list       the rules

Prints a line for each finding and ends with `tidy: N passed, N failed`, one count a rule.
"""

import concurrent.futures
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = os.environ.get("RINGPOST_TIDY_CXX", "clang++-19")
FILE_LINES_MAX = 450
HEADER_SECONDS_MAX = 120

# DESIGN §8: an import points down. Rooms on one line do not know each other.
FLOORS = [
    {"base"},
    {"ring"},
    {"config"},
    {"tls", "accounts", "store"},
    {"filter"},
    {"pop3", "lmtp", "relay"},
    {"control"},
    {"daemon", "program", "load"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FLOOR["sim"] = FLOOR["ring"] + 0.5    # beside ring, whose interface it implements

# Tests, benches and ringpost-sim may use the simulator; these drive the whole house.
WHOLE_HOUSE = ("tests/sim/", "tests/fuzz/", "tests/system/", "src/sim/program/", "bench/sim/")

BANNED_WORDS = re.compile(r"(?i)(?:^|_|(?<=[a-z]))(utils?|helpers?|managers?|misc)(?:$|_|(?=[A-Z]))")
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK|GTEST_SKIP|DISABLED_\w+)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
DECLARED = re.compile(r"^\s*(?:class|struct|union|namespace|enum(?:\s+class)?|concept)\s+(?:\[\[\w+\]\]\s*)?([\w:]+)",
                      re.MULTILINE)
MESON_SOURCE = re.compile(r"'([^']+\.cc)'")


def every_file():
    """All that belongs to the house, as paths from its root."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in (".git", ".cache", "__pycache__") and not name.startswith("build")]
        for name in names:
            yield (pathlib.Path(folder) / name).relative_to(ROOT).as_posix()


FILES = sorted(every_file())


def files(*patterns):
    """Those that match a pattern, or lie below a folder that is named."""
    return [name for name in FILES
            if any(fnmatch.fnmatch(name, pattern) or name.startswith(pattern + "/") for pattern in patterns)]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def cxx(*folders):
    """Headers and sources below these folders."""
    folders = folders or ("include", "src", "tests", "bench")
    return files(*[f"{folder}/*.{ending}" for folder in folders for ending in ("h", "cc")])


def line_of(content, offset):
    return content.count("\n", 0, offset) + 1


def room_of(name):
    parts = pathlib.PurePath(name).parts
    if parts[0] == "include" and len(parts) > 3:
        return parts[2]
    if parts[0] in ("src", "tests", "bench") and len(parts) > 2:
        return parts[1]
    return None


def may_import(name, room, imported):
    if imported == room or name.startswith(WHOLE_HOUSE):
        return True
    if imported == "sim":
        return name.startswith(("tests/", "bench/"))
    return FLOOR[imported] < FLOOR[room]


def imports_point_down():
    """An import points down, never sideways or up (DESIGN §8)."""
    for name in cxx():
        room = room_of(name)
        if room is None or (room not in FLOOR and not name.startswith(WHOLE_HOUSE)):
            if not name.startswith(("tests/", "bench/")):
                yield f"{name}: lies in no room of DESIGN §8"
            continue
        content = text(name)
        for match in INCLUDE.finditer(content):
            quote, target = match.groups()
            where = f"{name}:{line_of(content, match.start())}"
            if quote == "<" and target.startswith("ringpost/"):
                imported = target.split("/")[1]
                if imported not in FLOOR:
                    yield f"{where}: <{target}> lies in no room of DESIGN §8"
                elif not may_import(name, room, imported):
                    yield f"{where}: {room} may not import {imported} (<{target}>)"
            elif quote == '"':
                yield from private_import(name, room, target, where)


def private_import(name, room, target, where):
    if target.startswith("ringpost/"):
        yield f'{where}: "{target}" is public and is included as <{target}>'
    if name.startswith("include/"):
        yield f'{where}: a public header includes "{target}", which others cannot see'
    places = [(ROOT / name).parent / target, ROOT / "src" / room / target, ROOT / target]
    found = next((place.resolve() for place in places if place.is_file()), None)
    if found is None or not found.is_relative_to(ROOT):
        return
    inside = found.relative_to(ROOT).parts
    if inside[0] == "src" and inside[1] != room and not name.startswith(WHOLE_HOUSE):
        yield f'{where}: "{target}" is private to {inside[1]}'


def headers_compile_alone():
    """Each public header compiles alone."""
    headers = files("include/*.h")
    command = [COMPILER, "-std=c++2b", "-fsyntax-only", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-x", "c++",
               "-Wno-pragma-once-outside-header", "-Iinclude", "-isystem", "/opt/ringpost-deps/include"]

    def compile_alone(header):
        done = subprocess.run([*command, header], cwd=ROOT, capture_output=True, text=True, timeout=HEADER_SECONDS_MAX)
        return header, done

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for header, done in pool.map(compile_alone, headers):
            if done.returncode != 0:
                first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
                yield f"{header}: does not compile alone: {first}"


def headers_are_guarded_and_used():
    """Each public header says #pragma once, and somebody includes it."""
    included = {match.group(2) for name in cxx() for match in INCLUDE.finditer(text(name))}
    for header in files("include/*.h"):
        if "#pragma once" not in text(header):
            yield f"{header}: no #pragma once"
        if header.removeprefix("include/") not in included:
            yield f"{header}: nobody includes it"


def files_are_short():
    """No source file has more than 450 lines."""
    for name in cxx():
        lines = text(name).count("\n")
        if lines > FILE_LINES_MAX:
            yield f"{name}: {lines} lines, at most {FILE_LINES_MAX}: what is its one idea?"


def names_say_something():
    """No file and no type is called util, helper, manager or misc."""
    for name in files("include", "src", "tests", "bench", "scripts", "docs"):
        for part in pathlib.PurePath(name).parts:
            if BANNED_WORDS.search(part.split(".")[0]):
                yield f"{name}: '{part}' says nothing about what it does"
    for name in cxx():
        content = text(name)
        for match in DECLARED.finditer(content):
            if BANNED_WORDS.search(match.group(1)):
                yield f"{name}:{line_of(content, match.start())}: '{match.group(1)}' says nothing about what it does"


def nothing_is_left_over():
    """No unfinished work and no switched-off test."""
    for name in files("include", "src", "tests", "bench", "scripts", "docs", "configs", "*.build", "README.md"):
        if name == "scripts/tidy.py":
            continue
        for number, line in enumerate(text(name).splitlines(), 1):
            if match := LEFTOVER.search(line):
                yield f"{name}:{number}: {match.group(1)}"


def every_source_is_built():
    """Each .cc is named by a meson.build."""
    built = set()
    for name in files("meson.build", "*/meson.build"):
        folder = (ROOT / name).parent
        for source in MESON_SOURCE.findall(text(name)):
            built.add((folder / source).resolve())
            built.add((ROOT / source).resolve())
    for name in cxx("src", "tests", "bench"):
        if name.endswith(".cc") and (ROOT / name).resolve() not in built:
            yield f"{name}: no meson.build names it"


def rows_have_a_test():
    """Each row of tests/rows.txt (requirements and field reports) is named by a test."""
    listing = ROOT / "tests" / "rows.txt"
    if not listing.is_file():
        return
    named = set()
    for name in files("tests"):
        if name.endswith((".cc", ".h", ".py", ".build")) or "/dialogues/" in name:
            named.update(re.findall(r"(?<![A-Za-z0-9])(?:[PXTAEURSM]\d{1,3})(?![0-9A-Za-z])", text(name)))
    for number, line in enumerate(listing.read_text().splitlines(), 1):
        row = line.split("#")[0].strip()
        if row and row not in named:
            yield f"tests/rows.txt:{number}: no test names {row}"


def scripts_start_right():
    """Shell scripts are executable and stop at the first error."""
    for name in files("scripts/*.sh", ".ci/run"):
        content = text(name)
        if not os.access(ROOT / name, os.X_OK) and name.startswith("scripts/"):
            yield f"{name}: is not executable"
        if not re.search(r"^set -[a-z]*e", content, re.MULTILINE):
            yield f"{name}: no 'set -e'"


RULES = [imports_point_down, headers_are_guarded_and_used, files_are_short, names_say_something, nothing_is_left_over,
         every_source_is_built, rows_have_a_test, scripts_start_right, headers_compile_alone]


def main(arguments):
    if "--list" in arguments:
        for rule in RULES:
            print(f"{rule.__name__}: {rule.__doc__}")
        return 0
    failed = 0
    rules = [rule for rule in RULES if rule is not headers_compile_alone or "--quick" not in arguments]
    for rule in rules:
        findings = list(rule())
        for finding in findings:
            print(f"{rule.__name__}: {finding}")
        failed += bool(findings)
    print(f"tidy: {len(rules) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
