"""The servers that are compared: how each is set up, started on CPU 0 and stopped again."""
import grp
import os
import pwd
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from . import corpus, cpu

SERVER_CPU = 0


def wait_for_greeting(port: int, process: subprocess.Popen, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server on port {port} ended with status {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as link:
                if link.recv(512).startswith(b"+OK"):
                    link.sendall(b"QUIT\r\n")
                    link.recv(512)
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"no greeting on port {port} within {seconds:.0f} s")


def listing(port: int, account: str) -> list[str]:
    """The lines of LIST: number and octets of each message."""
    with socket.create_connection(("127.0.0.1", port), 30) as link:
        link.sendall(f"USER {account}\r\nPASS {corpus.PASSWORD}\r\nLIST\r\nQUIT\r\n".encode())
        answers = b""
        while more := link.recv(65536):
            answers += more
    lines = answers.decode().split("\r\n")
    first = next(at for at, line in enumerate(lines) if line.startswith("1 "))
    return lines[first : lines.index(".", first)]


class Server:
    name = ""
    port = 0

    def __init__(self, log: Path):
        self.log = log
        self.process: subprocess.Popen | None = None

    def prepare(self) -> None:
        pass

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        out = open(self.log, "ab")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), *self.command()],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )
        out.close()
        wait_for_greeting(self.port, self.process)

    def pids(self) -> list[int]:
        return cpu.descendants(self.process.pid)

    def stop(self) -> None:
        if self.process is None:
            return
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(wanted)
                try:
                    self.process.wait(15)
                except subprocess.TimeoutExpired:
                    continue
        self.process = None


class Bare(Server):
    def __init__(self, log: Path, program: Path, mail: Path, name: str, port: int):
        super().__init__(log)
        self.program, self.mail, self.name, self.port = program, mail, name, port

    def command(self) -> list[str]:
        return [str(self.program), str(self.port), str(self.mail), str(SERVER_CPU)]


# One process a service serves everybody: measured 1.9 times faster than one a connection. No statistics, no TLS, no
# flag updates, no sync; sizes come from the file names.
DOVECOT_CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_cache_size = 64 M
auth_cache_ttl = 1 hour
auth_cache_verify_password_with_worker = no
auth_worker_max_count = 1
mail_location = maildir:%h/Maildir
mail_fsync = never
mail_max_userip_connections = 0
maildir_very_dirty_syncs = yes
first_valid_uid = 1
pop3_no_flag_updates = yes
pop3_fast_size_lookups = yes
pop3_lock_session = no
default_client_limit = 40000
default_process_limit = 1
default_vsz_limit = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
  service_count = 0
  process_limit = 1
  process_min_avail = 1
  client_limit = 20000
}}
service pop3 {{
  service_count = 0
  process_limit = 1
  client_limit = 20000
}}
"""


class Dovecot(Server):
    name = "dovecot"

    def __init__(self, folder: Path, mails: list[Path], port: int = 7120):
        super().__init__(folder / "master.log")
        self.folder, self.mails, self.port = folder, mails, port
        self.owner = pwd.getpwnam("mail")

    def prepare(self) -> None:
        """`mails` are folders of accounts (<account>/Maildir); they become the owner's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in ("run", "state"):
            (self.folder / part).mkdir(exist_ok=True)
        uid, gid = self.owner.pw_uid, self.owner.pw_gid
        lines = []
        for mail in self.mails:
            for home in sorted(path for path in mail.iterdir() if (path / "Maildir").is_dir()):
                if home.stat().st_uid != uid:
                    subprocess.run(["chown", "-R", f"{uid}:{gid}", str(home)], check=True)
                lines.append(f"{home.name}:{{PLAIN}}{corpus.PASSWORD}:{uid}:{gid}::{home}::\n")
        (self.folder / "users").write_text("".join(lines))
        (self.folder / "users").chmod(0o640)
        os.chown(self.folder / "users", 0, grp.getgrnam("dovecot").gr_gid)
        (self.folder / "dovecot.conf").write_text(DOVECOT_CONF.format(folder=self.folder, port=self.port))

    def command(self) -> list[str]:
        return ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]


RINGPOST_CONF = """
[appliance]
hostname = "mail.example.test"
data_dir = "data"
cores    = [{cpu}]
{more}
[accounts]
backend = "file"
file    = "users"

[[virtual_server]]
name            = "bench"
pop3            = ["127.0.0.1:{port}"]
require_tls     = "never"
authentication  = ["user", "plain"]
max_connections = 20000

[admin]
socket = "admin.sock"
http   = "127.0.0.1:{http}"

[log]
format = "text"
level  = "info"
"""


class Ringpost(Server):
    name = "ringpost"

    def __init__(self, build: Path, folder: Path, mails: list[Path], port: int = 7130, http: int = 7139):
        super().__init__(folder.parent / "ringpostd.log")
        self.build, self.folder, self.mails, self.port, self.http = build, folder, mails, port, http
        self.watching = False  # counts turns with a voluntary switch, which costs a system call a turn

    def run(self, *arguments: str, **extra) -> None:
        done = subprocess.run(
            [str(self.build / "ringpost"), "--config", str(self.folder / "ringpost.toml"), *arguments],
            capture_output=True, text=True, check=False, **extra,
        )
        if done.returncode != 0:
            raise RuntimeError(f"ringpost {' '.join(arguments)}: status {done.returncode}: {done.stderr.strip()[-500:]}")

    def prepare(self) -> None:
        """Initialises the folder and imports what it has not yet; a second run adds nothing."""
        if not self.folder.exists():
            done = subprocess.run([str(self.build / "ringpost"), "init", str(self.folder)], capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"ringpost init: {done.stderr.strip()}")
        more = "watch_switches = true\n" if self.watching else ""
        text = RINGPOST_CONF.format(cpu=SERVER_CPU, port=self.port, http=self.http, more=more)
        (self.folder / "ringpost.toml").write_text(text)
        for mail in self.mails:
            for home in sorted(path for path in mail.iterdir() if (path / "Maildir").is_dir()):
                stamp = self.folder / f"imported-{home.name}"
                if stamp.exists():
                    continue
                self.run("user", "add", home.name, "--password-stdin", input=corpus.PASSWORD + "\n")
                self.run("import", "maildir", str(home / "Maildir"), "--user", home.name)
                stamp.touch()

    def keep_plain(self, account: str) -> None:
        """The account's secret as Dovecot has it here, so that a first login is not a password hash's cost."""
        users = self.folder / "users"
        lines = [line for line in users.read_text().splitlines() if not line.startswith(f"{account}:")]
        users.write_text("\n".join([*lines, f"{account}:{{PLAIN}}{corpus.PASSWORD}", ""]))

    def command(self) -> list[str]:
        return [str(self.build / "ringpostd"), "--config", str(self.folder / "ringpost.toml")]

    def figures(self) -> dict[str, float]:
        """/metrics; labels stay part of the name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        found = {}
        for line in lines:
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found
