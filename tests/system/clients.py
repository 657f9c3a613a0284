"""Drivers for real mail clients. Each logs in, fetches everything and gives back what it stored, message by message."""

import glob
import os
import poplib
import shutil
import ssl
import stat
import subprocess

CLIENT_SECONDS_MAX = 300
poplib._MAXLINE = 1 << 30    # RFC 1939 knows no longest line; Python's own limit is 2,048


def run(arguments, **options):
    done = subprocess.run(arguments, capture_output=True, timeout=CLIENT_SECONDS_MAX, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        said = (done.stdout[-1000:] + done.stderr[-2000:]).decode(errors="replace")
        raise AssertionError(f"{arguments[0]} ended with status {done.returncode}: {said}")
    return done


def contents(pattern):
    for path in sorted(glob.glob(pattern)):
        with open(path, "rb") as file:
            yield file.read()


class Account:
    def __init__(self, port, user, password, host="127.0.0.1", tls=None, root=None):
        """`tls`: None, "implicit" or "starttls"; `root`: the file with the certificate that all must lead to."""
        self.host, self.port, self.user, self.password = host, port, user, password
        self.tls, self.root = tls, root


class Poplib:
    def __init__(self, folder):
        self.folder = folder

    def fetch(self, account, keep):
        trust = ssl.create_default_context(cafile=account.root) if account.tls else None
        if account.tls == "implicit":
            server = poplib.POP3_SSL(account.host, account.port, timeout=CLIENT_SECONDS_MAX, context=trust)
        else:
            server = poplib.POP3(account.host, account.port, timeout=CLIENT_SECONDS_MAX)
        if account.tls == "starttls":
            server.stls(context=trust)
        server.user(account.user)
        server.pass_(account.password)
        count, _ = server.stat()
        mails = []
        for number in range(1, count + 1):
            _, lines, _ = server.retr(number)
            mails.append(b"".join(line + b"\r\n" for line in lines))
            if not keep:
                server.dele(number)
        if len(server.list()[1]) != (count if keep else 0):
            raise AssertionError("poplib: LIST does not agree with what was deleted")
        server.quit()
        return mails


class Curl:
    def __init__(self, folder):
        self.folder = folder

    def command(self, account, *arguments):
        tls = ["--ssl-reqd", "--cacert", account.root] if account.tls else []
        return run(["curl", "-sS", *tls, "--user", f"{account.user}:{account.password}", *arguments]).stdout

    def listing(self, account):
        return [line.split() for line in self.command(account, self.url(account)).split(b"\r\n") if line]

    def url(self, account, number=""):
        scheme = "pop3s" if account.tls == "implicit" else "pop3"
        return f"{scheme}://{account.host}:{account.port}/{number}"

    def fetch(self, account, keep):
        count = len(self.listing(account))
        if count == 0:
            return []
        out = os.path.join(self.folder, "curl")
        os.makedirs(out)
        self.command(account, "-o", f"{out}/#1", self.url(account, f"[1-{count}]"))
        mails = []
        for number in range(1, count + 1):
            path = os.path.join(out, str(number))     # curl makes no file for a message without octets
            mails.append(next(contents(path), b""))
        if not keep:
            self.command(account, "--list-only", "-X", "DELE", self.url(account, f"[1-{count}]"))
        return mails


class Mpop:
    def __init__(self, folder):
        self.folder = folder

    def fetch(self, account, keep):
        maildir = os.path.join(self.folder, "mpop")
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(maildir, part))
        config = os.path.join(self.folder, "mpoprc")
        tls = "tls off\n"
        if account.tls:
            tls = (f"tls on\ntls_starttls {'on' if account.tls == 'starttls' else 'off'}\n"
                   f"tls_trust_file {account.root}\n")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"account a\nhost {account.host}\nport {account.port}\nuser {account.user}\n"
                       f"password {account.password}\nauth user\n{tls}keep {'on' if keep else 'off'}\n"
                       f"delivery maildir {maildir}\nreceived_header off\nuidls_file {self.folder}/mpop-uidls\n"
                       "account default : a\n")
        os.chmod(config, stat.S_IRUSR | stat.S_IWUSR)
        run(["mpop", "-q", "-C", config])
        return list(contents(maildir + "/new/*"))


class Fetchmail:
    def __init__(self, folder):
        self.folder = folder

    def fetch(self, account, keep):
        out = os.path.join(self.folder, "fetchmail")
        os.makedirs(out)
        config = os.path.join(self.folder, "fetchmailrc")
        tls = "sslproto \"\""
        if account.tls:
            tls = f"sslproto \"TLS1.2+\" sslcertck sslcertfile \"{account.root}\""
            tls += " ssl" if account.tls == "implicit" else ""
        with open(config, "w", encoding="utf-8") as file:
            file.write("set no bouncemail\nset no syslog\nset invisible\n"
                       f"poll {account.host} service {account.port} protocol pop3 no dns uidl\n"
                       f"  username \"{account.user}\" password \"{account.password}\" is root here\n"
                       f"  mda \"exec cat >{out}/$$\" {tls} no rewrite no stripcr fetchall\n"
                       f"  {'keep' if keep else 'no keep'}\n")
        os.chmod(config, stat.S_IRUSR | stat.S_IWUSR)
        run(["fetchmail", "-f", config, "-i", f"{self.folder}/fetchids", "--pidfile", f"{self.folder}/fetchmail.pid",
             "--nosyslog"], env={**os.environ, "FETCHMAILHOME": self.folder, "LC_ALL": "C"})
        return list(contents(out + "/*"))


class Getmail:
    def __init__(self, folder):
        self.folder = folder

    def identity(self):
        """getmail delivers nothing as root, so root runs it as nobody."""
        if os.geteuid() != 0:
            return {}
        for path, _, files in os.walk(self.folder):
            for name in [path, *(os.path.join(path, file) for file in files)]:
                shutil.chown(name, "nobody", "nogroup")
        return {"user": "nobody", "group": "nogroup", "extra_groups": [], "env": {**os.environ, "HOME": self.folder}}

    def fetch(self, account, keep):
        maildir = os.path.join(self.folder, "getmail")
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(maildir, part))
        config = os.path.join(self.folder, "getmailrc")
        tls = f"ca_certs = {account.root}\n" if account.tls else ""
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[retriever]\ntype = SimplePOP3{'SSL' if account.tls else ''}Retriever\n{tls}server = {account.host}\nport = {account.port}\n"
                       f"username = {account.user}\npassword = {account.password}\ntimeout = {CLIENT_SECONDS_MAX}\n"
                       f"[destination]\ntype = Maildir\npath = {maildir}/\n"
                       f"[options]\nread_all = true\ndelete = {'false' if keep else 'true'}\nverbose = 0\n"
                       "delivered_to = false\nreceived = false\n")
        # eatmydata: getmail syncs each mail to its own disk, which is not what is under test and takes minutes on some.
        program = shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "getmail.py"), self.folder)
        run(["eatmydata", "/usr/bin/python3", program, "--rcfile", config, "--getmaildir", self.folder], **self.identity())
        return list(contents(maildir + "/new/*"))


CLIENTS = {"poplib": Poplib, "curl": Curl, "mpop": Mpop, "fetchmail": Fetchmail, "getmail": Getmail}
