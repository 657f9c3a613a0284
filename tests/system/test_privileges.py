"""Privileges (DESIGN §7): parent and child, files born right, a low port by reload, no password anywhere."""

import os
import re
import signal
import socket
import stat
import tempfile
import time
import unittest

import appliance as appliance_module
import corpus
from appliance import Appliance, Refused
from pop import Pop, Refusal, session

USER, PASSWORD = "alice", "seen-nowhere-3"
ROOT = os.geteuid() == 0


def status_of(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line.split()[1:] for line in file if line.startswith(field + ":"))


class Privileges(unittest.TestCase):
    def setUp(self):
        self.server = Appliance([(USER, PASSWORD)])
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.source = folder.name
        corpus.write_maildir(self.source, {"one": corpus.mail("one", b"1\n"), "two": corpus.mail("two", b"2\n")})

    def child(self):
        pids = self.server.pids()
        self.assertEqual(len(pids), 2, "a parent and one child")
        return pids[1]

    def test_child_has_no_privileges_and_can_get_none(self):
        self.server.start()
        child = self.child()
        self.assertEqual(status_of(child, "NoNewPrivs"), ["1"])
        if ROOT:
            self.assertNotIn("0", status_of(child, "Uid"))
            self.assertNotIn("0", status_of(child, "Gid"))
            self.assertEqual(int(status_of(child, "CapEff")[0], 16), 0)
            self.assertEqual(int(status_of(child, "CapPrm")[0], 16), 0)
            self.assertNotIn("0", status_of(child, "Groups"))

    def test_parent_ends_with_an_error_when_the_child_dies(self):
        self.server.start()
        os.kill(self.child(), signal.SIGKILL)
        self.assertNotEqual(self.server.server.wait(20), 0)

    def test_child_dies_with_its_parent(self):
        self.server.start()
        child = self.child()
        os.kill(self.server.server.pid, signal.SIGKILL)
        self.server.server.wait(10)
        until = time.monotonic() + 10
        while os.path.exists(f"/proc/{child}") and time.monotonic() < until:
            time.sleep(0.05)
        self.assertFalse(os.path.exists(f"/proc/{child}"))

    def test_core_dumps_are_off(self):
        self.server.start()
        for pid in self.server.pids():
            with open(f"/proc/{pid}/limits", encoding="ascii") as file:
                core = next(line for line in file if line.startswith("Max core file size"))
            dumpable_owner = os.stat(f"/proc/{pid}/mem").st_uid
            self.assertTrue(core.split()[4] == "0" or dumpable_owner == 0, core)

    def test_files_are_0600_and_folders_0700(self):
        self.server.import_maildir(self.source, USER)          # on the files,
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.command("DELE 1")
            pop.quit()
        corpus.write_maildir(self.source, {"three": corpus.mail("three", b"3\n")}, 1747760000)
        self.server.import_maildir(self.source, USER)          # and through the server
        data = os.path.join(self.server.folder, "data")
        owner = os.stat(data).st_uid
        for path in [data, *(path for path in self.server.files() if path.startswith(data + "/"))]:
            found = os.lstat(path)
            if stat.S_ISDIR(found.st_mode):
                self.assertEqual(stat.S_IMODE(found.st_mode), 0o700, path)
            elif stat.S_ISREG(found.st_mode):
                self.assertEqual(stat.S_IMODE(found.st_mode), 0o600, path)
            self.assertEqual(found.st_uid, owner, path)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.server.folder, "users")).st_mode) & 0o077, 0)

    def test_reload_opens_a_port_below_1024(self):
        port = next(port for port in range(1023, 600, -1) if self.is_free(port))
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as standing:
            with open(self.server.config, encoding="utf-8") as file:
                text = file.read()
            with open(self.server.config, "w", encoding="utf-8") as file:
                file.write(text.replace(f'"127.0.0.1:{self.server.port}"',
                                        f'"127.0.0.1:{self.server.port}", "127.0.0.1:{port}"'))
            self.server.verb("reload")
            until = time.monotonic() + 10
            while True:
                try:
                    with session(port, USER, PASSWORD):
                        self.fail("the maildrop is locked by the standing session")
                except Refusal as refused:
                    self.assertIn("[IN-USE]", str(refused))
                    break
                except ConnectionRefusedError:
                    self.assertLess(time.monotonic(), until, self.server.said()[-1000:])
                    time.sleep(0.1)
            standing.command("NOOP")                             # B8: the standing session goes on
            standing.quit()

    def is_free(self, port):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    def test_refusals_do_not_repeat_the_password(self):
        self.server.start()
        for wrong in ("wrong-password-1", PASSWORD + "x"):
            appliance_module.PASSWORDS.add(wrong)
            with Pop(self.server.port) as pop:
                pop.command(f"USER {USER}")
                with self.assertRaises(Refusal) as refused:
                    pop.command(f"PASS {wrong}")
                self.assertNotIn(wrong, str(refused.exception))
        with Pop(self.server.port) as pop:                       # a password where a command is expected
            with self.assertRaises(Refusal):
                pop.command(PASSWORD)
            with self.assertRaises(Refusal):
                pop.command(f"PASS {PASSWORD}")
        for verb in (["status"], ["sessions"], ["user", "list"], ["--json", "status"], ["--json", "user", "list"]):
            self.server.verb(*verb)
        with self.assertRaises(Refused):
            self.server.verb("user", "add", USER, "--password-stdin", text_in="another-password-2\n")
        appliance_module.PASSWORDS.add("another-password-2")


class BelowRoot(unittest.TestCase):
    def test_serves_from_a_folder_that_its_user_cannot_reach(self):
        with tempfile.TemporaryDirectory(dir="/root") as place, Appliance([(USER, PASSWORD)], place=place) as server:
            os.chmod(place, 0o700)
            os.chmod(server.parent, 0o700)
            corpus.write_maildir(os.path.join(place, "source"), {"one": corpus.mail("one", b"1\n")})
            server.import_maildir(os.path.join(place, "source"), USER)
            server.start()
            with session(server.port, USER, PASSWORD) as pop:
                self.assertEqual(pop.count(), 1)
                pop.command("DELE 1")
                pop.quit()
            self.assertEqual(server.stop(), 0)


if not ROOT:
    del BelowRoot


class Secrets(unittest.TestCase):
    last = True
    said = ""

    def test_no_password_in_what_the_programs_said(self):
        self.assertTrue(appliance_module.PASSWORDS, "the other tests used passwords")
        self.assertTrue(self.said, "the programs said something")
        for password in appliance_module.PASSWORDS:
            found = re.search(re.escape(password), self.said)
            self.assertIsNone(found, found and self.said[max(0, found.start() - 200):found.end() + 20])
