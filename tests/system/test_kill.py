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
        self.guard = threading.Lock()    # an import and a session tell their news at the same time
        self.owed = set()      # acknowledged and not deleted
        self.coming = set()    # import asked for, not answered: there or not, as the next look finds
        self.going = set()     # deletion asked for, not answered: likewise
        self.gone = set()      # deleted with an answer
        self.uidl = {}         # UIDL -> name, of all that was ever shown
        self.uidl_of = {}      # name -> UIDL

    def import_begins(self, names):
        with self.guard:
            self.coming.update(names)

    def imported(self, names):
        with self.guard:
            self.owed.update(set(names) & self.coming - self.going - self.gone)
            self.coming -= set(names)

    def deletion_begins(self, names):
        with self.guard:
            self.going.update(names)
            self.owed -= set(names)

    def deleted(self, names):
        with self.guard:
            self.gone.update(names)
            self.going -= set(names)
            self.coming -= set(names)

    def look(self, shown):
        """Checks a whole maildrop, UIDL -> octets, and settles what was in doubt."""
        names = [name_of(octets) for octets in shown.values()]
        assert len(set(names)) == len(names), "a message is there twice"
        for name in names:
            assert name in self.owed | self.coming | self.going, \
                "a deleted message is back" if name in self.gone else "a message was invented or changed"
        for name in self.owed:
            assert name in names, "an acknowledged message is lost"
        for uid, octets in shown.items():
            name = name_of(octets)
            assert self.uidl.setdefault(uid, name) == name, "a UIDL names another message"
            assert self.uidl_of.setdefault(name, uid) == uid, "a message has another UIDL"
        in_doubt = self.coming | self.going
        self.owed |= in_doubt & set(names)
        self.gone |= in_doubt - set(names)
        self.coming.clear()
        self.going.clear()


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
            self.world.imported(self.mails(number - 1))
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
        self.world.import_begins(mails)
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
        self.world.imported(self.mails(number))

    def reading_and_deleting(self, server, seed):
        dice = random.Random(seed)
        try:
            while True:
                self.one_session(server, dice)
        except (*BROKEN, Refusal):
            return

    def one_session(self, server, dice):
        with session(server.port, USER, PASSWORD) as pop:
            chosen = set()
            for at in pop.uidl().values():
                if dice.random() < 0.4:
                    octets = pop.retr(int(at))
                    pop.command(f"DELE {int(at)}")
                    chosen.add(name_of(octets))
            self.world.deletion_begins(chosen)
            pop.quit()
        self.world.deleted(chosen)
