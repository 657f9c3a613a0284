"""Moving in: Maildir names, mbox, and the UIDLs that the old server gave (R013 R015 R063 R066, M17)."""

import os
import tempfile
import unittest

import clients
import corpus
from appliance import Appliance
from pop import session

USER, PASSWORD = "alice", "moving-house-6"


class Migration(unittest.TestCase):
    def setUp(self):
        self.server = Appliance([(USER, PASSWORD)])
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)

    def write(self, name, octets):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(octets)
        return path

    def uidl_of_name(self):
        """Subject -> UIDL."""
        with session(self.server.port, USER, PASSWORD) as pop:
            found = {}
            for uid, at in pop.uidl().items():
                octets = pop.retr(int(at))
                found[octets.split(b"Subject: ")[1].split(b"\r\n")[0].decode()] = uid.decode()
            pop.quit()
        return found

    def maildir(self, folder, names):
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.folder, folder, part), exist_ok=True)
        for name in names:
            self.write(f"{folder}/cur/{name}:2,S", corpus.mail(name, b"x\n"))
        return os.path.join(self.folder, folder)

    def test_dovecots_uidls_are_kept(self):     # R013
        names = [f"174773000{n}.M{n}P7.old" for n in range(4)]
        maildir = self.maildir("dovecot", names)
        self.write("dovecot/dovecot-uidlist", b"3 V1700000001 N10 G0123456789abcdef0123456789abcdef\n" + b"".join(
            b"%d :%s\n" % (n + 3, name.encode()) for n, name in enumerate(names[:3])) +
            b"9 PKEPT-UIDL-9 :%s\n" % names[3].encode())
        self.server.import_maildir(maildir, USER, "--keep-uidl")
        self.server.start()
        found = self.uidl_of_name()
        for n, name in enumerate(names[:3]):     # %08Xu%08Xv, Dovecot's own default
            self.assertEqual(found[name], f"{n + 3:08x}{1700000001:08x}")
        self.assertEqual(found[names[3]], "KEPT-UIDL-9")

    def test_couriers_lists_of_every_age(self):     # R015
        names = [f"174773000{n}.M{n}P7.old" for n in range(3)]
        for age, (header, entry, want) in {
            "none": (b"", lambda n: b"%s %d\n" % (names[n].encode(), 500), None),
            "two": (b"/2\n", lambda n: b"%s %d %d\n" % (names[n].encode(), 500, n + 1), "UID{}"),
            "three": (b"/3 1700000002 9\n", lambda n: b"%s %d %d:1700000002\n" % (names[n].encode(), 500, n + 1),
                      "UID{}-1700000002"),
        }.items():
            with self.subTest(age=age), Appliance([(USER, PASSWORD)]) as self.server:
                maildir = self.maildir(f"courier-{age}", names)
                by_name = names[2].encode() + {"none": b" 500\n", "two": b" 500 0\n", "three": b" 500 0:0\n"}[age]
                self.write(f"courier-{age}/courierpop3dsizelist",
                           header + entry(0) + entry(1) + by_name + by_name.replace(names[2].encode(), b"1.gone.old"))
                self.server.import_maildir(maildir, USER, "--keep-uidl")
                self.server.start()
                found = self.uidl_of_name()
                self.assertEqual(len(found), 3)
                if want:
                    self.assertEqual([found[names[0]], found[names[1]]], [want.format(1), want.format(2)])
                self.assertEqual(found[names[2]], names[2])

    def test_clients_with_their_old_state_fetch_nothing_again(self):     # R013
        names = [f"174773000{n}.M{n}P7.old" for n in range(4)]
        maildir = self.maildir("source", names)
        self.server.import_maildir(maildir, USER)
        self.server.start()
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            account = clients.Account(self.server.port, USER, PASSWORD)
            self.assertEqual(len(clients.Mpop(folder).fetch(account, keep=True)), 4)
            self.assertEqual(self.server.stop(), 0)
            self.server.verb("mailbox", "compact", USER)
            self.server.start()
            os.rename(os.path.join(folder, "mpop"), os.path.join(folder, "mpop-before"))
            self.assertEqual(clients.Mpop(folder).fetch(account, keep=True), [])

    def test_names_and_folders_that_make_mails_vanish_elsewhere(self):     # R066
        base = "a:b/Mail"
        for part in ("cur", "new", "tmp", "cur/folder"):
            os.makedirs(os.path.join(self.folder, base, part), exist_ok=True)
        for name in ("cur/1.semicolon;2,S", "cur/2.bang!2,S", "cur/3.trashed:2,ST", "new/4.new", "cur/5.plain"):
            self.write(f"{base}/{name}", corpus.mail(name.split(".")[1][:5], b"x\n"))
        for name in ("cur/.hidden", "tmp/6.tmp", "cur/folder/7.inside"):
            self.write(f"{base}/{name}", corpus.mail("never", b"x\n"))
        self.server.import_maildir(os.path.join(self.folder, base), USER)
        self.server.start()
        found = self.uidl_of_name()
        self.assertNotIn("never", found)
        for name in ("semic", "bang!", "new", "plain"):
            self.assertIn(name, found)

    def test_an_mbox_has_as_many_messages_as_its_writer_meant(self):     # R063
        from_line = b"From sender@example.test Tue May 20 09:00:00 2025\n"
        bodies = [b"text\n>From the start\n", b"one\n\n>From an empty line\n", b">>From twice\n", b"",
                  b"Zm9v\nRnJvbSBiYXNlNjQ=\n"]
        mails = [corpus.mail(f"box{n}", body) for n, body in enumerate(bodies)]
        for line_end in (b"\n", b"\r\n"):
            with self.subTest(line_end=line_end), Appliance([(USER, PASSWORD)]) as self.server:
                box = b"".join(from_line + octets + b"\n" for octets in mails).replace(b"\n", line_end)
                path = self.write("box", box)
                for _ in range(2):     # the second time adds nothing
                    self.server.verb("import", "mbox", path, "--user", USER)
                self.server.start()
                self.assertEqual(sorted(self.uidl_of_name()), [f"box{n}" for n in range(len(bodies))])
                with session(self.server.port, USER, PASSWORD) as pop:
                    got = [pop.retr(number) for number in range(1, len(mails) + 1)]
                    pop.quit()
                want = [corpus.normal(octets.replace(b"\n>From", b"\nFrom").replace(b"\n>>From", b"\n>From"))
                        for octets in mails]
                self.assertEqual(sorted(got), sorted(want))
