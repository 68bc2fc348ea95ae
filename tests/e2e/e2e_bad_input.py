#!/usr/bin/env python3
"""Bad input over real connections: each is met by the right words, and weir has nothing left of it.

What a peer may say wrong is also in the dialogue scripts, word by word; here it comes through kernel
TCP, and at the end hundreds of connections are torn down in the middle of anything. Afterwards weir
must hold no session, no block, and still take mail.
"""
import os
import random
import socket
import struct
import time

from cases import Cases, check
from lab import run
from network import WEIR, call_inside
from smtp_client import Client, trusting

EHLO = b"EHLO a.test\r\n"
MAIL = EHLO + b"MAIL FROM:<a@b.test>\r\n"
RCPT = MAIL + b"RCPT TO:<p@example.test>\r\n"
DATA = RCPT + b"DATA\r\nSubject: x\r\n\r\n"
QUIET_SECONDS = 1.0
TORN = 300  # connections that end in the middle of something
SETTLE_SECONDS = 5

# (sentence, what is said after the greeting, the last replies' codes in order, does weir close)
SAID = (
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [421], True),
    ("HELO and EHLO without a name", b"HELO\r\nEHLO\r\n", [501, 501], False),
    ("commands out of order", b"MAIL FROM:<a@b.test>\r\n" + EHLO + b"RCPT TO:<a@example.test>\r\n",
     [503, 250, 503], False),
    ("DATA and BDAT without a recipient", MAIL + b"DATA\r\nBDAT 2 LAST\r\nxx", [250, 554, 554], False),
    ("a BDAT count below zero", RCPT + b"BDAT -1 LAST\r\n", [250, 250, 501], True),
    ("a BDAT count beyond all numbers", RCPT + b"BDAT 99999999999999999999 LAST\r\n",
     [250, 250, 501], True),
    ("STARTTLS with a parameter", EHLO + b"STARTTLS now\r\n", [250, 501], False),
    ("commands behind STARTTLS", EHLO + b"STARTTLS\r\nEHLO evil.test\r\n", [250, 454], True),
    ("a line that only LF ends", b"EHLO a.test\nQUIT\n", [550], True),
    ("NUL in a command", b"NO\0OP\r\n", [500], False),
    ("a command of 5,000 bytes", b"NOOP " + b"x" * 5000 + b"\r\nNOOP\r\n", [500, 250], False),
    ("SIZE over the limit, SIZE that is no number",
     EHLO + b"MAIL FROM:<a@b.test> SIZE=99999999999\r\nMAIL FROM:<a@b.test> SIZE=abc\r\n",
     [250, 552, 501], False),
    ("parameters that nobody knows", EHLO + b"MAIL FROM:<a@b.test> FOO=BAR\r\n", [250, 555], False),
    ("8-bit addresses without SMTPUTF8", EHLO + "MAIL FROM:<ü@b.test>\r\n".encode(), [250, 550],
     False),
    ("a domain without a route", MAIL + b"RCPT TO:<x@other.example>\r\n", [250, 550], False),
    ("<LF>.<LF> in content", DATA + b"hi\n.\nMAIL FROM:<evil@b.test>\r\n.\r\n",
     [250, 250, 354, 550], False),
    ("<CR>.<CR> in content", DATA + b"hi\r.\rMAIL\r\n.\r\n", [250, 250, 354, 550], False),
    ("content that ends with the connection", DATA + b"half", [250, 250, 354], False),
)


def dialogue(said):
    """Says all at once; returns the codes that came back, and whether weir closed."""
    heard = b""
    with socket.create_connection((WEIR, 25), 5) as s:
        s.settimeout(QUIET_SECONDS)
        s.sendall(said)
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    return codes(heard), True
                heard += piece
        except TimeoutError:
            return codes(heard), False
        except ConnectionResetError:
            return codes(heard), True


def codes(heard):
    return [int(line[:3]) for line in heard.split(b"\r\n") if line[3:4] == b" "]


def check_dialogue(said, wanted, closes):
    have, closed = dialogue(said)
    check(have[:1] == [220], f"no greeting: {have}")
    check(have[-len(wanted):] == wanted, f"wanted {wanted} at the end, got {have}")
    check(closed == closes, "weir closed" if closed else "weir did not close")


def tear(seed):
    """Connections that end in the middle of something, by FIN or RST."""
    rnd = random.Random(seed)
    for _ in range(TORN):
        piece = rnd.choice((b"", os.urandom(rnd.randrange(1, 2000)), EHLO, RCPT, DATA + b"half",
                            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(100),
                            EHLO + b"STARTTLS\r\n\x16\x03\x01"))
        with socket.create_connection((WEIR, rnd.choice((25, 465))), 5) as s:
            s.sendall(piece)
            if rnd.random() < 0.5:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def left(lab):
    """What weir still holds for senders: sessions, and blocks of its pool."""
    metrics = lab.metrics()
    total = metrics['weir_blocks{worker="0",state="total"}']
    return (metrics['weir_smtp_sessions{worker="0",side="near"}'],
            total - metrics['weir_blocks{worker="0",state="free"}'])


def still_takes_mail(lab):
    with Client(WEIR, 25, timeout=20) as client:
        client.starttls(trusting(lab.home), lab.server_name)
        return client.send("s@near.test", ["after@example.test"], b"Subject: after\r\n\r\nall that\r\n")


def body(lab, cases):
    """Bad input is answered, counted and forgotten."""
    lab.start_postfix(near=False)
    lab.start_weir()
    for sentence, said, wanted, closes in SAID:
        with cases.case(sentence):
            call_inside("near", check_dialogue, said, wanted, closes)
    with cases.case(f"{TORN} connections torn in the middle of anything (seed 1)"):
        call_inside("near", tear, 1)
        end = time.monotonic() + SETTLE_SECONDS
        while left(lab) != (0, 0) and time.monotonic() < end:
            time.sleep(0.2)
        check(left(lab) == (0, 0), f"sessions and blocks left: {left(lab)}")
    with cases.case("afterwards mail is taken as before"):
        print(f"     250 {call_inside('near', still_takes_mail, lab)}")
    with cases.case("weir is still running, and ends when it is told to"):
        check(lab.weir_running() and lab.stop_weir() == 0, "it does not")


if __name__ == "__main__":
    run(Cases("e2e_bad_input"), body)
