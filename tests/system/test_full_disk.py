"""A full disk (M11): clients fetch, delete and quit, space comes back, imports are refused with a clear word, and resume.

The data folder lies on a small file system of its own on a loop device; another writer fills it.
"""

import os
import subprocess
import tempfile
import time
import unittest

import corpus
from appliance import Appliance, Refused
from pop import session

PASSWORD = "no-room-left-8"
IMAGE_OCTETS = 400 << 20
MAILS = 40


def as_root(*command):
    subprocess.run([*([] if os.geteuid() == 0 else ["sudo"]), *command], check=True, capture_output=True, timeout=120)


class FullDisk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringpost-disk-", dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def mounted(self, make):
        image, place = os.path.join(self.folder, "image"), os.path.join(self.folder, "disk")
        with open(image, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, IMAGE_OCTETS)    # a sparse one would hide errors of the disk below
        os.mkdir(place)
        as_root(*make, image)
        as_root("mount", "-o", "loop", image, place)
        self.addCleanup(as_root, "umount", "-l", place)
        as_root("chown", f"{os.geteuid()}:{os.getegid()}", place)
        return place

    def test_ext4(self):
        self.fill_and_empty(self.mounted(["mkfs.ext4", "-q", "-m", "0"]))

    def test_xfs(self):
        self.fill_and_empty(self.mounted(["mkfs.xfs", "-q"]))

    def fill_and_empty(self, place):
        source = os.path.join(self.folder, "source")
        later = os.path.join(self.folder, "later")
        mails = {f"m{n}": corpus.mail(f"m{n}", b"%d\n" % n + b"x" * 200000 + b"\n") for n in range(MAILS)}
        corpus.write_maildir(source, mails)
        corpus.write_maildir(later, {"later": corpus.mail("later", b"y" * 1000000 + b"\n")}, 1747760000)
        with Appliance([("alice", PASSWORD)], place=place) as server:
            server.start()
            server.import_maildir(source)
            hog = os.path.join(place, "hog")
            self.fill_up(hog)

            with self.assertRaises(Refused) as refused:          # while it is full
                self.import_until_refused(server, later)
            self.assertRegex(refused.exception.said.lower(), r"no space|no room|full|space left")

            with session(server.port, "alice", PASSWORD) as pop:
                count = pop.count()
                self.assertGreaterEqual(count, MAILS)
                got = {pop.retr(number) for number in range(1, count + 1)}
                for octets in mails.values():
                    self.assertIn(corpus.normal(octets), got)
                for number in range(1, MAILS // 2 + 1):
                    pop.command(f"DELE {number}")
                pop.quit()
            with session(server.port, "alice", PASSWORD) as pop:
                left = pop.count()
                self.assertEqual(left, count - MAILS // 2)
                for number in range(1, left + 1):
                    pop.command(f"DELE {number}")
                pop.quit()
            before = os.statvfs(place).f_bavail
            self.wait_for_room(place)
            self.assertGreaterEqual(os.statvfs(place).f_bavail, before)

            os.unlink(hog)
            self.resume(server, later)
            with session(server.port, "alice", PASSWORD) as pop:
                self.assertEqual(pop.count(), 1)
                pop.quit()
            self.assertEqual(server.stop(), 0)

    def import_until_refused(self, server, later):
        # What another writer fills may leave a last block; the first imports may still find it.
        for attempt in range(20):
            more = os.path.join(self.folder, f"more-{attempt}")
            corpus.write_maildir(more, {f"more-{attempt}": corpus.mail(f"more-{attempt}", b"z" * 500000 + b"\n")},
                                 1747750000 + attempt)
            server.import_maildir(more)
        del later

    def fill_up(self, hog):
        with open(hog, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 512):
                try:
                    while True:
                        file.write(b"\xaa" * size)
                except OSError:
                    pass
            os.fsync(file.fileno())

    def wait_for_room(self, place):
        until = time.monotonic() + 20
        while time.monotonic() < until and os.statvfs(place).f_bavail == 0:
            time.sleep(0.2)

    def resume(self, server, later):
        """The reserve is made whole again first, which takes the server a moment."""
        until = time.monotonic() + 60
        while True:
            try:
                server.import_maildir(later)
                return
            except Refused:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
