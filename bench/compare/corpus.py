"""The corpus of the comparison: seeded, so that every run and every machine has the same octets.

Accounts u0 to u99 of 20 messages each: message 1 of 1 MiB, the others log-normal with median 15 KiB. They lie as
Maildirs the way Dovecot likes them best: CRLF line ends, S= and W= in the file names.
"""
import math
import os
import random
from pathlib import Path

ACCOUNTS = 100
MESSAGES = 20
LARGE_OCTETS = 1 << 20
MEDIAN_OCTETS = 15 * 1024
SIGMA = 1.0
PASSWORD = "bench-secret"
EDITION = "1"  # one up whenever the octets below change


def _text(rng: random.Random, octets: int) -> bytes:
    """Lines of 20 to 76 letters, one in 500 with a dot in front."""
    alphabet = "abcdefghijklmnopqrstuvwxyz     ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,-"
    lines = []
    total = 0
    while total < octets:
        line = "".join(rng.choices(alphabet, k=rng.randint(20, 76)))
        if rng.random() < 0.002:
            line = "." + line
        lines.append(line)
        total += len(line) + 2
    return ("\r\n".join(lines) + "\r\n").encode()


class Writer:
    """Makes messages of a wished size out of one block of text."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.text = _text(self.rng, 4 << 20)

    def message(self, account: str, number: int, octets: int) -> bytes:
        header = (
            f"Return-Path: <sender{number}@example.test>\r\nReceived: from mx.example.test by mail.example.test;"
            f" Mon, 1 Jan 2024 00:00:{number % 60:02} +0000\r\nFrom: Sender {number} <sender{number}@example.test>\r\n"
            f"To: {account}@example.test\r\nSubject: message {number} for {account}\r\n"
            f"Message-ID: <{account}.{number}@example.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
        ).encode()
        wanted = max(octets - len(header), 2)
        start = self.text.index(b"\n", self.rng.randrange(len(self.text) - wanted - 200)) + 1
        body = self.text[start : start + wanted - 2].rstrip(b"\r\n") + b"\r\n"
        return header + body

    def size(self) -> int:
        return max(500, min(LARGE_OCTETS, int(MEDIAN_OCTETS * math.exp(self.rng.gauss(0, SIGMA)))))


def write_maildir(maildir: Path, messages, first_second: int = 1700000000) -> int:
    """Writes the messages into cur/, oldest first; gives their octets."""
    for folder in ("cur", "new", "tmp"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)
    total = 0
    for number, message in enumerate(messages, 1):
        size = len(message)
        name = f"{first_second + number}.M{number}P1.bench,S={size},W={size}:2,S"
        with open(maildir / "cur" / name, "wb") as file:
            file.write(message)
        os.utime(maildir / "cur" / name, (first_second + number, first_second + number))
        total += size
    return total


def make(folder: Path, accounts: int = ACCOUNTS, seed: int = 20260101) -> None:
    """The corpus at `folder`; nothing when it is there already."""
    stamp = folder / "edition"
    label = f"{EDITION} {accounts} {seed}"
    if stamp.exists() and stamp.read_text() == label:
        return
    writer = Writer(seed)
    for index in range(accounts):
        account = f"u{index}"
        sizes = [LARGE_OCTETS] + [writer.size() for _ in range(MESSAGES - 1)]
        messages = (writer.message(account, number, size) for number, size in enumerate(sizes, 1))
        write_maildir(folder / account / "Maildir", messages)
    stamp.write_text(label)


def make_big(folder: Path, account: str, count: int, seed: int = 7) -> None:
    """One maildrop of `count` small messages (about 1 KiB each)."""
    stamp = folder / account / "edition"
    label = f"{EDITION} {count} {seed}"
    if stamp.exists() and stamp.read_text() == label:
        return
    writer = Writer(seed)
    messages = (writer.message(account, number, 700 + writer.rng.randrange(600)) for number in range(1, count + 1))
    write_maildir(folder / account / "Maildir", messages)
    stamp.write_text(label)
