"""Large maildrops: a login reads no message, and a poll of an unchanged maildrop touches no file (A6, R067)."""

import os
import re
import tempfile
import unittest
import urllib.request

from appliance import SANITIZER_OCTETS, Appliance, free_port
from pop import session

MESSAGES = 300_000
USER, PASSWORD = "alice", "a-large-maildrop-6"
GROWTH_MAX = (16 << 20) + SANITIZER_OCTETS


def mbox_of_many():
    for number in range(1, MESSAGES + 1):
        yield b"From a@b Thu Jan  1 00:00:10 1970\nSubject: %d\n\nbody\n\n" % number


class LargeMaildrop(unittest.TestCase):
    def setUp(self):
        self.figures_port = free_port()
        self.server = Appliance([(USER, PASSWORD), ("bob", "bobs-small-one-2")],
                                tables=f'http = ["127.0.0.1:{self.figures_port}"]')
        self.addCleanup(self.server.__exit__)
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as mbox:
            mbox.writelines(mbox_of_many())
            mbox.flush()
            self.server.verb("import", "mbox", mbox.name, "--user", USER)
        self.server.start()

    def figure(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.figures_port}/metrics", timeout=30) as page:
            text = page.read().decode()
        found = re.search(rf"^ringpost_{name} (\d+)", text, re.MULTILINE)
        self.assertIsNotNone(found, name)
        return int(found[1])

    def poll(self):
        pop = session(self.server.port, USER, PASSWORD)
        pop.send(b"STAT\r\nUIDL\r\nQUIT\r\n")
        stat = pop.line()
        pop.line()
        uidls = pop.block().split(b"\r\n")[:-1]
        pop.line()
        pop.socket.close()
        return stat, uidls

    def test_first_login_reads_the_index_and_later_ones_no_file(self):    # R067
        stat, uidls = self.poll()
        octets = sum(len(b"Subject: %d\r\n\r\nbody\r\n" % number) for number in range(1, MESSAGES + 1))
        self.assertEqual(stat.split()[:3], [b"+OK", b"%d" % MESSAGES, b"%d" % octets])
        self.assertEqual(len(uidls), MESSAGES)
        self.assertEqual(len({line.split()[1] for line in uidls}), MESSAGES)
        self.assertEqual(self.figure("opens_from_index_total"), 1)
        self.assertEqual(self.figure("opens_by_scan_total"), 0)

        self.assertEqual(self.poll(), (stat, uidls))
        self.assertEqual(self.figure("opens_from_summary_total"), 1)
        self.assertEqual(self.figure("opens_from_index_total"), 1)
        self.assertEqual(self.figure("maildrop_files_cached"), 0, "nothing was read, so no log is open")

    def test_memory_is_in_proportion_to_the_messages_and_stays(self):
        self.poll()
        child = self.server.pids()[-1]
        first = self.resident(child)
        for _ in range(5):
            self.poll()
        self.assertLess(self.resident(child) - first, GROWTH_MAX)
        self.assertLess(self.figure("summary_octets"), 96 * MESSAGES)

    @staticmethod
    def resident(pid):
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
