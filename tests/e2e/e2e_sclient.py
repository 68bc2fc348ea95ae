#!/usr/bin/env python3
"""Stock OpenSSL: `openssl s_client` talks to weir's ports as a stranger would.

STARTTLS and implicit TLS, TLS 1.2 and 1.3, certificate verification with SNI, refusal of what is
older, session resumption with a saved session and with -reconnect, IPv6. Each dialogue is driven by
what the server says, and a real message goes through one of them.
"""
import os
import subprocess
import threading

from cases import Cases, check
from lab import run
from network import NEXT6, WEIR6, inside
from delivered import Delivered

DIALOGUE_SECONDS = 20
SHOWN_MAX = 2500


class Dialogue:
    """One s_client in the namespace `near`; its output is kept whole."""

    def __init__(self, lab, where, *options):
        address, port = where
        host = f"[{address}]" if ":" in address else address
        command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile",
                   os.path.join(lab.home, "ca.crt"), "-servername", lab.server_name,
                   "-verify_hostname", lab.server_name, "-verify_return_error", "-nocommands",
                   "-crlf", *options]
        self.process = subprocess.Popen(inside("near", *command), cwd=lab.home,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.text = ""
        self.read_to = 0
        self.starttls = "-starttls" in options
        self.timer = threading.Timer(DIALOGUE_SECONDS, self.process.kill)
        self.timer.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.timer.cancel()
        self.process.stdin.close()
        self.process.stdout.close()

    def wait(self, wanted):
        """Reads on until WANTED has come, after what an earlier wait found."""
        while self.text.find(wanted, self.read_to) < 0:
            more = self.process.stdout.read1(65536)
            if not more:
                raise AssertionError(f"s_client ended before {wanted!r}:\n{end_of(self.text)}")
            self.text += more.decode("utf-8", "replace")
        self.read_to = self.text.find(wanted, self.read_to) + len(wanted)

    def verified(self):
        """Waits for the end of the handshake. After STARTTLS, s_client shows the last line of the
        EHLO reply that it got before TLS; an answer comes behind it."""
        self.wait("Verification: OK")
        if self.starttls:
            self.wait("\n250 ")

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def rest(self):
        """Reads to the end; returns everything."""
        self.text += self.process.stdout.read().decode("utf-8", "replace")
        self.process.wait()
        return self.text

    def ehlo_and_quit(self):
        start = self.read_to
        self.say("EHLO client.test")
        self.wait("\n250 ")
        check("STARTTLS" not in self.text[start:], "STARTTLS is offered inside TLS")
        self.say("QUIT")
        self.wait("221 ")
        return self.rest()


def wants(text, *parts):
    for part in parts:
        check(part in text, f"no {part!r} in:\n{end_of(text)}")


def end_of(text):
    return text[-SHOWN_MAX:]


def starttls(lab, cases, version, option):
    with cases.case(f"STARTTLS with {version}: the certificate verifies, EHLO is answered"):
        with Dialogue(lab, lab.server, "-starttls", "smtp", option) as dialogue:
            dialogue.verified()
            text = dialogue.ehlo_and_quit()
        wants(text, f"New, {version}", "Verified peername")


def implicit(lab, cases, version, option):
    with cases.case(f"implicit TLS with {version}: the greeting comes inside TLS"):
        with Dialogue(lab, lab.server_implicit, option) as dialogue:
            dialogue.verified()
            dialogue.wait("220 ")
            wants(dialogue.ehlo_and_quit(), f"New, {version}")


def refused(lab, cases):
    with cases.case("TLS 1.1 is refused"):
        with Dialogue(lab, lab.server, "-starttls", "smtp", "-tls1_1", "-cipher",
                      "ALL:@SECLEVEL=0") as dialogue:
            text = dialogue.rest()
        check("alert protocol version" in text and "Cipher is (NONE)" in text, end_of(text))


def resumed(lab, cases, version, option):
    with cases.case(f"a saved {version} session is resumed by a second connection"):
        saved = os.path.join(lab.home, f"session{version}")
        with Dialogue(lab, lab.server, "-starttls", "smtp", option, "-sess_out", saved) as dialogue:
            dialogue.verified()
            dialogue.ehlo_and_quit()
        check(os.path.exists(saved), "the server gave no session to save")
        with Dialogue(lab, lab.server, "-starttls", "smtp", option, "-sess_in", saved) as dialogue:
            dialogue.verified()
            wants(dialogue.ehlo_and_quit(), f"Reused, {version}")


def reconnected(lab, cases):
    with cases.case("s_client -reconnect resumes five times in a row"):
        with Dialogue(lab, lab.server_implicit, "-tls1_2", "-reconnect") as dialogue:
            for _ in range(5):
                dialogue.wait("Reused, TLSv1.2")
            dialogue.ehlo_and_quit()


def six(lab, cases):
    where = (NEXT6, lab.server[1]) if lab.direct else (WEIR6, 25)
    with cases.case("STARTTLS over IPv6"):
        with Dialogue(lab, where, "-starttls", "smtp", "-tls1_3") as dialogue:
            dialogue.verified()
            wants(dialogue.ehlo_and_quit(), "New, TLSv1.3")


def message(lab, cases):
    with cases.case("a message sent through s_client arrives as it was sent"):
        sent = b"From: <s@near.test>\r\nSubject: by hand\r\n\r\n..\r\nhello\r\n"
        with Dialogue(lab, lab.server, "-starttls", "smtp") as dialogue:
            dialogue.verified()
            for line, answer in (("EHLO client.test", "250 "), ("MAIL FROM:<s@near.test>", "250 "),
                                 ("RCPT TO:<hand@example.test>", "250 "), ("DATA", "354 ")):
                dialogue.say(line)
                dialogue.wait("\n" + answer)
            for line in sent.decode().replace("\r\n.", "\r\n..").split("\r\n")[:-1]:
                dialogue.say(line)
            dialogue.say(".")
            dialogue.wait("\n250 ")
            dialogue.say("QUIT")
            dialogue.rest()
        check(lab.next.mailbox_wait(1, 20) == 1, "it did not arrive")
        delivered = Delivered(lab.next.mailbox()[0])
        check(delivered.holds(sent), delivered.difference(sent))


def body(lab, cases):
    """openssl s_client against weir's listeners."""
    lab.start_postfix(near=False)
    lab.start_weir()
    versions = (("TLSv1.3", "-tls1_3"), ("TLSv1.2", "-tls1_2"))
    for version, option in versions:
        starttls(lab, cases, version, option)
        implicit(lab, cases, version, option)
        resumed(lab, cases, version, option)
    if not lab.direct:  # Postfix takes TLS 1.1 from who insists on weak ciphers
        refused(lab, cases)
    reconnected(lab, cases)
    six(lab, cases)
    message(lab, cases)
    with cases.case("weir is still running"):
        check(lab.weir_running(), "it is not")


if __name__ == "__main__":
    run(Cases("e2e_sclient"), body)
