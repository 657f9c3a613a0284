"""The mails that the system tests send through the house, and what must come out.

A mail is the octets of a Maildir file. `normal(octets)` is its wire normal form as DESIGN §4 M20 defines it, without
the stuffed dots: a bare LF becomes CRLF, a missing last CRLF is added, a bare CR and NULs stay.
"""

import hashlib
import os
import re

HEADER = (b"From: Sender <sender@example.test>\nTo: alice@example.test\nSubject: %s\n"
          b"Date: Tue, 20 May 2025 09:00:00 +0000\nMessage-ID: <%s@corpus.example.test>\n")
MEBI = 1 << 20


def normal(octets):
    wire = re.sub(rb"(?<!\r)\n", b"\r\n", octets)
    if wire and not wire.endswith(b"\r\n"):
        wire += b"\r\n"
    return wire


def stuffed(wire):
    return re.sub(rb"(?m)^\.", b"..", wire)


def mail(name, body, header_end=b"\n"):
    return HEADER % (name.encode(), name.encode()) + header_end + body


def dot_mails():
    bodies = {
        "dot-first": b".\nfirst\n", "dot-middle": b"a\n.\nb\n", "dot-last": b"a\n.\n", "dot-alone": b".\n",
        "dots-two": b"..\nx\n..\n", "dots-many": b"".join(b"." * n + b"\n" for n in range(1, 80)),
        "dot-word": b".x\n..x\n...x\n", "dot-space": b". \n .\n. .\n", "dot-no-end": b"a\n.", "dot-only-no-end": b".",
        "dots-two-no-end": b"a\n..", "dot-lines-thousand": b".\n" * 1000, "dot-then-empty": b".\n\n\n.\n\n",
    }
    return {name: mail(name, body) for name, body in bodies.items()}


def line_end_mails():
    ends = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r", "lfcr": b"\n\r", "crcrlf": b"\r\r\n", "crlflf": b"\r\n\n"}
    mails = {}
    for before, first in ends.items():
        for behind, second in ends.items():
            name = f"end-{before}-dot-{behind}"          # LF.LF and its relatives, each with a fake answer behind it
            mails[name] = mail(name, b"text" + first + b"." + second + b"+OK 3 octets" + second + b"x" + first)
    for name, end in ends.items():
        mails[f"all-{name}"] = HEADER.replace(b"\n", b"\r\n") % (name.encode(), name.encode()) + b"\r\n" + \
            end.join([b"one", b".two", b"..", b"", b"three"]) + end
    mails["bare-cr-in-line"] = mail("bare-cr-in-line", b"a\rb\rc\n\rd\n")
    mails["ends-with-cr"] = mail("ends-with-cr", b"text\r")
    mails["no-final-newline"] = mail("no-final-newline", b"the last word")
    return mails


def answer_mails():
    lines = b"+OK\n-ERR no\n+OK 5 octets\n.\n+OK 1 120\n-ERR [IN-USE] busy\n+ \n.\nQUIT\nDELE 1\nFrom me to you\n>From x\n"
    return {
        "answers": mail("answers", lines),
        "answers-smuggled": mail("answers-smuggled", b"x\n.\n" + lines + b".\n.\n" + lines),
        "answers-crlf": mail("answers-crlf", lines.replace(b"\n", b"\r\n")),
    }


def octet_mails():
    return {
        "nul-one": mail("nul-one", b"a\0b\n"), "nul-line": mail("nul-line", b"\0\n\0\0\n.\0\n\0.\n"),
        "nul-many": mail("nul-many", b"\0" * 5000 + b"\n"), "nul-last": mail("nul-last", b"end\0"),
        "all-octets": mail("all-octets", bytes(range(256)) * 8 + b"\n"),
        "latin1": mail("latin1", "Größe, naïve\n".encode("latin-1")),
        "utf8-header": mail("utf8-header", "Grüße\n".encode(), b"X-Note: \xc3\xbc\xe2\x82\xac\n\n"),
    }


def shape_mails():
    return {
        "empty-body": mail("empty-body", b""), "blank-body": mail("blank-body", b"\n\n\n"),
        "no-empty-line": HEADER % (b"no-empty-line", b"no-empty-line"),
        "folded": mail("folded", b"x\n", b"X-Long: a\n\tb\n  c\n\n"),
        "status-fields": mail("status-fields", b"x\n", b"Status: RO\nX-Mozilla-Status: 0001\n\n"),
    }


def long_mails():
    mails = {"line-100000": mail("line-100000", b"L" * 100000 + b"\n." + b"M" * 100000 + b"\nend\n")}
    for size in (510, 511, 512, 998, 999, 1000, 1022, 1023, 1024, 2047, 2048, 4095, 4096, 8191, 8192, 16383, 16384,
                 65535, 65536):
        name = f"edge-{size}"                            # a dot, and an end of line, around every edge of a buffer
        mails[name] = mail(name, b"".join(b"y" * (size - shift) + b"\n.\n." + b"z" * shift + b"\n" for shift in range(4)))
    return mails


def bare_mails():
    """Mails that have no header to speak of: what POP3 must carry, and what some clients will not take as mail."""
    return {
        "empty": b"", "one-octet": b"x", "one-lf": b"\n", "one-crlf": b"\r\n", "one-cr": b"\r", "one-dot": b".",
        "dot-lf": b".\n", "dots": b"..", "nul": b"\0", "begins-with-dot": b".From: x\n\n.\n", "blank-first": b"\nbody\n",
        "only-dots": b".\n.\n.\n",
    }


def every_mail():
    mails = {}
    for group in (dot_mails, line_end_mails, answer_mails, octet_mails, shape_mails, long_mails):
        mails.update(group())
    return mails


def big_mail(octets=100 * MEBI):
    """A message of that size; lines of 76 with a dot at the start of each seventh."""
    line = hashlib.sha256(b"big").hexdigest().encode() + b"0123456789."
    block = b"".join((b"." if i % 7 == 0 else b"") + line + b"\n" for i in range(10000))
    head = mail("big", b"")
    return head + (block * (octets // len(block) + 1))[:octets - len(head) - 1] + b"\n"


def many_mails(count=10000):
    return {f"many-{i:05d}": mail(f"many-{i:05d}", b"message %d\n.%d\n" % (i, i) + b"x" * (i % 200) + b"\n")
            for i in range(count)}


def write_maildir(folder, mails, first_time=1747730000):
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    for number, (name, octets) in enumerate(mails.items()):
        path = os.path.join(folder, "cur", f"{first_time + number}.M{number}P1.{name}:2,S")
        with open(path, "wb") as out:
            out.write(octets)
        os.utime(path, (first_time + number, first_time + number))
