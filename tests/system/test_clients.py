"""curl, mpop, fetchmail, getmail6 and Python's poplib fetch, keep and delete, octet for octet (DESIGN M20).

What a client is known to change itself stands in its class, and only that is taken out.
"""

import collections
import os
import re
import tempfile
import unittest

import clients
import corpus
from appliance import Appliance
from pop import session

QUICK = os.environ.get("RINGPOST_TEST_EXTENT") == "quick"
USER, PASSWORD = "alice", "wonderland with spaces 7"


class Exact:
    """Stores what it was sent."""

    not_compared = {}

    @staticmethod
    def stored(wire):
        return wire


class CurlChanges(Exact):
    not_compared = {"empty": "writes the line end before the terminator, so a message without octets gets one"}


class MpopChanges(Exact):
    """mpop(1), delivery maildir: lines end with LF in a Maildir."""

    @staticmethod
    def stored(wire):
        return wire.replace(b"\r\n", b"\n")


class FetchmailChanges(Exact):
    """fetchmail(1): reads lines into a buffer of 8 KiB and wants a header; one without an end is given one."""

    not_compared = {name: "a line longer than its buffer" for name in
                    ("line-100000", "edge-8191", "edge-8192", "edge-16383", "edge-16384", "edge-65535", "edge-65536")}
    not_compared.update({name: "no header: leaves it where it is, or wraps it" for name in corpus.bare_mails()})
    not_compared["no-empty-line"] = "ends the header itself"


class GetmailChanges(Exact):
    """getmail6 parses mail with Python's email package: every line end becomes LF, Return-Path goes on top."""

    not_compared = {name: "no header: the email package ends the header before it" for name in corpus.bare_mails()}
    not_compared["no-empty-line"] = "the email package ends the header"

    @staticmethod
    def stored(wire):
        return b"Return-Path: <unknown>\n" + re.sub(rb"\r\n?", b"\n", wire.replace(b"\r\n", b"\n"))


CHANGES = {"poplib": Exact, "curl": CurlChanges, "mpop": MpopChanges, "fetchmail": FetchmailChanges,
           "getmail": GetmailChanges}


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext_(Appliance([(USER, PASSWORD)]))
        self.folder = self.enterContext_(tempfile.TemporaryDirectory(prefix="ringpost-client-", dir="/var/tmp"))
        os.chmod(self.folder, 0o755)

    def enterContext_(self, context):
        entered = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return entered

    def fill(self, mails):
        maildir = os.path.join(self.folder, "source")
        corpus.write_maildir(maildir, mails)
        self.server.import_maildir(maildir, USER)
        self.server.start()

    def fetch(self, name, keep):
        with tempfile.TemporaryDirectory(prefix=f"ringpost-{name}-", dir="/var/tmp") as folder:
            os.chmod(folder, 0o755)
            return clients.CLIENTS[name](folder).fetch(clients.Account(self.server.port, USER, PASSWORD), keep)

    def left(self):
        with session(self.server.port, USER, PASSWORD) as pop:
            uidl = pop.uidl()
            pop.quit()
            return uidl

    def compare(self, name, mails, got):
        changes = CHANGES[name]
        stored = collections.Counter(got)
        for key, octets in mails.items():
            want = changes.stored(corpus.normal(octets))
            if key in changes.not_compared:
                continue
            if stored[want] == 0:
                self.fail(f"{name}: {key} did not arrive as it was: {want[-200:]!r}; got {self.nearest(key, got)!r}")
            stored[want] -= 1

    def nearest(self, key, got):
        return next((octets[-200:] for octets in got if b"<" + key.encode() + b"@" in octets[:2000]), b"nothing like it")

    def deletes(self, name, mails):
        self.fill(mails)
        self.compare(name, mails, self.fetch(name, keep=False))
        self.assertEqual(self.left(), {})

    def keeps_then_deletes(self, name, mails, count=None):
        self.fill(mails)
        before = self.left()
        self.compare(name, mails, self.fetch(name, keep=True))
        self.assertEqual(self.left(), before, "leave on server: UIDLs and messages stay (P043)")
        self.compare(name, mails, self.fetch(name, keep=False))
        self.assertEqual(len(self.left()), len(before) - (len(mails) if count is None else count))


def client_tests(name):
    class Test(ClientTest):
        def test_every_kind_of_mail(self):
            self.keeps_then_deletes(name, corpus.every_mail())

        def test_mails_without_header(self):
            # fetchmail leaves mails that are all body on the server, in its own words "incorrect header line".
            self.keeps_then_deletes(name, corpus.bare_mails(), 7 if name == "fetchmail" else None)

        def test_hundred_mebioctets(self):
            mails = {"big": corpus.big_mail(), "behind-it": corpus.mail("behind-it", b"small\n")}
            self.keeps_then_deletes(name, mails)

        def test_ten_thousand_messages(self):
            if name == "getmail":      # starts a process for each message; once is a minute and a half
                self.deletes(name, corpus.many_mails())
            else:
                self.keeps_then_deletes(name, corpus.many_mails())

    Test.__name__ = Test.__qualname__ = name.capitalize()
    if QUICK:
        del Test.test_hundred_mebioctets, Test.test_ten_thousand_messages
    return Test


for client in clients.CLIENTS:
    globals()[client.capitalize()] = client_tests(client)
del client, ClientTest
