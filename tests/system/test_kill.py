"""kill -9 at random moments during imports, downloads and deletions.

Nothing that was acknowledged is lost, nothing is invented, no message is there twice, UIDLs stay (P043 P044, M2 M4 M6
M17). In doubt, and allowed either way: what was under way when the server died.
"""

import hashlib
import os
import random
import tempfile
import threading
import time
import unittest

import corpus
from appliance import Appliance, Refused
from pop import Gone, Refusal, session

ROUNDS = {"quick": 5, "normal": 50, "long": 500}[os.environ.get("RINGPOST_TEST_EXTENT", "normal")]
USER, PASSWORD = "alice", "killed-often-9"
IMPORT_MAILS = 25
BROKEN = (Gone, OSError, Refused)


def name_of(octets):
    return hashlib.sha256(octets).hexdigest()


class World:
    """What a truthful server may show."""

    def __init__(self):
        self.owed = {}         # acknowledged and not deleted: name -> wire octets
        self.in_doubt = {}     # imported or deleted without an answer: there or not, as the next look finds
        self.gone = set()      # deleted with an answer
        self.uidl = {}         # UIDL -> name, of all that was ever shown
        self.uidl_of = {}      # name -> UIDL

    def look(self, shown):
        """Checks a whole maildrop, UIDL -> octets, and settles what was in doubt."""
        names = [name_of(octets) for octets in shown.values()]
        assert len(set(names)) == len(names), "a message is there twice"
        for name in names:
            assert name in self.owed or name in self.in_doubt, \
                "a deleted message is back" if name in self.gone else "a message was invented or changed"
        for name in self.owed:
            assert name in names, "an acknowledged message is lost"
        for uid, octets in shown.items():
            name = name_of(octets)
            assert self.uidl.setdefault(uid, name) == name, "a UIDL names another message"
            assert self.uidl_of.setdefault(name, uid) == uid, "a message has another UIDL"
        for name, octets in list(self.in_doubt.items()):
            if name in names:
                self.owed[name] = octets
            else:
                self.gone.add(name)
        self.in_doubt.clear()


class KilledServer(unittest.TestCase):
    def test_loses_nothing_acknowledged_and_invents_nothing(self):
        seed = int(os.environ.get("RINGPOST_SEED", random.randrange(1 << 30)))
        with self.subTest(replay=f"RINGPOST_SEED={seed}"), Appliance([(USER, PASSWORD)]) as server, \
                tempfile.TemporaryDirectory(dir="/var/tmp") as self.folder:
            self.dice = random.Random(seed)
            self.world = World()
            for number in range(ROUNDS):
                server.start()
                self.look(server, number)
                self.round(server, number)
            server.start()
            self.look(server, ROUNDS)
            self.assertEqual(server.stop(), 0)
            server.verb("mailbox", "check", USER)

    def look(self, server, number):
        if number > 0:     # what a killed import left open is asked for again: it adds what is missing, nothing twice
            server.import_maildir(self.maildir(number - 1), USER)
            for name, octets in self.mails(number - 1).items():
                if name not in self.world.gone and name not in self.world.owed:
                    self.world.owed[name] = octets
                    self.world.in_doubt.pop(name, None)
        with session(server.port, USER, PASSWORD) as pop:
            uidl = pop.uidl()
            sizes = pop.sizes()
            shown = {}
            for uid, at in uidl.items():
                shown[uid] = pop.retr(int(at))
                self.assertEqual(sizes[int(at)], len(shown[uid]))
            pop.quit()
        self.world.look(shown)

    def maildir(self, number):
        return os.path.join(self.folder, f"round-{number}")

    def mails(self, number):
        made = random.Random(number)
        mails = {}
        for at in range(IMPORT_MAILS):
            body = b"".join(b".%d line\n" % made.randrange(1 << 30) for _ in range(made.choice((3, 200, 3000))))
            octets = corpus.normal(corpus.mail(f"r{number}-{at}", body))
            mails[name_of(octets)] = octets
        return mails

    def round(self, server, number):
        mails = self.mails(number)
        corpus.write_maildir(self.maildir(number), mails, 1747730000 + number * 1000)
        self.world.in_doubt.update(mails)
        threads = [threading.Thread(target=self.importing, args=(server, number)),
                   threading.Thread(target=self.reading_and_deleting, args=(server, self.dice.random()))]
        for thread in threads:
            thread.start()
        time.sleep(self.dice.choice((0.02, 0.1, 0.3)) * self.dice.random() * 2)
        server.kill()
        for thread in threads:
            thread.join(60)

    def importing(self, server, number):
        try:
            server.import_maildir(self.maildir(number), USER)
        except BROKEN:
            return
        for name, octets in self.mails(number).items():
            if self.world.in_doubt.pop(name, None):
                self.world.owed[name] = octets

    def reading_and_deleting(self, server, seed):
        dice = random.Random(seed)
        try:
            while True:
                self.one_session(server, dice)
        except (*BROKEN, Refusal):
            return

    def one_session(self, server, dice):
        with session(server.port, USER, PASSWORD) as pop:
            chosen = {}
            for uid, at in pop.uidl().items():
                if dice.random() < 0.4:
                    octets = pop.retr(int(at))
                    pop.command(f"DELE {int(at)}")
                    chosen[name_of(octets)] = octets
            for name, octets in chosen.items():     # from here to the answer: in doubt
                self.world.owed.pop(name, None)
                self.world.in_doubt[name] = octets
            pop.quit()
        for name in chosen:
            self.world.in_doubt.pop(name, None)
            self.world.gone.add(name)
