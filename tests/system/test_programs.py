"""The programs as the contract describes them: --check, ready, reload, drain, exit statuses, --json."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import corpus
from appliance import Appliance, Refused
from pop import Gone, Pop, Refusal, session

USER, PASSWORD = "alice", "contract-pass-1"


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.server = Appliance([(USER, PASSWORD)])
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.source = folder.name

    def check(self, text=None):
        if text is not None:
            with open(self.server.config, "w", encoding="utf-8") as file:
                file.write(text)
        command = [os.path.join(self.server.programs, "ringpostd"), "--config", self.server.config, "--check"]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def text(self):
        with open(self.server.config, encoding="utf-8") as file:
            return file.read()

    def mails(self, count):
        return {f"m{n}": corpus.mail(f"m{n}", b"%d\n" % n) for n in range(count)}


class Checking(ProgramTest):
    def test_a_good_configuration_passes(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_unknown_key_is_named_with_file_and_line(self):
        done = self.check(self.text().replace('hostname = "mail.example.test"', 'hostnam = "mail.example.test"'))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"ringpost\.toml:2\b.*hostnam")

    def test_every_error_is_told_not_only_the_first(self):
        text = self.text().replace('hostname =', 'hostnam =').replace('require_tls = "never"', 'require_tls = "no"')
        done = self.check(text)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1)
        self.assertIn("hostnam", said)
        self.assertIn("require_tls", said)

    def test_a_server_that_insists_on_tls_without_a_certificate_is_an_error_with_advice(self):
        done = self.check(self.text().replace('require_tls = "never"\n', ""))      # the default is "before-login"
        self.assertEqual(done.returncode, 1)
        self.assertRegex((done.stdout + done.stderr).lower(), r"certificate|tls")
        with self.assertRaises(AssertionError):
            self.server.start()

    def test_a_part_that_is_not_built_is_refused(self):
        done = self.check(self.text() + '\n[delivery]\nlmtp = ["127.0.0.1:2424"]\n')
        self.assertEqual(done.returncode, 1)
        self.assertIn("not supported yet", done.stdout + done.stderr)

    def test_an_address_that_is_neither_loopback_nor_private_needs_a_publishing_rule(self):
        done = self.check(self.text().replace("127.0.0.1:", "0.0.0.0:"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"publishing")

    def test_init_writes_a_configuration_that_says_everything_as_a_comment(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            folder = os.path.join(place, "fresh")
            self.server.verb("init", folder, config=False)
            with open(os.path.join(folder, "ringpost.toml"), encoding="utf-8") as file:
                text = file.read()
            for key in ("hostname", "data_dir", "cores", "require_tls", "idle_timeout", "max_connections"):
                self.assertRegex(text, rf"(?m)^#?\s*{key}\b")
            with self.assertRaises(Refused) as refused:
                self.server.verb("init", folder, config=False)            # never over an appliance that is there
            self.assertEqual(refused.exception.status, 1)


class Running(ProgramTest):
    def test_says_ready_once_and_serves(self):
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            self.assertEqual(pop.count(), 0)
            pop.quit()
        self.assertEqual([line.strip() for line in self.server.log].count("ready"), 1)

    def test_term_ends_idle_sessions_and_stops_with_status_0(self):
        self.server.start()
        with Pop(self.server.port):
            self.assertEqual(self.server.stop(), 0)

    def test_interrupt_stops_it_like_term(self):
        self.server.start()
        self.server.server.send_signal(signal.SIGINT)
        self.assertEqual(self.server.server.wait(40), 0)

    def test_a_second_term_stops_at_once(self):
        self.server.start()
        with session(self.server.port, USER, PASSWORD):
            self.server.server.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            started = time.monotonic()
            if self.server.alive():
                self.server.server.send_signal(signal.SIGTERM)
            self.server.server.wait(10)
            self.assertLess(time.monotonic() - started, 5)

    def test_a_session_that_ends_writes_one_line(self):
        corpus.write_maildir(self.source, self.mails(2))
        self.server.import_maildir(self.source, USER)
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.retr(1)
            pop.command("DELE 1")
            pop.quit()
        self.server.wait_said(r"alice")
        time.sleep(0.3)
        lines = [line for line in self.server.log if "retrieved" in line]
        self.assertEqual(len(lines), 1, self.server.said())
        self.assertRegex(lines[0], r"retrieved=1\b")
        self.assertRegex(lines[0], r"deleted=1\b")

    def test_a_broken_configuration_is_not_taken_over_by_a_reload(self):
        self.server.start()
        text = self.text()
        with open(self.server.config, "w", encoding="utf-8") as file:
            file.write(text + "\n[nonsense]\nkey = 1\n")
        with self.assertRaises(Refused):
            self.server.verb("reload")
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.quit()

    def test_hup_reloads(self):
        self.server.start()
        self.server.server.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.quit()
        self.assertTrue(self.server.alive())

    def test_a_second_daemon_on_the_same_folder_is_refused(self):      # M19
        self.server.start()
        done = subprocess.run([os.path.join(self.server.programs, "ringpostd"), "--config", self.server.config],
                              capture_output=True, text=True, timeout=30)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(self.server.alive())


class Verbs(ProgramTest):
    def refused(self, status, *arguments):
        with self.assertRaises(Refused) as refused:
            self.server.verb(*arguments)
        self.assertEqual(refused.exception.status, status, refused.exception.said)
        return refused.exception.said

    def test_wrong_usage_is_status_2(self):
        self.refused(2, "no-such-verb")
        self.refused(2, "user")

    def test_verbs_of_later_parts_are_not_supported_yet(self):
        for verb in (["cert", "show"], ["rule", "list"], ["ban", "list"], ["backup", "/var/tmp/x"],
                     ["import", "pop3", "h", "--user", USER]):
            self.assertIn("not supported yet", self.refused(2, *verb))

    def test_accounts_come_change_and_go(self):
        self.server.add_user("bob", "bob-pass-2")
        self.server.start()
        self.assertIn("bob", self.server.verb("user", "list"))
        with session(self.server.port, "bob", "bob-pass-2") as pop:
            pop.quit()
        self.server.verb("user", "passwd", "bob", "--password-stdin", text_in="bob-pass-3\n")
        with session(self.server.port, "bob", "bob-pass-3") as pop:
            pop.quit()
        with self.assertRaises(Refusal):                     # a secret that changed misses the cache
            session(self.server.port, "bob", "bob-pass-2")
        self.server.verb("user", "remove", "bob")
        with self.assertRaises(Refusal):
            session(self.server.port, "bob", "bob-pass-3")

    def test_import_twice_adds_nothing_and_export_gives_it_back(self):
        mails = self.mails(5)
        corpus.write_maildir(self.source, mails)
        for running in (False, True):
            if running:
                self.server.start()
            self.server.import_maildir(self.source, USER)
            listed = json.loads(self.server.verb("--json", "mailbox", "list", USER))
            self.assertTrue(listed)
            out = os.path.join(self.source, f"out-{running}")
            self.server.verb("export", "maildir", out, "--user", USER)
            got = []
            for folder in ("cur", "new"):
                for name in os.listdir(os.path.join(out, folder)):
                    with open(os.path.join(out, folder, name), "rb") as file:
                        got.append(corpus.normal(file.read()))
            self.assertEqual(sorted(got), sorted(corpus.normal(octets) for octets in mails.values()))

    def test_dry_run_adds_nothing(self):
        corpus.write_maildir(self.source, self.mails(3))
        self.server.import_maildir(self.source, USER, "--dry-run")
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            self.assertEqual(pop.count(), 0)
            pop.quit()

    def test_status_sessions_and_kick(self):
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            self.assertIn(USER, self.server.verb("sessions"))
            json.loads(self.server.verb("--json", "sessions"))
            json.loads(self.server.verb("--json", "status"))
            self.server.verb("kick", USER)
            with self.assertRaises((Gone, ConnectionError)):
                while True:
                    pop.more()
        with session(self.server.port, USER, PASSWORD) as pop:     # the lock is free
            pop.quit()

    def test_check_repair_and_compact_leave_what_is_whole(self):
        mails = self.mails(6)
        corpus.write_maildir(self.source, mails)
        self.server.import_maildir(self.source, USER)
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.command("DELE 2")
            pop.quit()
        with session(self.server.port, USER, PASSWORD) as pop:
            before = {uid: pop.retr(int(at)) for uid, at in pop.uidl().items()}
            pop.quit()
        for verb in ("check", "compact", "repair", "check"):
            self.server.verb("mailbox", verb, USER)
            with session(self.server.port, USER, PASSWORD) as pop:
                self.assertEqual({uid: pop.retr(int(at)) for uid, at in pop.uidl().items()}, before, verb)
                pop.quit()

    def test_doctor_speaks(self):
        self.assertIn("io_uring", self.server.verb("doctor"))


del ProgramTest
