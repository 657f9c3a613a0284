"""A POP3 client that does exactly what it is told: it pipelines, stalls, dies."""

import re
import socket
import struct

LINE_END = b"\r\n"


class Gone(Exception):
    """The server closed the connection."""


class Refusal(Exception):
    """The server answered -ERR."""


class Pop:
    def __init__(self, port, host="127.0.0.1", timeout=60, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.buffer = bytearray()
        self.greeting = self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def more(self):
        octets = self.socket.recv(1 << 18)
        if not octets:
            raise Gone(f"closed after {bytes(self.buffer[-100:])!r}")
        self.buffer += octets

    def line(self):
        while (end := self.buffer.find(LINE_END)) < 0:
            self.more()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def block(self):
        """A multi-line answer behind its first line, as it came: with stuffed dots, without the terminator."""
        looked_at = 0
        if self.buffer.startswith(b".\r\n") or self._have(b".\r\n"):
            del self.buffer[:3]
            return b""
        while (end := self.buffer.find(b"\r\n.\r\n", max(0, looked_at - 4))) < 0:
            looked_at = len(self.buffer)
            self.more()
        block = bytes(self.buffer[:end + 2])
        del self.buffer[:end + 5]
        return block

    def _have(self, octets):
        while len(self.buffer) < len(octets):
            self.more()
        return self.buffer.startswith(octets)

    def answer(self):
        line = self.line()
        if not line.startswith(b"+OK"):
            raise Refusal(line.decode(errors="replace"))
        return line

    def command(self, text):
        self.send(text.encode() + LINE_END)
        return self.answer()

    def multi(self, text):
        self.command(text)
        return self.block()

    def login(self, user, password):
        self.command(f"USER {user}")
        return self.command(f"PASS {password}")

    def count(self):
        return int(self.command("STAT").split()[1])

    def retr(self, number):
        """Message octets as the reader of the mail sees them."""
        return re.sub(rb"(?m)^\.", b"", self.multi(f"RETR {number}"))

    def uidl(self):
        return dict(reversed(line.split(b" ", 1)) for line in self.multi("UIDL").split(LINE_END) if line)

    def sizes(self):
        return {int(number): int(octets) for number, octets in
                (line.split() for line in self.multi("LIST").split(LINE_END) if line)}

    def quit(self):
        line = self.command("QUIT")
        self.socket.close()
        return line

    def reset(self):
        """Dies: the peer sees a reset, not an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def session(port, user, password, **options):
    pop = Pop(port, **options)
    try:
        pop.login(user, password)
    except BaseException:
        pop.socket.close()
        raise
    return pop
