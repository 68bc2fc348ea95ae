"""A raw SMTP client: bytes go out as given, with the dots doubled and nothing else touched.

smtplib rewrites line endings; here the caller's bytes are the message. The message must end with
CRLF (as every message in SMTP does) or be empty. Replies are (code, text).
"""
import socket
import ssl


class Refused(Exception):
    """The server answered with another code than the step wanted."""

    def __init__(self, step, code, text):
        super().__init__(f"{step}: {code} {text}")
        self.step, self.code, self.text = step, code, text


class Client:
    def __init__(self, address, port, timeout=60, implicit=None, name=None):
        """implicit: an ssl context to start with TLS at once; name: the server's, for SNI."""
        self.socket = socket.create_connection((address, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if implicit:
            self.socket = implicit.wrap_socket(self.socket, server_hostname=name)
        self.buffer = b""
        self.want("connect", self.reply(), 220)
        self.extensions = self.ehlo()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def want(step, reply, code):
        if reply[0] != code:
            raise Refused(step, *reply)
        return reply

    def line(self):
        while b"\r\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the server closed the connection")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def reply(self):
        texts = []
        while True:
            line = self.line()
            texts.append(line[4:])
            if line[3:4] != "-":
                return int(line[:3]), "\n".join(texts)

    def command(self, text):
        self.socket.sendall(text.encode("utf-8") + b"\r\n")
        return self.reply()

    def ehlo(self):
        return self.want("EHLO", self.command("EHLO sender.test"), 250)[1].split("\n")[1:]

    def starttls(self, context, name):
        self.want("STARTTLS", self.command("STARTTLS"), 220)
        self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.extensions = self.ehlo()

    def send(self, sender, recipients, message):
        """One transaction; returns the text of the last reply, raises Refused or OSError."""
        options = ""
        if any(byte > 127 for byte in message) and "8BITMIME" in self.extensions:
            options += " BODY=8BITMIME"
        self.want("MAIL", self.command(f"MAIL FROM:<{sender}>{options}"), 250)
        for recipient in recipients:
            self.want("RCPT", self.command(f"RCPT TO:<{recipient}>"), 250)
        self.want("DATA", self.command("DATA"), 354)
        self.socket.sendall(stuffed(message) + b".\r\n")
        return self.want("end of data", self.reply(), 250)[1]

    def quit(self):
        self.want("QUIT", self.command("QUIT"), 221)


def stuffed(message):
    message = message.replace(b"\r\n.", b"\r\n..")
    return b"." + message if message.startswith(b".") else message


def trusting(directory, version=None, check=True):
    """An ssl context that trusts the test authority; version: ssl.TLSVersion to insist on."""
    context = ssl.create_default_context(cafile=directory + "/ca.crt")
    context.check_hostname = check
    if version:
        context.minimum_version = context.maximum_version = version
    return context
