"""A real appliance on loopback in a folder of its own: made by `ringpost init`, served by `ringpostd`.

Every password that a test uses goes through here, so that what the programs say can be searched for them at the end.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 40
VERB_SECONDS_MAX = 300

# What a sanitizer adds to a server's memory: what was freed stays for a while, to see who looks at it again.
SANITIZER_OCTETS = 0 if os.environ.get("RINGPOST_TEST_SANITIZER", "none") == "none" else 512 << 20

PASSWORDS = set()     # every password of the whole run
SAID = []             # everything that the programs printed in the whole run

CONFIG = """[appliance]
hostname = "mail.example.test"
data_dir = "data"
{appliance}
[accounts]
backend = "file"
file = "users"

[[virtual_server]]
name = "test"
pop3 = ["127.0.0.1:{port}"]
require_tls = "{require_tls}"
authentication = ["user", "plain"]
{virtual_server}
[admin]
socket = "admin.sock"
{tables}
"""


def free_port():
    """One below those that the kernel gives to clients, so that none of ours takes it meanwhile."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Refused(Exception):
    """A verb ended with another status than 0."""

    def __init__(self, status, said):
        super().__init__(f"status {status}: {said}")
        self.status, self.said = status, said


class Appliance:
    programs = "build"    # where ringpostd and ringpost lie; set by run.py

    def __init__(self, accounts=(("alice", "wonderland-7"),), appliance="", virtual_server="", tables="", place=None,
                 require_tls="never"):
        self.parent = tempfile.mkdtemp(prefix="ringpost-test-", dir=place or os.environ.get("TMPDIR", "/var/tmp"))
        os.chmod(self.parent, 0o755)
        self.folder = os.path.join(self.parent, "appliance")
        self.port = free_port()
        self.server = None
        self.log = []
        self.config = os.path.join(self.folder, "ringpost.toml")
        try:
            self.verb("init", self.folder, config=False)
            self.write_config(appliance, virtual_server, tables, require_tls)
            for name, password in accounts:
                self.add_user(name, password)
        except BaseException:
            self.__exit__()
            raise

    def write_config(self, appliance="", virtual_server="", tables="", require_tls="never"):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(port=self.port, appliance=appliance, virtual_server=virtual_server, tables=tables,
                                     require_tls=require_tls))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self.server and self.server.poll() is None:
                self.stop()
        finally:
            if self.server and self.server.poll() is None:
                self.kill()
            shutil.rmtree(self.parent, ignore_errors=True)

    # The control program.

    def verb(self, *arguments, config=True, text_in=None):
        """Runs `ringpost` and gives back what it printed; Refused when it ends with another status than 0."""
        command = [os.path.join(self.programs, "ringpost"), *(["--config", self.config] if config else []), *arguments]
        done = subprocess.run(command, input=text_in, capture_output=True, text=True, errors="replace",
                              timeout=VERB_SECONDS_MAX)
        SAID.append(done.stdout + done.stderr)
        if done.returncode != 0:
            raise Refused(done.returncode, f"{' '.join(arguments)}: {done.stdout[-500:]} {done.stderr[-1500:]}")
        return done.stdout

    def add_user(self, name, password):
        PASSWORDS.add(password)
        self.verb("user", "add", name, "--password-stdin", text_in=password + "\n")

    def import_maildir(self, folder, user="alice", *arguments):
        return self.verb("import", "maildir", folder, "--user", user, *arguments)

    # The server.

    def start(self, wait_ready=True):
        self.log = []
        self.ready = False
        self.ended_or_ready = threading.Event()
        self.server = subprocess.Popen([os.path.join(self.programs, "ringpostd"), "--config", self.config],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        self.reader = threading.Thread(target=self._read_log, args=(self.server.stdout, self.log), daemon=True)
        self.reader.start()
        if wait_ready:
            self.ended_or_ready.wait(READY_SECONDS_MAX)
            if not self.ready:
                self.kill()
                raise AssertionError("ringpostd is not ready: " + self.said()[-3000:])
        return self

    def _read_log(self, stream, log):
        for line in stream:
            log.append(line.decode(errors="replace"))
            SAID.append(log[-1])
            if line.strip() == b"ready":
                self.ready = True
                self.ended_or_ready.set()
        self.ended_or_ready.set()

    def said(self):
        return "".join(self.log)

    def wait_said(self, pattern, seconds=10):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := re.search(pattern, self.said(), re.MULTILINE):
                return found
            time.sleep(0.02)
        raise AssertionError(f"the server did not say {pattern!r} within {seconds} s: {self.said()[-2000:]}")

    def pids(self):
        """The parent, then its child processes."""
        done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.server.pid)], capture_output=True, text=True)
        return [self.server.pid, *(int(pid) for pid in done.stdout.split())]

    def alive(self):
        return self.server is not None and self.server.poll() is None

    def stop(self):
        """SIGTERM, as systemd does; the exit status."""
        self.server.send_signal(signal.SIGTERM)
        try:
            status = self.server.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired as slow:
            self.kill()
            raise AssertionError("ringpostd did not stop within its drain: " + self.said()[-2000:]) from slow
        self.reader.join(10)
        return status

    def kill(self):
        """kill -9 for the parent and its children, all at once."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.wait(10)
        self.reader.join(10)

    # What is on the disk.

    def files(self):
        for path, _, names in os.walk(self.folder):
            yield path
            for name in names:
                yield os.path.join(path, name)

    def memory_octets(self):
        """Resident memory of the whole server that is not the page cache's."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) * 1024
        return total
