"""POP3S and STLS with real clients and with OpenSSL on the other side (RFC 2595, 8314, 9325)."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

import clients
import corpus
from appliance import Appliance, free_port
from pop import Gone, Pop
from test_clients import CHANGES

USER, PASSWORD = "alice", "a secret under TLS 9"


def openssl(*arguments, cwd, text_in=b""):
    done = subprocess.run(["openssl", *arguments], cwd=cwd, input=text_in, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(arguments)}: {done.stderr.decode()[-800:]}")
    return done.stdout


class Authority:
    """A root of its own in a folder, which signs certificates."""

    def __init__(self, folder, name="root"):
        self.folder, self.name = folder, name
        self.root = os.path.join(folder, f"{name}.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=Test {name}", cwd=folder)

    def sign(self, chain, key, names, kind="ec"):
        algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", "rsa:2048"]
        openssl("req", *algorithm, "-nodes", "-keyout", key, "-out", "request.pem", "-subj", "/CN=mail.example.test",
                "-addext", f"subjectAltName={names}", cwd=self.folder)
        openssl("x509", "-req", "-in", "request.pem", "-CA", self.root, "-CAkey", f"{self.name}.key", "-days", "20",
                "-copy_extensions", "copyall", "-out", chain, cwd=self.folder)


class TlsTest(unittest.TestCase):
    names = "DNS:localhost,IP:127.0.0.1"
    kind = "ec"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ringpost-tls-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        self.authority = Authority(self.folder)
        self.secure_port = free_port()
        self.server = Appliance([(USER, PASSWORD)], require_tls="before-login", **self.settings())
        self.addCleanup(self.server.__exit__)
        os.makedirs(self.place("tls"), exist_ok=True)
        self.authority.sign(self.place("tls/main.pem"), self.place("tls/main.key"), self.names, self.kind)

    def settings(self, virtual_server=""):
        self.figures_port = getattr(self, "figures_port", None) or free_port()
        return {"virtual_server": f'pop3s = ["127.0.0.1:{self.secure_port}"]\ncertificate = "main"\n{virtual_server}',
                "tables": f'http = "127.0.0.1:{self.figures_port}"\n[[certificate]]\nname = "main"\n'}

    def place(self, name):
        return os.path.join(self.server.folder, name)

    def fill(self, mails):
        maildir = os.path.join(self.folder, "source")
        corpus.write_maildir(maildir, mails)
        self.server.import_maildir(maildir, USER)
        self.server.start()

    def account(self, tls, host="localhost"):
        port = self.secure_port if tls == "implicit" else self.server.port
        return clients.Account(port, USER, PASSWORD, host=host, tls=tls, root=self.authority.root)

    def trust(self):
        return ssl.create_default_context(cafile=self.authority.root)

    def secured(self, pop, trust=None):
        """The session goes on inside TLS."""
        pop.socket = (trust or self.trust()).wrap_socket(pop.socket, server_hostname="localhost",
                                                         suppress_ragged_eofs=False)
        return pop

    def clear(self):
        pop = Pop(self.server.port)
        self.addCleanup(lambda: pop.socket.close())
        return pop

    def say(self, pop, line):
        pop.send(line + b"\r\n")
        return pop.line()

    def after_stls(self):
        pop = self.clear()
        self.assertTrue(self.say(pop, b"STLS").startswith(b"+OK"))
        return self.secured(pop)

    def s_client(self, *arguments, port=None):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port or self.secure_port}", "-ign_eof",
                               "-CAfile", self.authority.root, *arguments], input=b"QUIT\r\n", capture_output=True, timeout=30)


def client_tests(name, ways):
    class Test(TlsTest):
        def compare(self, way):
            mails = corpus.every_mail()
            self.fill(mails)
            folder = tempfile.mkdtemp(prefix=f"ringpost-{name}-", dir="/var/tmp")
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
            os.chmod(folder, 0o755)
            got = clients.CLIENTS[name](folder).fetch(self.account(way), False)
            changes = CHANGES[name]
            for key, octets in mails.items():
                if key not in changes.not_compared:
                    self.assertIn(changes.stored(corpus.normal(octets)), got, f"{name}, {way}: {key}")
            pop = self.after_stls()
            self.say(pop, b"USER " + USER.encode())
            self.assertRegex(self.say(pop, b"PASS " + PASSWORD.encode()), rb"^\+OK 0 messages", "all were deleted")

    for way in ways:
        setattr(Test, f"test_{way}", lambda self, way=way: self.compare(way))
    Test.__name__ = Test.__qualname__ = f"Tls{name.capitalize()}"
    return Test


for client, ways in {"curl": ("implicit", "starttls"), "poplib": ("implicit", "starttls"),
                     "mpop": ("implicit", "starttls"), "fetchmail": ("implicit", "starttls"),
                     "getmail": ("implicit",)}.items():    # getmail knows no STLS
    globals()[f"Tls{client.capitalize()}"] = client_tests(client, ways)
del client, ways


class Dialogue(TlsTest):
    def setUp(self):
        super().setUp()
        self.fill({"m1": corpus.mail("m1", b"one\n"), "m2": corpus.mail("m2", b"two\n")})

    def test_capabilities_on_both_sides_of_stls(self):
        pop = self.clear()
        pop.send(b"CAPA\r\n")
        pop.line()
        before = pop.block().split(b"\r\n")
        self.assertIn(b"STLS", before)
        self.assertFalse({b"USER", b"SASL PLAIN"} & set(before), "no way to log in is offered in clear (B4)")
        self.assertIn(b"UIDL", before)    # R045
        self.say(pop, b"STLS")
        self.secured(pop)
        pop.send(b"CAPA\r\n")
        pop.line()
        after = pop.block().split(b"\r\n")
        self.assertNotIn(b"STLS", after)
        self.assertTrue({b"USER", b"SASL PLAIN", b"UIDL", b"TOP"} <= set(after))

    def test_credentials_in_clear_are_refused_unseen(self):
        pop = self.clear()
        for line in (b"USER alice", b"PASS " + PASSWORD.encode(), b"AUTH PLAIN AGFsaWNlAHg=", b"AUTH PLAIN"):
            answer = self.say(pop, line)
            self.assertRegex(answer, rb"^-ERR .*STLS", line)
            self.assertNotIn(b"[AUTH]", answer)

    def test_nothing_said_in_clear_counts_after_stls(self):
        # R028: what came in one segment with STLS is the handshake's, and no command.
        pop = self.clear()
        pop.send(b"STLS\r\nCAPA\r\nQUIT\r\n")
        self.assertTrue(pop.line().startswith(b"+OK"))
        with self.assertRaises((Gone, ConnectionResetError)):
            while True:
                self.assertNotIn(b"+OK", pop.line())

    def test_user_before_stls_is_forgotten(self):
        self.server.stop()
        self.server.write_config(**self.settings(), require_tls="never")
        self.server.start()
        pop = self.clear()
        self.assertTrue(self.say(pop, b"USER alice").startswith(b"+OK"))
        self.say(pop, b"STLS")
        self.secured(pop)
        self.assertRegex(self.say(pop, b"PASS " + PASSWORD.encode()), rb"^-ERR USER")    # R028

    def test_half_a_line_before_stls_is_not_continued(self):
        pop = self.clear()
        pop.send(b"STLS\r\nUSE")
        self.assertTrue(pop.line().startswith(b"+OK"))
        with self.assertRaises((Gone, ssl.SSLError, OSError)):
            self.secured(pop)

    def test_stls_twice_and_after_login(self):
        pop = self.after_stls()
        self.assertRegex(self.say(pop, b"STLS"), rb"^-ERR")
        self.say(pop, b"USER alice")
        self.assertRegex(self.say(pop, b"PASS " + PASSWORD.encode()), rb"^\+OK 2")
        self.assertRegex(self.say(pop, b"STLS"), rb"^-ERR")
        self.assertRegex(self.say(pop, b"NOOP"), rb"^\+OK")

    def test_stls_takes_no_argument(self):
        self.assertRegex(self.say(self.clear(), b"STLS now"), rb"^-ERR")

    def test_clear_text_on_the_secure_port(self):
        raw = socket.create_connection(("127.0.0.1", self.secure_port), timeout=10)
        self.addCleanup(raw.close)
        raw.sendall(b"USER alice\r\nPASS x\r\n")
        got = b""
        try:
            while octets := raw.recv(4096):
                got += octets
        except ConnectionResetError:
            pass
        self.assertNotIn(b"+OK", got)
        self.assertNotIn(b"-ERR", got)
        self.server.wait_said(r'end="TLS failed"')

    def test_handshakes_are_counted(self):
        self.say(self.implicit(), b"QUIT")
        with socket.create_connection(("127.0.0.1", self.secure_port), timeout=10) as raw:
            raw.sendall(b"QUIT\r\n")
        self.server.wait_said(r'end="TLS failed"')
        with urllib.request.urlopen(f"http://127.0.0.1:{self.figures_port}/metrics", timeout=30) as page:
            figures = page.read().decode()
        self.assertRegex(figures, r"(?m)^ringpost_tls_handshakes_total 1$")
        self.assertRegex(figures, r"(?m)^ringpost_tls_handshakes_failed_total 1$")

    def test_half_a_client_hello_and_then_silence_or_clear_text(self):
        hello = ssl.MemoryBIO()
        outgoing = ssl.MemoryBIO()
        session = self.trust().wrap_bio(hello, outgoing, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            session.do_handshake()
        octets = outgoing.read()
        for behind in (b"", b"QUIT\r\n" * 200):
            pop = self.clear()
            self.say(pop, b"STLS")
            pop.send(octets[:len(octets) // 2] + behind)
            pop.socket.shutdown(socket.SHUT_WR)
            try:
                rest = pop.socket.recv(4096)
            except ConnectionResetError:
                rest = b""
            self.assertNotIn(b"+OK", rest)

    def test_quit_is_answered_and_ends_with_close_notify(self):
        # R032: Python and Ruby report an unexpected end without the alert.
        for pop in (self.after_stls(), self.implicit()):
            self.assertRegex(self.say(pop, b"QUIT"), rb"^\+OK")
            self.assertEqual(pop.socket.recv(100), b"", "an orderly end, or recv() would have raised")

    def implicit(self):
        raw = socket.create_connection(("127.0.0.1", self.secure_port), timeout=30)
        raw = self.trust().wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        pop = Pop.__new__(Pop)
        pop.socket, pop.buffer = raw, bytearray()
        self.addCleanup(raw.close)
        pop.greeting = pop.line()
        return pop

    def test_one_octet_a_record(self):
        pop = self.implicit()
        for octet in b"USER alice\r\n":
            pop.send(bytes([octet]))
        self.assertRegex(pop.line(), rb"^\+OK")

    def test_a_whole_session_in_one_record(self):
        pop = self.implicit()
        pop.send(b"USER alice\r\nPASS " + PASSWORD.encode() + b"\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n")
        self.assertEqual([pop.line()[:3] for _ in range(5)], [b"+OK"] * 5)
        pop = self.implicit()
        self.say(pop, b"USER alice")
        self.assertRegex(self.say(pop, b"PASS " + PASSWORD.encode()), rb"^\+OK 0 messages")

    def test_the_log_tells_version_and_cipher(self):
        self.say(self.implicit(), b"QUIT")
        self.server.wait_said(r"event=session .*tls=TLSv1\.3/TLS13-AES128-GCM-SHA256")


class Deletions(TlsTest):
    """What cannot be proven to have arrived is not deleted (M6), whatever ends the link."""

    def setUp(self):
        super().setUp()
        self.fill({"m1": corpus.mail("m1", b"one\n" * 500), "m2": corpus.mail("m2", b"x" * 70 + b"\n" * 2 ** 22)})

    def logged_in(self):
        pop = self.after_stls()
        self.raw = socket.socket(fileno=os.dup(pop.socket.fileno()))    # below TLS
        self.raw.settimeout(10)
        self.addCleanup(self.raw.close)
        self.say(pop, b"USER " + USER.encode())
        self.assertRegex(self.say(pop, b"PASS " + PASSWORD.encode()), rb"^\+OK 2 messages")
        return pop

    def left(self):
        self.server.wait_said(r"event=session .*account=alice .*end=")
        pop = self.after_stls()
        self.say(pop, b"USER " + USER.encode())
        answer = self.say(pop, b"PASS " + PASSWORD.encode())
        self.say(pop, b"QUIT")
        return answer

    def sealed(self, pop, octets):
        """What TLS makes of these octets, kept off the wire: the client's half goes on in memory."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            number = pop.socket.fileno()
            kept = os.dup(number)
            os.dup2(ours.fileno(), number)
            pop.socket.send(octets)
            os.dup2(kept, number)
            os.close(kept)
            return theirs.recv(1 << 16)

    def test_a_forged_record_behind_quit(self):
        for number in (b"1", b"2"):
            pop = self.logged_in()
            record = self.sealed(pop, b"RETR " + number + b"\r\nDELE " + number + b"\r\nQUIT\r\n")
            self.raw.sendall(record + b"\x17\x03\x03\x00\x20" + b"\0" * 32)
            try:
                while self.raw.recv(1 << 18):
                    pass
            except ConnectionResetError:
                pass
            self.assertRegex(self.left(), rb"^\+OK 2 messages", number)

    def test_a_reset_with_the_mail_unread(self):
        pop = self.logged_in()
        pop.send(b"RETR 2\r\nDELE 2\r\nQUIT\r\n")
        pop.socket.recv(1)
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        pop.socket.close()
        self.raw.close()
        self.assertRegex(self.left(), rb"^\+OK 2 messages")


class Suites(TlsTest):
    def setUp(self):
        super().setUp()
        self.server.start()

    def negotiated(self, *arguments):
        done = self.s_client(*arguments)
        found = re.search(rb"New, (\S+), Cipher is (\S+)", done.stdout)
        return done.returncode == 0 and b"+OK" in done.stdout and found and found.group(2).decode()

    def test_modern_suites_work_in_the_servers_order(self):
        self.assertEqual(self.negotiated(), "TLS_AES_128_GCM_SHA256", "the server's first, not the client's")
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
            self.assertEqual(self.negotiated("-tls1_3", "-ciphersuites", suite), suite)
        for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"):
            name = f"ECDHE-{'ECDSA' if self.kind == 'ec' else 'RSA'}-{suite}"
            self.assertEqual(self.negotiated("-tls1_2", "-cipher", name), name)

    def test_old_versions_and_suites_are_refused(self):
        # R031: also that the log says why.
        for arguments in (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
                          ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=0"),
                          ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:@SECLEVEL=0"),
                          ("-tls1_2", "-cipher", "AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0")):
            done = self.s_client(*arguments)
            self.assertNotIn(b"+OK", done.stdout, arguments)
            self.assertRegex(done.stdout + done.stderr, rb"alert|no protocols|wrong version|unsupported", arguments)
        self.server.wait_said(r'end="TLS failed"')


class SuitesWithRsa(Suites):
    kind = "rsa"


class Certificates(TlsTest):
    def curl(self, root, host="localhost"):
        return subprocess.run(["curl", "-sS", "--cacert", root, "--user", f"{USER}:{PASSWORD}",
                               f"pop3s://{host}:{self.secure_port}/"], capture_output=True, timeout=30).returncode

    def test_clients_refuse_a_wrong_name_and_a_foreign_root(self):
        self.authority.sign(self.place("tls/main.pem"), self.place("tls/main.key"), "DNS:elsewhere.example.test")
        self.server.start()
        self.assertEqual(self.curl(self.authority.root), 60, "a wrong name")
        self.assertEqual(self.curl(Authority(self.folder, "foreign").root), 60, "a foreign root")

    def fingerprint(self):
        der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self.secure_port)))
        return hash(der)

    def reload(self):
        self.server.server.send_signal(signal.SIGHUP)

    def test_a_reload_serves_the_next_handshake_with_what_the_files_hold_then(self):
        self.server.start()
        old = self.after_stls()
        first = self.fingerprint()
        self.authority.sign(self.place("tls/main.pem"), self.place("tls/main.key"), self.names)
        self.assertEqual(self.fingerprint(), first, "not before it is asked for")
        self.reload()
        self.server.wait_said(r"event=reloaded")
        self.assertNotEqual(self.fingerprint(), first)
        self.assertRegex(self.say(old, b"CAPA"), rb"^\+OK")    # R030: nobody is dropped

    def test_a_reload_with_a_broken_certificate_changes_nothing(self):
        self.server.start()
        first = self.fingerprint()
        with open(self.place("tls/main.pem"), "w", encoding="ascii") as file:
            file.write("-----BEGIN CERTIFICATE-----\nnonsense\n")
        self.reload()
        self.server.wait_said(r"event=reload_refused .*main\.pem")
        self.assertEqual(self.fingerprint(), first)

    def refused_start(self):
        self.server.start(wait_ready=False)
        self.assertEqual(self.server.server.wait(30), 1)
        self.server.reader.join(10)
        return self.server.said()

    def test_a_key_of_another_certificate(self):
        self.authority.sign(self.place("tls/other.pem"), self.place("tls/main.key"), self.names)
        self.assertRegex(self.refused_start(), r'certificate "main".*main\.key.*does not belong')

    def test_files_that_are_not_there(self):
        os.unlink(self.place("tls/main.key"))
        self.assertRegex(self.refused_start(), r'certificate "main": \S*main\.key: No such file')


if __name__ == "__main__":
    unittest.main()
