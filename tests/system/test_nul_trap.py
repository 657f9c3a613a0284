"""The NUL trap (M10) and UPDATE's condition (M6): a client that sends RETR, DELE and QUIT of everything and only then
reads gets every octet; one that dies before it has taken them loses nothing."""

import concurrent.futures
import glob
import os
import random
import tempfile
import time
import unittest

import corpus
from appliance import Appliance
from pop import Gone, Pop, session

TIMES = {"quick": 40, "normal": 1000, "long": 5000}[os.environ.get("RINGPOST_TEST_EXTENT", "normal")]
ACCOUNTS = 8
PASSWORD = "cold-pages-4"


def drop_from_cache(server):
    for path in glob.glob(os.path.join(server.folder, "data", "*", "*", "*", "mail")):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def mails_of(dice, name):
    mails = {}
    for number in range(dice.choice((1, 2, 5, 12))):
        octets = dice.choice((1, 700, 5000, 40000, 300000, 900000))
        line = b"%x" % dice.getrandbits(300)
        body = b"".join(b".%d %s\n" % (at, line) for at in range(octets // 80 + 1))
        mails[f"{name}-{number}"] = corpus.mail(f"{name}-{number}", body)
    return mails


class ReadsOnlyAfterwards(unittest.TestCase):
    def test_every_octet_of_what_it_deletes(self):
        users = [f"user{number}" for number in range(ACCOUNTS)]
        with Appliance([(user, PASSWORD) for user in users]) as self.server, \
                tempfile.TemporaryDirectory(dir="/var/tmp") as self.folder:
            self.server.start()
            with concurrent.futures.ThreadPoolExecutor(ACCOUNTS) as pool:
                list(pool.map(self.many_times, users))

    def many_times(self, user):
        dice = random.Random(user)
        for number in range(TIMES // ACCOUNTS):
            mails = mails_of(dice, f"{user}-{number}")
            for part, names in enumerate(self.batches(dice, list(mails))):
                maildir = os.path.join(self.folder, f"{user}-{number}-{part}")
                corpus.write_maildir(maildir, {name: mails[name] for name in names}, 1747730000 + part * 100)
                self.server.import_maildir(maildir, user)
            if dice.random() < 0.5:
                drop_from_cache(self.server)
            self.fetch_blindly(user, dice, [corpus.normal(octets) for octets in mails.values()])

    def batches(self, dice, names):
        cut = dice.randrange(len(names) + 1)
        return [part for part in (names[:cut], names[cut:]) if part]

    def fetch_blindly(self, user, dice, expected):
        with Pop(self.server.port, receive_buffer=dice.choice((None, 4096, 65536))) as pop:
            pop.login(user, PASSWORD)
            count = len(expected)
            pop.send(b"".join(b"RETR %d\r\nDELE %d\r\n" % (at, at) for at in range(1, count + 1)) + b"QUIT\r\n")
            time.sleep(dice.choice((0, 0, 0.01, 0.05)))
            got = []
            for _ in range(count):
                pop.answer()
                got.append(pop.block())
                pop.answer()
            pop.answer()
            with self.assertRaises(Gone):
                pop.line()
        self.assertEqual(sorted(got), sorted(corpus.stuffed(octets) for octets in expected))


class DiesWithOctetsUnread(unittest.TestCase):
    def test_deletes_nothing(self):
        mails = {"big": corpus.big_mail(24 * corpus.MEBI), "small": corpus.mail("small", b"x\n")}
        with Appliance([("alice", PASSWORD)]) as server, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            corpus.write_maildir(folder, mails)
            server.import_maildir(folder)
            server.start()
            for ending in ("reset", "close", "half-close"):
                for pause in (0, 0.2):
                    with self.subTest(ending=ending, pause=pause):
                        self.die(server, ending, pause)
            self.assertEqual(server.stop(), 0)

    def die(self, server, ending, pause):
        pop = self.login_again(server)
        self.assertEqual(pop.count(), 2)
        pop.send(b"RETR 2\r\nDELE 2\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
        time.sleep(pause)
        if ending == "half-close":
            pop.socket.shutdown(1)
            time.sleep(0.1)
        if ending == "close":
            pop.socket.close()
        else:
            pop.reset()
        with self.login_again(server) as pop:
            self.assertEqual(pop.count(), 2)     # P036
            pop.quit()

    def login_again(self, server):
        """The lock of a client that was reset is free at once; R019 allows a moment."""
        for _ in range(100):
            try:
                return session(server.port, "alice", PASSWORD, receive_buffer=4096)
            except Exception as refused:
                if "[IN-USE]" not in str(refused):
                    raise
                time.sleep(0.1)
        raise AssertionError("the maildrop stays locked")
