"""RFC 1939, 2449, 3206 and 5034 as a client at the socket sees them. Each dialogue names its rows of the checklist.

A dialogue is a list of pairs: what is sent (None: nothing), and what the next answer's first line must match. A pattern
that ends with "..." is a multi-line answer, of which the block is kept in `self.block`.
"""

import base64
import tempfile
import time
import unittest

import corpus
from appliance import Appliance
from pop import Gone, Pop, Refusal, session

USER, PASSWORD = "alice", " spaces  and ünï 5 "
MAILS = 4
OK, ERR = r"^\+OK", r"^-ERR"


class Rfc(unittest.TestCase):
    last_pop = None

    def setUp(self):
        self.server = Appliance([(USER, PASSWORD), ("bob", "bobs-password-4")])
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.mails = [corpus.mail(f"m{n}", b".line %d\n" % n * (n + 1)) for n in range(MAILS)]
        corpus.write_maildir(folder.name, {f"m{n}": octets for n, octets in enumerate(self.mails)})
        self.server.import_maildir(folder.name, USER)
        self.server.start()

    def talk(self, dialogue, pop=None):
        if pop is None:
            pop = Pop(self.server.port)
            self.addCleanup(pop.socket.close)
        for sent, pattern in dialogue:
            if sent is not None:
                pop.send(sent if isinstance(sent, bytes) else sent.encode() + b"\r\n")
            multi = pattern.endswith("...")
            line = pop.line().decode(errors="replace")
            self.assertRegex(line, pattern.removesuffix("..."), sent)
            self.assertLessEqual(len(line), 510, sent)                 # P005 X012
            if multi:
                self.block = pop.block()                               # P007: CRLF ends, a lone dot at the end
                self.assertNotRegex(self.block, rb"(?<!\r)\n")
        return pop

    def logged_in(self, dialogue):
        """A new session of alice; the one before it is dropped, without QUIT."""
        if self.last_pop:
            self.last_pop.socket.close()
        until = time.monotonic() + 5
        while True:
            try:
                self.last_pop = session(self.server.port, USER, PASSWORD)
                break
            except Refusal as refused:
                if "[IN-USE]" not in str(refused) or time.monotonic() > until:
                    raise
                time.sleep(0.02)
        self.addCleanup(self.last_pop.socket.close)
        return self.talk(dialogue, self.last_pop)


class Authorization(Rfc):
    def test_greeting_is_positive_without_a_challenge(self):     # P001 P006 P015 X012 X031
        with Pop(self.server.port) as pop:
            self.assertTrue(pop.greeting.startswith(b"+OK"))
            self.assertNotIn(b"<", pop.greeting)
            self.assertFalse(pop.greeting.startswith(b"+OK ["))        # X019

    def test_keywords_in_any_case(self):     # P002 P016 P039
        self.talk([("uSeR " + USER, OK), ("pAsS " + PASSWORD, OK), ("sTaT", OK), ("NoOp", OK), ("quit", OK)])

    def test_commands_of_the_other_state_are_refused_and_the_session_goes_on(self):     # P009 P010 P033 P024
        early = ["STAT", "LIST", "RETR 1", "DELE 1", "NOOP", "RSET", "UIDL", "TOP 1 0", "XYZZY", "PASS x"]
        self.talk([(verb, ERR) for verb in early] + [("CAPA", OK + "...")])
        self.logged_in([("USER " + USER, ERR), ("PASS x", ERR), ("AUTH PLAIN", ERR), ("STAT", OK)])     # A002 P045

    def test_pass_only_right_behind_user(self):     # P045 P047
        self.talk([("PASS " + PASSWORD, ERR), ("USER " + USER, OK), ("CAPA", OK + "..."), ("PASS " + PASSWORD, ERR),
                   ("USER " + USER, OK), ("PASS " + PASSWORD, OK)])

    def test_user_tells_nothing(self):     # P046 E004 X030
        pop = Pop(self.server.port)
        self.addCleanup(pop.socket.close)
        answers = {pop.command(f"USER {name}") for name in (USER, "no-such-account", "x" * 40)}
        self.assertEqual(len({answer.replace(b"alice", b"").strip() for answer in answers}), 1)

    def test_passwords_keep_their_spaces(self):     # P048 A9
        self.talk([("USER " + USER, OK), ("PASS " + PASSWORD.strip(), ERR + r" \[AUTH\]"),
                   ("USER " + USER, OK), ("PASS " + PASSWORD, OK)])

    def test_a_failed_login_leaves_the_session_open(self):     # P020 E003 A011 E001 E002
        self.talk([("USER bob", OK), ("PASS wrong", ERR + r" \[AUTH\]"), ("AUTH PLAIN AGJvYgB4", ERR + r" \[AUTH\]"),
                   ("USER bob", OK), ("PASS bobs-password-4", OK)])

    def test_quit_before_login(self):     # P024
        pop = self.talk([("QUIT", OK)])
        with self.assertRaises(Gone):
            pop.line()

    def test_a_locked_maildrop_is_in_use_not_a_wrong_password(self):     # P017 P018 P019 X028 X029 A4
        with session(self.server.port, USER, PASSWORD) as holder:
            self.talk([("USER " + USER, OK), ("PASS " + PASSWORD, ERR + r" \[IN-USE\] ")])
            holder.quit()
        self.talk([("USER " + USER, OK), ("PASS " + PASSWORD, OK)])


class Transaction(Rfc):
    def test_stat_list_and_their_sizes(self):     # P021 P023 P025 P026 P027 P028 P029
        sizes = [len(corpus.normal(octets)) for octets in self.mails]
        self.logged_in([("STAT", rf"^\+OK {MAILS} {sum(sizes)}$"), ("LIST", OK + "..."),
                        ("LIST 2", rf"^\+OK 2 {sizes[1]}$")])
        self.assertEqual(self.block, b"".join(b"%d %d\r\n" % (n, size) for n, size in enumerate(sizes, 1)))

    def test_numbers_that_are_none(self):     # P023 P027 P030
        bad = ["0", "-1", "1x", "99999999999", "18446744073709551617", "5", "+1", "1 1", "", "1.0", "0x1", " 1"]
        for verb in ("RETR", "DELE", "LIST", "UIDL"):      # a session each: after 20 errors it would be cut
            dialogue = [(f"{verb} {number}", ERR) for number in bad if number.strip() or verb in ("RETR", "DELE")]
            self.logged_in(dialogue + [("STAT", rf"^\+OK {MAILS} ")])

    def test_retr_gives_all_of_it_stuffed(self):     # P008 P030
        self.logged_in([("RETR 3", OK + "...")])
        self.assertEqual(self.block, corpus.stuffed(corpus.normal(self.mails[2])))

    def test_dele_marks_and_rset_unmarks(self):     # P031 P032 P034 P022
        touched = ["RETR 2", "DELE 2", "LIST 2", "UIDL 2", "TOP 2 0"]
        self.logged_in([("DELE 2", OK)] + [(verb, ERR) for verb in touched] +
                       [("STAT", rf"^\+OK {MAILS - 1} "), ("LIST", OK + "..."), ("UIDL", OK + "..."),
                        ("LIST 3", r"^\+OK 3 "),
                        ("RSET", OK), ("STAT", rf"^\+OK {MAILS} "), ("RETR 2", OK + "..."), ("QUIT", OK)])
        self.logged_in([("STAT", rf"^\+OK {MAILS} ")])

    def test_quit_removes_just_the_marked(self):     # P035 P038 S007
        self.logged_in([("UIDL", OK + "...")])
        before = dict(line.split()[::-1] for line in self.block.splitlines())
        pop = self.logged_in([("DELE 1", OK), ("DELE 3", OK), ("QUIT", OK)])
        with self.assertRaises(Gone):
            pop.line()
        self.logged_in([("UIDL", OK + "...")])
        left = [line.split()[1] for line in self.block.splitlines()]
        self.assertEqual(left, [uid for uid, number in before.items() if number in (b"2", b"4")])
        for uid in left:
            self.assertRegex(uid, rb"^[\x21-\x7e]{1,70}$")             # P043

    def test_a_line_that_drops_removes_nothing(self):     # P036
        self.logged_in([("DELE 1", OK), ("DELE 2", OK)])
        self.logged_in([("STAT", rf"^\+OK {MAILS} ")])

    def test_top_wants_two_numbers(self):     # P041 P040
        self.logged_in([("TOP 1", ERR), ("TOP", ERR), ("TOP 1 -1", ERR), ("TOP 1 x", ERR), ("TOP 9 1", ERR),
                        ("TOP 4 2", OK + "...")])
        header, body = corpus.normal(self.mails[3]).split(b"\r\n\r\n", 1)
        lines = b"".join(line + b"\r\n" for line in body.split(b"\r\n")[:2])
        self.assertEqual(self.block, header + b"\r\n\r\n" + corpus.stuffed(lines))

    def test_an_empty_maildrop(self):     # P026
        with session(self.server.port, "bob", "bobs-password-4") as pop:
            self.talk([("STAT", r"^\+OK 0 0$"), ("LIST", OK + "..."), ("UIDL", OK + "..."), ("RETR 1", ERR),
                       ("QUIT", OK)], pop)
            self.assertEqual(self.block, b"")

    def test_arguments_where_none_belong(self):     # P009 X013
        self.logged_in([("NOOP x", ERR), ("STAT 1", ERR), ("RSET 1", ERR), ("CAPA x", ERR), ("STAT", OK)])


class Extensions(Rfc):
    def test_line_of_255_octets_is_taken_and_a_longer_one_is_one_error(self):     # X010 X011
        name = "n" * (255 - len("USER \r\n"))
        self.talk([("USER " + name, OK), ("USER " + name + "n", ERR), ("CAPA", OK + "...")])
        for length in (256, 257, 511, 512, 513, 4096, 65536, 1000000):
            self.talk([(b"NOOP " + b"x" * (length - 7) + b"\r\n", ERR), ("CAPA", OK + "..."), ("QUIT", OK)])

    def test_a_long_line_is_never_two_commands(self):     # X011
        self.talk([(b"A" * 4000 + b"QUIT\r\nCAPA\r\n", ERR), (None, OK + "...")])

    def test_capa_lines(self):     # X013 X015 X016 X017 X023 X026 X028 E002 A001
        self.talk([("CAPA", OK + "...")])
        lines = self.block.decode().splitlines()
        for line in lines:
            self.assertLessEqual(len(line), 510)
        for tag in ("TOP", "USER", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "SASL PLAIN", "EXPIRE NEVER"):
            self.assertIn(tag, lines)
        self.assertNotIn("STLS", lines)
        self.assertFalse([line for line in lines if line.startswith("IMPLEMENTATION")])     # X027: after login only

    def test_implementation_has_no_version(self):     # X027 X014
        self.talk([("CAPA", OK + "...")])
        before = set(self.block.decode().splitlines())
        pop = self.logged_in([("CAPA", OK + "...")])
        after = set(self.block.decode().splitlines())
        self.assertLessEqual(before, after)
        for line in after - before:
            self.assertNotRegex(line, r"\d+\.\d+")
        pop.quit()

    def test_pipelined_commands_of_a_whole_session(self):     # X022
        said = "".join(f"{command}\r\n" for command in (
            "CAPA", f"USER {USER}", f"PASS {PASSWORD}", "STAT", "UIDL", "RETR 1", "TOP 1 1", "DELE 1", "RSET", "QUIT")).encode()
        for step in (len(said), 1, 7):
            pop = Pop(self.server.port)
            self.addCleanup(pop.socket.close)
            for at in range(0, len(said), step):
                pop.send(said[at:at + step])
            self.talk([(None, OK + "..."), (None, OK), (None, OK), (None, OK), (None, OK + "..."), (None, OK + "..."),
                       (None, OK + "..."), (None, OK), (None, OK), (None, OK)], pop)
            time.sleep(0.05)

    def test_lone_line_feeds_and_carriage_returns(self):     # P003 P009: an answer each, and no crash
        with Pop(self.server.port) as pop:
            pop.send(b"CAPA\n\r\nCAPA\r\r\nNOOP\r\n")
            time.sleep(0.3)
            pop.send(b"QUIT\r\n")
            said = b""
            try:
                while True:
                    said += bytes(pop.buffer)
                    pop.buffer.clear()
                    pop.more()
            except (Gone, ConnectionError):
                pass
            said += bytes(pop.buffer)
        self.assertTrue(said.rstrip().split(b"\r\n")[-1].startswith(b"+OK"), said)

    def test_auth_without_argument_lists_mechanisms(self):     # A026
        self.talk([("AUTH", OK + "...")])
        self.assertEqual(self.block.split(), [b"PLAIN"])

    def test_plain_line_forms(self):     # A003 A004 A005 A006 A009 A010
        good = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        for name in ("PLAIN", "plain", "PlAiN"):
            with Pop(self.server.port) as pop:
                self.talk([(f"AUTH {name}", r"^\+ $"), ("*", ERR), (f"AUTH {name} ===", ERR), (f"AUTH {name} =", ERR),
                           (f"AUTH {name} {good[:-1]}", ERR), (f"AUTH {name} {good}", OK), ("STAT", OK),
                           ("AUTH PLAIN", ERR)], pop)
                pop.quit()

    def test_long_auth_answers_are_read_whole_and_very_long_ones_refused(self):     # A008
        with Pop(self.server.port) as pop:
            long = base64.b64encode(b"\0" + b"u" * 3000 + b"\0" + b"p" * 3000)
            self.talk([("AUTH PLAIN", r"^\+ $"), (long + b"\r\n", ERR), ("CAPA", OK + "...")], pop)
            self.talk([("AUTH PLAIN", r"^\+ $"), (b"A" * 200000 + b"\r\n", ERR), ("CAPA", OK + "...")], pop)

    def test_response_codes_are_codes(self):     # X019 X028
        with Pop(self.server.port) as pop:
            for command in ("USER [IN-USE] x", "[SYS/TEMP]", "AUTH [x]", "XYZ [y]"):
                pop.send(command.encode() + b"\r\n")
                self.assertNotRegex(pop.line(), rb"^(\+OK|-ERR) \[(?!AUTH\]|IN-USE\] |SYS/(TEMP|PERM)\] )")


del Rfc
