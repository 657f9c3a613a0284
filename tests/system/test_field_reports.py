"""Faults that people reported of other servers, tried on the running one. Each test names its rows (R001 ...)."""

import base64
import glob
import json
import os
import re
import socket
import tempfile
import threading
import time
import unittest

import corpus
from appliance import Appliance, PASSWORDS
from pop import Gone, Pop, Refusal, session

USER, PASSWORD = "alice", "reported-fault-2"


class Reported(unittest.TestCase):
    """Starts the server when a test says so, with the mails that it wants."""

    accounts = [(USER, PASSWORD)]

    def setUp(self):
        self.server = Appliance(self.accounts)
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def put(self, mails, name="source", first_time=1747730000):
        maildir = os.path.join(self.folder, name)
        corpus.write_maildir(maildir, mails, first_time)
        self.server.import_maildir(maildir, USER)

    def login(self, **options):
        pop = session(self.server.port, USER, PASSWORD, **options)
        self.addCleanup(pop.socket.close)
        return pop

    def login_soon(self, seconds=10):
        until = time.monotonic() + seconds
        while True:
            try:
                return self.login()
            except Refusal as refused:
                if "[IN-USE]" not in str(refused) or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def refused(self, pop, command):
        with self.assertRaises(Refusal) as refused:
            pop.command(command)
        return str(refused.exception)


def split(octets):
    """Header with its empty line, and the lines of the body."""
    header, blank, body = octets.partition(b"\r\n\r\n")
    return header + blank, re.findall(rb"[^\n]*\n", body)


class Framing(Reported):
    def test_top_and_retr_stuff_alike(self):     # R001 P008 P041
        mails = {**corpus.dot_mails(), **corpus.answer_mails(), **corpus.line_end_mails()}
        self.put(mails)
        self.server.start()
        pop = self.login()
        for number in range(1, len(mails) + 1):
            whole = pop.multi(f"RETR {number}")
            self.assertEqual(pop.multi(f"TOP {number} 99999"), whole)
            for line in re.findall(rb"[^\n]*\n", whole):
                self.assertTrue(not line.startswith(b".") or line.startswith(b".."), line)

    def test_a_missing_last_line_end_is_added_and_counted(self):     # R004 P056 P057
        self.put({"without": corpus.mail("without", b"last"), "with": corpus.mail("with", b"last\r\n")})
        self.server.start()
        pop = self.login()
        for number, name in ((1, "without"), (2, "with")):
            octets = pop.retr(number)
            self.assertTrue(octets.endswith(b"\r\n\r\nlast\r\n"), name)
            self.assertEqual(pop.sizes()[number], len(octets), name)

    def test_top_gives_the_header_and_just_that_many_lines(self):     # R005 P041
        body = b"".join(b"line %d\n" % number for number in range(100000))
        mails = {"big": corpus.mail("big", body), "header-only": corpus.mail("header-only", b""),
                 "no-empty-line": corpus.HEADER % (b"n", b"n"), "dots": corpus.mail("dots", b".\n..\n.x\n")}
        self.put(mails)
        self.server.start()
        pop = self.login()
        for number, octets in enumerate(mails.values(), 1):
            header, lines = split(corpus.normal(octets))
            for count in (0, 1, 2, 3, 1000, 999999, 4000000000):
                got = re.sub(rb"(?m)^\.", b"", pop.multi(f"TOP {number} {count}"))
                want = header + b"".join(lines[:count])
                self.assertIn(got, (want, want + b"\r\n") if b"\r\n\r\n" not in header else (want,), f"TOP {number} {count}")

    def test_one_line_answers_stay_one_line(self):     # R007 P027 P042 X022
        self.put({f"m{number}": corpus.mail(f"m{number}", b"x\n") for number in range(3)})
        self.server.start()
        pop = self.login()
        pop.send(b"LIST 2\r\nUIDL 2\r\nNOOP\r\nLIST 2 3\r\nUIDL 2 3\r\nNOOP\r\n")
        self.assertRegex(pop.answer(), rb"^\+OK 2 \d+$")
        self.assertRegex(pop.answer(), rb"^\+OK 2 [\x21-\x7e]{1,70}$")
        pop.answer()
        for _ in range(2):
            self.assertTrue(pop.line().startswith(b"-ERR"))
        pop.answer()

    def test_odd_command_lines_get_an_answer(self):     # R009 P003 P009
        self.put({"m": corpus.mail("m", b"x\n")})
        self.server.start()
        odd = [b"", b"A:B", b"LIST ", b"list  1", b"\tLIST", b"L" * 40, b"NO\0OP", b"\xff\xfe", b"LIST\t1", b" ", b":"]
        for logged_in in (False, True):
            for line in odd:
                pop = self.login() if logged_in else Pop(self.server.port)
                pop.send(line + b"\r\n")
                answer = pop.line()
                self.assertRegex(answer, rb"^(\+OK|-ERR)", line)
                self.assertNotRegex(answer, rb"^(\+OK|-ERR)  ", line)
                if answer.startswith(b"+OK") and line.upper().startswith(b"LIST") and b"1" not in line:
                    pop.block()
                pop.command("QUIT")
                pop.socket.close()


class Listing(Reported):
    def test_list_stat_and_retr_agree_for_every_message(self):     # R010 P025 P028
        mails = {**corpus.every_mail(), **corpus.bare_mails()}
        self.put(mails)
        self.server.start()
        pop = self.login()
        sizes = pop.sizes()
        self.assertEqual(sorted(sizes), list(range(1, len(mails) + 1)))
        for number, octets in sizes.items():
            self.assertEqual(octets, len(pop.retr(number)), number)
        pop.command("DELE 3")
        count, total = map(int, pop.command("STAT").split()[1:])
        self.assertEqual((count, total), (len(sizes) - 1, sum(sizes.values()) - sizes[3]))

    def test_order_is_steady_and_newcomers_come_last(self):     # R012 P022
        self.put({f"m{number}": corpus.mail(f"m{number}", b"x\n") for number in range(20)})
        self.server.start()
        before = self.listing()
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.listing(), before)
        self.put({f"old{number}": corpus.mail(f"old{number}", b"y\n") for number in range(5)}, "old", 1000000000)
        after = self.listing()
        self.assertEqual(after[:20], before)
        self.assertEqual(len(after), 25)
        self.assertEqual(self.listing(), after)

    def listing(self):
        pop = self.login_soon()
        lines = [uid for uid, at in sorted(pop.uidl().items(), key=lambda item: int(item[1]))]
        pop.quit()
        return lines

    def test_uidls_outlive_the_index(self):     # R017 M3
        self.put({f"m{number}": corpus.mail(f"m{number}", b"x\n") for number in range(9)})
        self.server.start()
        pop = self.login()
        pop.command("DELE 4")
        pop.quit()
        before = self.listing()
        for damage in ("missing", "empty", "cut", "flipped", "foreign"):
            with self.subTest(damage=damage):
                self.assertEqual(self.server.stop(), 0)
                self.damage_index(damage)
                self.server.start()
                self.assertEqual(self.listing(), before)

    def damage_index(self, damage):
        path, = glob.glob(os.path.join(self.server.folder, "data", "*", "*", USER, "index"))
        if damage == "missing":
            os.unlink(path)
            return
        with open(path, "r+b") as file:
            octets = bytearray(file.read())
            if damage == "flipped" and octets:
                octets[len(octets) // 2] ^= 0x10
            file.seek(0)
            file.truncate()
            file.write({"empty": b"", "cut": octets[:-7], "flipped": octets, "foreign": b"nonsense" * 100}[damage])


class Endings(Reported):
    def test_the_lock_is_free_at_once_however_a_client_ends(self):     # R019 A4 P036 P038
        self.put({"m": corpus.mail("m", b"x\n"), "big": corpus.big_mail(8 * corpus.MEBI)})
        self.server.start()
        for ending in ("close", "reset", "half-close", "quit"):
            for command in (b"", b"DELE 1\r\n", b"RETR 2\r\n"):
                with self.subTest(ending=ending, command=command):
                    pop = self.login_soon(3)
                    self.assertEqual(pop.count(), 2)
                    pop.send(command)
                    if ending == "quit" and not command:
                        pop.quit()
                    elif ending == "reset":
                        pop.reset()
                    elif ending == "half-close":
                        pop.socket.shutdown(socket.SHUT_WR)
                    pop.socket.close()
                    self.login_soon(3).socket.close()

    def test_the_peer_sees_the_end_soon(self):     # R070
        self.put({"m": corpus.mail("m", b"x\n")})
        self.server.start()
        for end in ("quit", "kick"):
            for _ in range(20):
                pop = self.login_soon()
                if end == "quit":
                    pop.send(b"QUIT\r\n")
                else:
                    self.server.verb("kick", USER)
                started = time.monotonic()
                with self.assertRaises((Gone, ConnectionError)):
                    while True:
                        pop.more()
                self.assertLess(time.monotonic() - started, 1)
                pop.socket.close()
        until = time.monotonic() + 5
        while self.open_sockets() and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(self.open_sockets(), 0)

    def open_sockets(self):
        """Connections of the server that are still there, by the kernel's table; state 0A listens, 06 is TIME_WAIT."""
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return sum(row[1].endswith(f":{self.server.port:04X}") and row[3] not in ("0A", "06") for row in rows)

    def test_clients_that_leave_while_their_password_is_checked(self):     # R024
        self.server.start()
        for number in range(300):
            pop = Pop(self.server.port)
            pop.send(f"USER {USER}\r\nPASS {PASSWORD}\r\n".encode())
            if number % 2:
                pop.reset()
            else:
                pop.socket.close()
        pop = self.login_soon()
        pop.quit()
        self.assertTrue(self.server.alive())


class Mechanisms(Reported):
    accounts = [(USER, PASSWORD), *[("u" * n, "pl4in!") for n in (1, 2, 3)]]       # 3k, 3k+1, 3k+2 octets

    def plain(self, user, password, authzid=""):
        return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()

    def test_plain_of_every_length_in_every_form(self):     # R039 A005 A018
        self.server.start()
        for user, password in self.accounts[1:]:
            for authzid in ("", user):
                response = self.plain(user, password, authzid)
                with Pop(self.server.port) as pop:
                    pop.command(f"AUTH PLAIN {response}")
                    pop.quit()
                with Pop(self.server.port) as pop:
                    pop.send(b"AUTH PLAIN\r\n")
                    self.assertEqual(pop.line(), b"+ ")
                    pop.command(response)
                    pop.quit()

    def test_after_a_cancelled_or_broken_auth_the_session_goes_on(self):     # R042 A003 A009 A010 A011
        self.server.start()
        good = self.plain(USER, PASSWORD)
        for tries in ([b"AUTH PLAIN", b"*"], [b"AUTH PLAIN ."], [b"AUTH FOO"], [b"AUTH PLAIN =" + good.encode()],
                      [b"AUTH PLAIN", b"\xff\xff"], [b"AUTH PLAIN", b""], [b"AUTH PLAIN", good.encode()[:-3]],
                      [b"AUTH PLAIN " + base64.b64encode(b"no nul")], [b"AUTH PLAIN ="]):
            with self.subTest(tries=tries), Pop(self.server.port) as pop:
                for line in tries[:-1]:
                    pop.send(line + b"\r\n")
                    self.assertEqual(pop.line(), b"+ ")
                pop.send(tries[-1] + b"\r\n")
                self.assertTrue(pop.line().startswith(b"-ERR"))
                self.assertIn(b"SASL", pop.multi("CAPA"))
                pop.command(f"AUTH PLAIN {good}")
                pop.quit()

    def test_what_is_announced_before_login_stands_after_it(self):     # R045 X013 X014 X017 X018 X026
        self.server.start()
        with Pop(self.server.port) as pop:
            before = set(pop.multi("CAPA").splitlines())
            pop.login(USER, PASSWORD)
            after = set(pop.multi("CAPA").splitlines())
        for line in (b"TOP", b"UIDL", b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE", b"USER"):
            self.assertIn(line, before)
            self.assertIn(line, after)
        sasl = [line for line in before if line.startswith(b"SASL")]
        self.assertEqual(sasl, [b"SASL PLAIN"])
        self.assertEqual([line for line in after if line.startswith(b"SASL")], sasl)

    def test_wrong_passwords_and_unknown_accounts_answer_alike(self):     # P046 E003 S007
        self.server.start()
        answers, times = set(), []
        for user, password in ((USER, "wrong-one-4"), ("nobody-here", "wrong-two-4"), (USER, "")):
            PASSWORDS.add("wrong-one-4")
            PASSWORDS.add("wrong-two-4")
            with Pop(self.server.port) as pop:
                self.assertTrue(pop.command(f"USER {user}").startswith(b"+OK"))
                started = time.monotonic()
                if password:
                    answers.add(self.refused(pop, f"PASS {password}"))
                    times.append(time.monotonic() - started)
                else:
                    self.refused(pop, "PASS ")
        self.assertEqual(len(answers), 1, answers)
        self.assertIn("[AUTH]", answers.pop())
        self.assertLess(abs(times[0] - times[1]), 0.2)


class Logs(Reported):
    def test_foreign_text_stays_in_one_line_and_quoted(self):     # R050
        self.server.write_config()
        with open(self.server.config, "a", encoding="utf-8") as file:
            file.write('\n[log]\nformat = "json"\n')
        self.server.start()
        for name in (b"rip=1.2.3.4", b'a" rip="9.9.9.9', b"x\x1b[31mred", b"\xc3\xbc\xff", b"n" * 200, b"a b  c"):
            with Pop(self.server.port) as pop:
                pop.send(b"USER " + name + b"\r\n")
                pop.line()
                pop.send(b"PASS nothing-at-all\r\n")
                pop.line()
                pop.send(b"AUTH PLAIN " + base64.b64encode(b"\0" + name + b"\rx\ny\0nothing-at-all") + b"\r\n")
                pop.line()
        time.sleep(0.5)
        self.assertEqual(self.server.stop(), 0)
        lines = [line for line in self.server.log if line.strip() != "ready"]
        self.assertTrue(lines)
        for line in lines:
            json.loads(line)
            self.assertNotRegex(line.rstrip("\n"), "[\x00-\x1f]")
            self.assertLess(len(line), 4000)


class Crowds(Reported):
    def test_all_are_answered_however_many_speak_at_once(self):     # R069
        self.server.start()
        crowd = [Pop(self.server.port) for _ in range(1500)]
        self.addCleanup(lambda: [pop.socket.close() for pop in crowd])
        for number, pop in enumerate(crowd):
            pop.send(b"CAPA\r\n" * (1 if number % 10 else 30))
        for number, pop in enumerate(crowd):
            for _ in range(1 if number % 10 else 30):
                self.assertIn(b"UIDL", (pop.answer(), pop.block())[1])

    def test_a_stream_read_in_small_pieces_is_exact(self):     # R074
        sizes = [3000 + 1500 * number for number in range(200)]
        mails = {f"m{number}": corpus.mail(f"m{number}", b".%d" % number + b"x" * octets + b"\n")
                 for number, octets in enumerate(sizes)}
        self.put(mails)
        self.server.start()
        pop = self.login(receive_buffer=2304)
        sender = threading.Thread(target=pop.send, args=(b"".join(b"RETR %d\r\n" % n for n in range(1, 201)),))
        sender.start()
        for octets in mails.values():
            pop.answer()
            self.assertEqual(pop.block(), corpus.stuffed(corpus.normal(octets)))
        sender.join()
        pop.quit()


class CutFile(Reported):
    def test_a_log_that_got_shorter_ends_one_session_only(self):     # R075
        self.put({"first": corpus.mail("first", b"small\n"), "big": corpus.big_mail(24 * corpus.MEBI)})
        self.server.start()
        slow = self.login(receive_buffer=4096)
        slow.send(b"RETR 2\r\n")
        slow.answer()
        time.sleep(0.3)
        path, = glob.glob(os.path.join(self.server.folder, "data", "*", "*", USER, "mail"))
        os.truncate(path, os.path.getsize(path) // 2)
        with self.assertRaises((Gone, ConnectionError, TimeoutError)):
            slow.socket.settimeout(30)
            slow.block()
        self.assertTrue(self.server.alive())
        pop = self.login_soon()
        try:
            pop.retr(2)
            self.fail("a message without its end was served")
        except Refusal as refused:
            self.assertIn("[SYS/", str(refused))
        except Gone:
            pass
        self.assertTrue(self.server.alive())
        self.assertLess(self.server_seconds(1), 0.5, "the server spins")

    def server_seconds(self, seconds):
        def ticks():
            total = 0
            for pid in self.server.pids():
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            return total

        before = ticks()
        time.sleep(seconds)
        return (ticks() - before) / os.sysconf("SC_CLK_TCK")


del Reported
