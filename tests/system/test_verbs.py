"""The verbs in odd hands: passwords typed at a terminal, names that are numbers, clients that are stuck, wrong input."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import termios
import time
import unittest

import corpus
from appliance import PASSWORDS, SAID, Appliance, Refused, free_port
from pop import Gone, session

USER, PASSWORD = "alice", "odd-hands-pass-8"
ROOT = os.geteuid() == 0


class VerbTest(unittest.TestCase):
    def setUp(self):
        self.server = Appliance([(USER, PASSWORD)])
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def refused(self, *arguments, status=1, text_in=None):
        with self.assertRaises(Refused) as refused:
            self.server.verb(*arguments, text_in=text_in)
        self.assertEqual(refused.exception.status, status, refused.exception.said)
        return refused.exception.said

    def program(self, name="ringpost"):
        return os.path.join(self.server.programs, name)

    def import_mails(self, count, user=USER, octets=10):
        source = os.path.join(self.folder, f"source-{count}-{octets}")
        corpus.write_maildir(source, {f"m{n}": corpus.mail(f"m{n}", b"%d " % n + b"x" * octets + b"\n")
                                      for n in range(count)})
        self.server.import_maildir(source, user)


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, *command):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.said = b""

    def wait_for(self, octets, seconds=20):
        until = time.monotonic() + seconds
        while octets not in self.said:
            if time.monotonic() > until or not self.more():
                raise AssertionError(f"{octets!r} did not come: {self.said!r}")

    def more(self):
        if not select.select([self.descriptor], [], [], 0.1)[0]:
            return True
        try:
            got = os.read(self.descriptor, 65536)
        except OSError:      # the other end is closed
            return False
        self.said += got
        SAID.append(got.decode(errors="replace"))
        return bool(got)

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.descriptor)[3] & termios.ECHO)

    def status(self):
        until = time.monotonic() + 60
        while not os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
            self.more()
        self.echo_at_end = self.echoes()
        while select.select([self.descriptor], [], [], 0)[0] and self.more():
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.descriptor)
        return status


class AtTheTerminal(VerbTest):
    def ask(self, *arguments):
        return Terminal(self.program(), "--config", self.server.config, *arguments)

    def test_a_password_is_asked_for_twice_and_never_shown(self):
        typed = "typed pass Ü-9"
        PASSWORDS.add(typed)
        terminal = self.ask("user", "add", "bob")
        for question in (b"New password for bob: ", b"Once more: "):
            terminal.wait_for(question)
            self.assertFalse(terminal.echoes())
            terminal.type(typed + "\n")
        self.assertEqual(terminal.status(), 0, terminal.said)
        self.assertTrue(terminal.echo_at_end)
        self.assertNotIn(typed.encode(), terminal.said)
        self.server.start()
        with session(self.server.port, "bob", typed) as pop:
            pop.quit()

    def test_two_that_differ_and_none_at_all_change_nothing(self):
        for first, second in (("one-typed-1", "one-typed-2"), ("", "")):
            PASSWORDS.update(word for word in (first, second) if word)
            terminal = self.ask("user", "passwd", USER)
            terminal.wait_for(b"New password")
            terminal.type(first + "\n")
            if first:
                terminal.wait_for(b"Once more")
                terminal.type(second + "\n")
            self.assertEqual(os.waitstatus_to_exitcode(terminal.status()), 1, terminal.said)
        self.server.start()
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.quit()

    def test_interrupted_it_gives_the_terminal_its_echo_back(self):
        for ending in ("\x03", "\x1c", signal.SIGTERM):
            terminal = self.ask("user", "passwd", USER)
            terminal.wait_for(b"New password")
            self.assertFalse(terminal.echoes())
            if isinstance(ending, str):
                terminal.type(("half" if ending == "\x03" else "") + ending)
            else:
                os.kill(terminal.pid, ending)
            status = terminal.status()
            self.assertTrue(os.WIFSIGNALED(status), status)
            self.assertTrue(terminal.echo_at_end, ending)

    def test_a_long_work_shows_a_bar_on_a_terminal_only(self):
        source = os.path.join(self.folder, "bar")
        corpus.write_maildir(source, {f"m{n}": corpus.mail(f"m{n}", b"x" * 200000 + b"\n") for n in range(300)})
        terminal = self.ask("import", "maildir", source, "--user", USER)
        self.assertEqual(terminal.status(), 0, terminal.said)
        self.assertIn(b"%", terminal.said)
        self.assertIn(b"300 messages added", terminal.said)
        self.assertNotIn("\x1b", self.server.import_maildir(source, USER))

    def environment(self):
        return dict(os.environ, PATH=self.server.programs + ":" + os.environ["PATH"],
                    RINGPOST_CONFIG=self.server.config, HOME=self.folder, ZDOTDIR=self.folder, TERM="dumb")

    def test_zsh_completes_by_a_file_and_by_a_sourced_script(self):
        script = self.server.verb("completion", "zsh", config=False)
        for start in ("fpath=($HOME $fpath); autoload -U compinit && compinit -u", "source <(ringpost completion zsh)"):
            with open(os.path.join(self.folder, "_ringpost"), "w", encoding="utf-8") as file:
                file.write(script)
            if start.startswith("source"):
                os.unlink(os.path.join(self.folder, "_ringpost"))
            with open(os.path.join(self.folder, ".zshrc"), "w", encoding="utf-8") as file:
                file.write(f"PS1='%% '\n{start}\n")
            terminal = Terminal("env", *(f"{key}={self.environment()[key]}"
                                         for key in ("PATH", "RINGPOST_CONFIG", "HOME", "ZDOTDIR", "TERM")),
                                "zsh", "-i")
            terminal.wait_for(b"%")
            for typed, whole in (("ringpost mailb\t", b"ringpost mailbox "),      # the very first one, too
                                 ("\x15ringpost user passwd al\t", b"ringpost user passwd alice ")):
                terminal.type(typed)
                terminal.wait_for(whole)
            terminal.type("\x15exit\n")
            terminal.status()

    def test_bash_completes_verbs_options_and_names(self):
        bash = ("source <(ringpost completion bash); COMP_WORDS=(ringpost mailbox list al); COMP_CWORD=3; _ringpost; "
                "echo ${COMPREPLY[*]}; COMP_WORDS=(ringpost import maildir /x --user alice --ke); COMP_CWORD=6; "
                "_ringpost; echo ${COMPREPLY[*]}; COMP_WORDS=(ringpost mail); COMP_CWORD=1; _ringpost; "
                "echo ${COMPREPLY[*]}")
        done = subprocess.run(["bash", "-c", bash], env=self.environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.split(), ["alice", "--keep-uidl", "mailbox"], done.stderr)


class Accounts(VerbTest):
    def test_a_name_that_the_accounts_file_takes_for_a_comment_is_refused(self):
        self.assertIn("comment", self.refused("user", "add", "#bob", "--password-stdin", text_in="x-1\n"))
        self.assertEqual(len(json.loads(self.server.verb("--json", "user", "list"))), 1)

    def test_an_account_whose_name_is_a_number_can_be_kicked(self):
        self.server.add_user("1", "number-pass-1")
        self.server.start()
        strangers = [session(self.server.port, USER, PASSWORD)]       # its session's number may be 1, too
        self.addCleanup(strangers[0].socket.close)
        for _ in range(6):                                            # on every core
            with session(self.server.port, "1", "number-pass-1") as pop:
                self.assertIn("1 session ended", self.server.verb("kick", "1"))
                with self.assertRaises((Gone, ConnectionError)):
                    while True:
                        pop.more()
        strangers[0].command("NOOP")
        number = next(each["id"] for each in json.loads(self.server.verb("--json", "sessions")))
        self.assertEqual(json.loads(self.server.verb("--json", "kick", str(number)))["ended"], 1)

    def test_kicking_nobody_is_refused_in_json_too(self):
        self.server.start()
        for form in ([], ["--json"]):
            self.refused(*form, "kick", "nobody-here")


class WrongInput(VerbTest):
    def test_export_of_a_name_that_nobody_has_makes_nothing(self):
        out = os.path.join(self.folder, "out")
        for kind in ("maildir", "mbox"):
            self.assertIn("no account", self.refused("export", kind, out, "--user", "alcie"))
            self.assertFalse(os.path.exists(out))

    def test_mail_of_an_account_that_is_gone_can_still_be_exported(self):
        self.import_mails(2)
        self.server.verb("user", "remove", USER)
        self.assertIn("2 messages written", self.server.verb("export", "maildir", os.path.join(self.folder, "out"),
                                                             "--user", USER))

    def test_what_is_no_mbox_is_named_in_words(self):
        os.symlink("nowhere", os.path.join(self.folder, "link"))
        self.assertIn("no regular file", self.refused("import", "mbox", self.folder, "--user", USER))
        self.assertIn("symbolic link", self.refused("import", "mbox", os.path.join(self.folder, "link"), "--user", USER))

    def test_a_file_name_cannot_command_the_terminal(self):
        source = os.path.join(self.folder, "hostile")
        corpus.write_maildir(source, {"one": corpus.mail("one", b"1\n")})
        for name in ("\x1b]0;title\x07", "\x9b31mred", "two\nlines"):
            with open(os.path.join(source, "cur", "." + name), "w", encoding="utf-8") as file:
                file.write("hidden\n")
        done = subprocess.run([self.program(), "--config", self.server.config, "import", "maildir", source, "--user", USER],
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 3)
        self.assertNotRegex(done.stderr.replace(b"\n", b""), rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]")
        self.assertIn(rb"\x1b]0;title", done.stderr)

    def test_doctor_says_that_a_configuration_is_broken(self):
        with open(self.server.config, "a", encoding="utf-8") as file:
            file.write("[nonsense]\n")
        self.assertIn("configuration", self.refused("doctor"))

    def test_a_folder_of_mail_that_cannot_be_seen_is_not_called_whole(self):
        self.import_mails(1)
        first = next(path for path in self.server.files() if os.path.dirname(path).endswith("/data")
                     and os.path.isdir(path))
        moved = first + ".moved"
        os.rename(first, moved)
        os.symlink(os.path.basename(first), first)        # a loop: nobody can look into it
        said = self.refused("mailbox", "check", USER)
        self.assertNotIn("no mail yet", said)


class Users(VerbTest):
    """As somebody who may not read everything."""

    def as_nobody(self, *arguments):
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", self.program(), *arguments],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        SAID.append(done.stdout + done.stderr)
        return done

    def test_a_dry_run_counts_what_cannot_be_read_as_not_imported(self):
        place = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(place.cleanup)
        os.chmod(place.name, 0o755)
        source, home = os.path.join(place.name, "source"), os.path.join(place.name, "home")
        corpus.write_maildir(source, {"one": corpus.mail("one", b"1\n")})
        for path, _, names in os.walk(source):
            os.chmod(path, 0o755)
            for name in names:
                os.chmod(os.path.join(path, name), 0o600)
        os.mkdir(home)
        os.chown(home, 65534, 65534)
        config = os.path.join(home, "a", "ringpost.toml")
        self.assertEqual(self.as_nobody("init", os.path.dirname(config)).returncode, 0)
        with open(os.path.join(home, "a", "users"), "a", encoding="utf-8") as file:
            file.write("alice:{PLAIN}x-not-used\n")
        done = self.as_nobody("--config", config, "import", "maildir", source, "--user", "alice", "--dry-run")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("0 messages would be imported", done.stdout)

    def test_check_of_all_without_the_right_to_look_is_refused(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
            os.chmod(place, 0o755)
            config = os.path.join(place, "ringpost.toml")
            os.mkdir(os.path.join(place, "data"), 0o755)
            os.chown(os.path.join(place, "data"), 65534, 65534)
            os.mkdir(os.path.join(place, "data", "00"), 0o700)         # root's
            with open(config, "w", encoding="utf-8") as file:
                file.write("[store]\nreserve = \"0B\"\n")
            done = self.as_nobody("--config", config, "mailbox", "check")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("can't be looked through", done.stderr)


if not ROOT:
    del Users


class Stuck(VerbTest):
    def control(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(os.path.join(self.server.folder, "admin.sock"))
        return client

    def stuck_reader(self):
        """Asked for a large message, and takes nothing of it."""
        client = self.control()
        client.sendall(b'{"verb":"open","account":"alice"}\n{"verb":"read","number":1}\n')
        return client

    def test_a_client_that_takes_nothing_holds_up_neither_others_nor_the_end(self):
        self.import_mails(1, octets=8 << 20)
        self.server.start()
        stuck = [self.stuck_reader() for _ in range(3)]
        time.sleep(0.3)
        self.server.verb("status")
        with session(self.server.port, USER, PASSWORD) as pop:
            pop.retr(1)
            pop.command("DELE 1")
            pop.quit()
        with session(self.server.port, USER, PASSWORD) as pop:
            self.assertEqual(pop.count(), 0)
            pop.quit()
        self.assertEqual(self.server.stop(), 0)
        self.assertNotIn("drain_cut_short", self.server.said())
        for client in stuck:
            client.close()

    def test_check_of_all_goes_on_behind_one_that_cannot_be_checked(self):
        self.server.add_user("zoe", "zoes-pass-3")
        self.import_mails(1)
        self.import_mails(1, "zoe", octets=20)
        path = next(path for path in self.server.files() if path.endswith("/alice/mail"))
        os.unlink(path)
        os.mkdir(path)
        said = self.refused("mailbox", "check")
        self.assertIn("zoe: whole", said)
        self.assertIn("alice", said)


class Ports(VerbTest):
    def test_an_address_for_figures_that_another_daemon_has_is_refused(self):
        port = free_port()
        self.server.write_config(tables=f'http = "127.0.0.1:{port}"')
        self.server.start()
        with Appliance([(USER, PASSWORD)], tables=f'http = "127.0.0.1:{port}"') as second:
            second.start(wait_ready=False)
            self.assertEqual(second.server.wait(20), 1)
            second.reader.join(10)
            self.assertRegex(second.said(), rf"admin\.http.*127\.0\.0\.1:{port}.*another process")

    def test_a_reload_without_descriptors_is_refused_and_nobody_is_cut(self):
        self.server.write_config(appliance="descriptors_max = 160\n")
        self.server.start()
        held = []
        with session(self.server.port, USER, PASSWORD) as pop:
            for _ in range(200):
                client = socket.create_connection(("127.0.0.1", self.server.port), timeout=5)
                self.addCleanup(client.close)
                held.append(client)
            time.sleep(0.5)
            self.server.server.send_signal(signal.SIGHUP)
            self.server.wait_said("reload_refused|reloaded")
            self.assertTrue(self.server.alive())
            pop.command("NOOP")
            for client in held:
                client.close()
            pop.quit()
        time.sleep(0.5)
        self.server.verb("reload")


class Beginning(VerbTest):
    def test_a_stop_at_any_moment_of_the_start_ends_with_status_0(self):
        for at in range(12):
            self.server.start(wait_ready=False)
            time.sleep(at * 0.012)
            if self.server.alive() and self.blocks_term():
                self.assertEqual(self.server.stop(), 0, (at, self.server.said()))
            else:
                self.server.kill()

    def blocks_term(self):
        """From its first lines on the daemon takes SIGTERM as an order; before that, it is just a program."""
        with open(f"/proc/{self.server.server.pid}/status", encoding="ascii") as status:
            blocked = next(line.split()[1] for line in status if line.startswith("SigBlk"))
        return bool(int(blocked, 16) & (1 << (signal.SIGTERM - 1)))

    def test_a_reload_at_any_moment_of_the_start_is_no_harm(self):
        for at in range(8):
            self.server.start(wait_ready=False)
            time.sleep(at * 0.012)
            if self.blocks_term():
                self.server.server.send_signal(signal.SIGHUP)
            self.server.ended_or_ready.wait(30)
            self.assertTrue(self.server.ready, self.server.said())
            with session(self.server.port, USER, PASSWORD) as pop:
                pop.quit()
            self.assertEqual(self.server.stop(), 0)


del VerbTest
