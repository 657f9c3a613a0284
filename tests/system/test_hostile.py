"""Hostile clients: memory stays within a stated bound, and an honest client beside them sees a median answer at most
twice as slow."""

import os
import resource
import socket
import statistics
import tempfile
import threading
import time
import unittest

import corpus
from appliance import SANITIZER_OCTETS, Appliance
from pop import Gone, Pop, Refusal, session

QUICK = os.environ.get("RINGPOST_TEST_EXTENT") == "quick"
USERS = [(f"user{number}", "hostile-pass-5") for number in range(4)]
HONEST, PASSWORD = "honest", "honest-pass-6"
IDLE_CONNECTIONS = 500 if QUICK else 8000
POLLS = 60
MEBI = 1 << 20
QUIET_OCTETS_MAX = 48 * MEBI           # over the idle server, for any of these attacks but the idle one
IDLE_OCTETS_MAX_EACH = 8192            # not logged in
# A poll takes less than a millisecond here, and two cores are shared by server, attacker and measurer: below this the
# difference is the scheduler's.
MEDIAN_SECONDS_FLOOR = 0.004


def file_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class HostileTest(unittest.TestCase):
    alone = True

    def setUp(self):
        file_limit()
        self.server = Appliance([*USERS, (HONEST, PASSWORD)], virtual_server="max_connections = 20000")
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.fill(folder.name)
        self.server.start()
        self.poll()
        self.before = self.server.memory_octets()
        self.quiet = self.median_poll()
        self.stop = threading.Event()
        self.attackers = []
        self.addCleanup(self.end)

    def fill(self, folder):
        small = os.path.join(folder, "small")
        mails = {f"m{number}": corpus.mail(f"m{number}", b"x" * 3000 + b"\n") for number in range(20)}
        corpus.write_maildir(small, mails)
        self.server.import_maildir(small, HONEST)
        for user, _ in USERS:
            self.server.import_maildir(small, user)

    def poll(self):
        started = time.monotonic()
        with Pop(self.server.port) as pop:
            pop.command(f"USER {HONEST}")
            pop.command(f"PASS {PASSWORD}")
            pop.command("STAT")
            pop.multi("UIDL")
            pop.retr(1)
            pop.quit()
        return time.monotonic() - started

    def median_poll(self):
        return statistics.median(self.poll() for _ in range(POLLS))

    def attack(self, work, *arguments, threads=1):
        def again():
            while not self.stop.is_set():
                try:
                    work(*arguments)
                except (Gone, Refusal, OSError):
                    pass

        for _ in range(threads):
            thread = threading.Thread(target=again, daemon=True)
            thread.start()
            self.attackers.append(thread)

    def end(self):
        self.stop.set()
        for thread in self.attackers:
            thread.join(10)

    def judge(self, octets_max=QUIET_OCTETS_MAX):
        median = self.median_poll()
        grown = self.server.memory_octets() - self.before
        self.assertTrue(self.server.alive(), self.server.said()[-2000:])
        self.assertLessEqual(median, max(2 * self.quiet, MEDIAN_SECONDS_FLOOR),
                             f"an honest poll took {self.quiet * 1000:.2f} ms, now {median * 1000:.2f} ms")
        self.assertLessEqual(grown, octets_max + SANITIZER_OCTETS, f"memory grew by {grown / MEBI:.1f} MiB")


class Hostile(HostileTest):
    def test_one_octet_a_second(self):
        def drip():
            with Pop(self.server.port) as pop:
                for octet in b"USER somebody-with-a-long-name-who-types-slowly\r\n":
                    if self.stop.wait(1):
                        return
                    pop.send(bytes([octet]))

        self.attack(drip, threads=100)
        time.sleep(2)
        self.judge()

    def test_lines_without_end(self):
        def babble():
            with Pop(self.server.port) as pop:
                while not self.stop.is_set():
                    pop.send(b"A" * 65536)
                    time.sleep(0.01)

        self.attack(babble, threads=8)
        time.sleep(1)
        self.judge()

    def test_ten_thousand_pipelined_commands(self):
        def flood():
            user, password = USERS[0]
            with session(self.server.port, user, password) as pop:
                pop.socket.settimeout(30)
                reader = threading.Thread(target=self.drain, args=(pop,), daemon=True)
                reader.start()
                pop.send(b"NOOP\r\nSTAT\r\n" * 5000 + b"QUIT\r\n")
                reader.join(30)
                time.sleep(0.2)

        self.attack(flood)
        time.sleep(1)
        self.judge()

    def test_pipelined_commands_answer_in_order_however_many(self):
        user, password = USERS[1]                        # X022: no deadlock where the client sends before it reads
        with session(self.server.port, user, password) as pop:
            said = b"".join(b"LIST %d\r\n" % (n % 20 + 1) for n in range(10000))
            sender = threading.Thread(target=pop.send, args=(said,))
            sender.start()
            for number in range(10000):
                self.assertEqual(pop.answer().split()[1], b"%d" % (number % 20 + 1))
            sender.join()
            pop.quit()

    def drain(self, pop):
        try:
            while pop.socket.recv(65536):
                pass
        except OSError:
            pass

    def test_resets_at_every_step(self):
        user, password = USERS[2]
        said = "".join(f"{command}\r\n" for command in (
            "CAPA", f"USER {user}", f"PASS {password}", "STAT", "RETR 1", "UIDL", "TOP 2 3", "DELE 1", "RSET", "NOOP")).encode()

        def die():
            for cut in range(0, len(said), 3):
                if self.stop.is_set():
                    return
                pop = Pop(self.server.port)
                pop.send(said[:cut])
                pop.reset()
                time.sleep(0.002)

        self.attack(die, threads=2)
        time.sleep(1)
        self.judge()
        self.end()
        time.sleep(1)
        with session(self.server.port, user, password) as pop:     # P036, A4: nothing deleted, nothing left locked
            self.assertEqual(pop.count(), 20)
            pop.quit()

    def test_half_closed_sockets(self):
        user, password = USERS[2]

        def half():
            with Pop(self.server.port) as pop:
                pop.send(f"USER {user}\r\nPASS {password}\r\nSTAT\r\nUIDL\r\n".encode())
                pop.socket.shutdown(socket.SHUT_WR)
                self.drain(pop)

        self.attack(half, threads=2)
        time.sleep(1)
        self.judge()

    def test_fifty_clients_of_one_account(self):
        user, password = USERS[3]

        def push():
            try:
                with session(self.server.port, user, password) as pop:
                    pop.command("STAT")
                    pop.quit()
            except Refusal as refused:
                if "[AUTH]" in str(refused):                      # X029: a held maildrop is no wrong password
                    self.blamed.append(str(refused))
                time.sleep(0.2)

        self.blamed = []
        self.attack(push, threads=50)
        time.sleep(1)
        self.judge()
        self.assertEqual(self.blamed, [])

    def test_idle_connections(self):
        crowd = []
        self.addCleanup(lambda: [connection.close() for connection in crowd])
        for _ in range(IDLE_CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
            crowd.append(connection)
        for connection in crowd:
            self.assertTrue(connection.recv(600).startswith(b"+OK"))
        self.judge(IDLE_CONNECTIONS * IDLE_OCTETS_MAX_EACH + QUIET_OCTETS_MAX)


class NeverReading(HostileTest):
    BIG = (8 if QUICK else 100) * MEBI

    def fill(self, folder):
        super().fill(folder)
        big = os.path.join(folder, "big")
        corpus.write_maildir(big, {"big": corpus.big_mail(self.BIG)}, 1747760000)
        for user, _ in USERS:
            self.server.import_maildir(big, user)

    def test_while_a_hundred_mebioctets_wait(self):
        readers = []
        self.addCleanup(lambda: [pop.reset() for pop in readers])
        for user, password in USERS:
            pop = session(self.server.port, user, password, receive_buffer=4096)
            pop.send(b"RETR 21\r\n" * 10)
            readers.append(pop)
        time.sleep(1)
        self.judge()


del HostileTest
