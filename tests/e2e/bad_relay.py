"""A relay that loses, doubles and damages mail on purpose, to see that weir-bench finds it.

Speaks just enough SMTP for the generator (no TLS, no pipelining offered): every message is acknowledged.
Of ten, the third is lost, the fifth delivered twice, the seventh changed by one byte.
"""
import smtplib
import socket

PERIOD, LOST, DOUBLED, CHANGED = 10, 3, 5, 7


class BadRelay:
    def __init__(self, next_address, next_port):
        self.next = (next_address, next_port)
        self.count = self.lost = self.doubled = self.changed = 0

    def talk(self, connection):
        """One session, from the greeting to QUIT."""
        with connection, connection.makefile("rwb") as stream:
            def say(line):
                stream.write(line + b"\r\n")
                stream.flush()

            connection.settimeout(10)
            say(b"220 bad relay")
            sender, recipients = "", []
            for line in iter(stream.readline, b""):
                verb = line[:4].upper()
                if verb == b"QUIT":
                    say(b"221 bye")
                    return
                if verb == b"MAIL":
                    sender, recipients = address(line), []
                elif verb == b"RCPT":
                    recipients.append(address(line))
                if verb == b"DATA":
                    say(b"354 go on")
                    self.deliver(sender, recipients, body(stream))
                say(b"250 ok")

    def deliver(self, sender, recipients, data):
        self.count += 1
        kind = self.count % PERIOD
        if kind == LOST:
            self.lost += 1
            return
        if kind == CHANGED:
            self.changed += 1
            data = data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
        for _ in range(2 if kind == DOUBLED else 1):
            with smtplib.SMTP(*self.next, local_hostname="bad.test", timeout=10) as client:
                client.ehlo()
                client.mail(sender)
                for recipient in recipients:
                    client.rcpt(recipient)
                client.putcmd("data")
                client.getreply()
                client.send(stuffed(data) + b".\r\n")
                client.getreply()
        self.doubled += kind == DOUBLED


def address(line):
    return line.split(b"<")[1].split(b">")[0].decode("ascii")


def body(stream):
    """The content, dots unstuffed."""
    lines = []
    for line in iter(stream.readline, b".\r\n"):
        if not line:
            break
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


def stuffed(data):
    return b"".join(b"." + line if line.startswith(b".") else line for line in data.splitlines(keepends=True))


def serve(relay, address_port, stop):
    """Until STOP is set; one session at a time."""
    with socket.create_server(address_port, backlog=64) as server:
        server.settimeout(0.2)
        while not stop.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            try:
                relay.talk(connection)
            except OSError:
                continue
