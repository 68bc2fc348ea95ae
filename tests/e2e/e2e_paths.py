#!/usr/bin/env python3
"""Long and bad cables: what crosses them arrives unchanged; and weir's TCP beside Linux's.

Large messages cross a wirebox (tests/e2e/wirebox: the simulator's losses, delays and queues between real
interfaces). First from the kernel's TCP to the kernel's, then with weir at the receiving end, then with weir at
the sending end; the other hop is the quick cable each time. Goodput is the message's bytes by the time from the
first byte of content to the final reply, the median of some transfers. What arrives must be what was sent.

As a test, a few profiles carry little, and only what arrives is judged: speed depends on the machine. As a
comparison (./dev paths, --compare) each profile is judged, too: nine tenths of the kernel's goodput or more.
"""
import hashlib
import socket
import statistics
import sys
import time

import weir_config
from cases import Cases, check
from delivered import Delivered
from lab import NEXT_PORT_PLAIN, run
from network import NEXT, WEIR, call_inside
from smtp_client import Client

SHARE_LEAST = 0.90
DELIVERY_SECONDS = 60
SOCKET_SECONDS = 300
MEGA = 1_000_000
TEST_BYTES = 300_000
LINE = 78
COMPARE = "--compare" in sys.argv
WANTED = [word for word in sys.argv[1:] if not word.startswith("-")]  # profiles whose name begins so; none: all
sys.argv = [word for word in sys.argv if word != "--compare" and word not in WANTED]


class Profile:
    """A cable: plan in wirebox's words, how much is sent over it, and how often."""

    def __init__(self, name, size, times, *plan, test=False):
        self.name, self.plan, self.test = name, plan, test
        self.size, self.times = (size, times) if COMPARE else (min(size, TEST_BYTES), 1)


def rate(megabits, queue_kib):
    return f"bytes_per_second={megabits * 125_000}", f"queue_bytes={queue_kib * 1024}"


PROFILES = (
    Profile("lan: 100 Mbit/s, 1 ms", 8 * MEGA, 3, "delay_us=500", *rate(100, 256)),
    Profile("dsl: 16 Mbit/s, 24 ms", 4 * MEGA, 3, "delay_us=12000", *rate(16, 96)),
    Profile("lte: 30 Mbit/s, 50 ms and up to 4 ms more, 1 MiB of queue", 4 * MEGA, 3, "delay_us=25000",
            "jitter_us=2000", *rate(30, 1024)),
    Profile("satellite: 20 Mbit/s, 600 ms", 8 * MEGA, 3, "delay_us=300000", *rate(20, 2048),
            test=True),
    Profile("1 % loss: 50 Mbit/s, 20 ms", 4 * MEGA, 9, "delay_us=10000", "lost=10", *rate(50, 256)),
    Profile("5 % loss: 50 Mbit/s, 20 ms", MEGA, 11, "delay_us=10000", "lost=50", *rate(50, 256),
            test=True),
    Profile("20 % loss in bursts: 50 Mbit/s, 20 ms", 60_000, 5, "delay_us=10000", "burst_begins=100",
            "burst_ends=400", "burst_lost=1000", *rate(50, 256)),
    Profile("everything at once: 20 Mbit/s, 40 ms, late, doubled, corrupted", MEGA, 9, "delay_us=20000",
            "late=50", "late_us=20000", "doubled=20", "corrupted=20", "lost=10", *rate(20, 256), test=True),
)


def content(size, seed):
    """Lines that differ from message to message."""
    text = hashlib.shake_128(str(seed).encode()).hexdigest(size // 2).encode()
    lines = [text[at:at + LINE - 2] for at in range(0, len(text), LINE - 2)]
    return b"\r\n".join(lines) + b"\r\n"


def transfer(server, recipient, data):
    """Sends one message in plaintext; returns the seconds that its content took."""
    with Client(*server, timeout=SOCKET_SECONDS) as client:
        # Some machines have BBR as default: what we are compared with is the Internet's usual.
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        for command, code in (("MAIL FROM:<s@near.test>", 250), (f"RCPT TO:<{recipient}>", 250),
                              ("DATA", 354)):
            client.want(command, client.command(command), code)
        begin = time.monotonic()
        client.socket.sendall(data + b".\r\n")
        client.want("end of data", client.reply(), 250)
        return time.monotonic() - begin


def goodput(lab, profile, where, server, sent, unsure):
    """The median over some transfers through a wirebox at the cable of `where`, bytes a second. The chances of
    the n-th transfer are the same whoever sends: what one loses, and when, makes more difference than who it is.
    One that takes too long, as a TCP may whose every repetition is lost, counts as just that long."""
    seconds = []
    for number in range(profile.times):
        with lab.network.long_cable(where, *profile.plan, seed=number + 1):
            recipient = f"p{len(sent) + len(unsure)}@plain.test"
            data = b"From: <s@near.test>\r\nSubject: paths\r\n\r\n" + content(profile.size, recipient)
            try:
                seconds.append(call_inside("near", transfer, server, recipient, data))
                sent[recipient] = data
            except TimeoutError:
                seconds.append(SOCKET_SECONDS)
                unsure[recipient] = data
    return profile.size / statistics.median(seconds)


def settings():
    """Windows as large as a long path needs, a route whose next hop speaks no TLS, and for each message a
    connection, as the kernel has one: what an older one has learnt is of another cable."""
    changed = weir_config.settings()
    changed["limits"] = {**changed["limits"], "window_bytes_max": 4194304, "next_messages_max": 1}
    changed["timeouts"] = {**changed.get("timeouts", {}), "next_connect_seconds": "5m"}
    changed["tls"] = {"next": ({"domains": ["*"], "level": "opportunistic"},)}
    return changed


def compare(lab, cases, profile, sent, unsure):
    linux = goodput(lab, profile, "near", (NEXT, NEXT_PORT_PLAIN), sent, unsure)
    print(f"     {profile.name}: kernel to kernel {linux / 1000:.0f} kB/s")
    for where, sentence in (("near", "weir receives"), ("next", "weir sends")):
        wanted = f" at {SHARE_LEAST:.0%} of the kernel's goodput or more" if COMPARE else ""
        with cases.case(f"{profile.name}: {sentence}{wanted}"):
            ours = goodput(lab, profile, where, (WEIR, 25), sent, unsure)
            print(f"     {ours / 1000:.0f} kB/s, {ours / linux:.2f} of the kernel's")
            check(not COMPARE or ours >= SHARE_LEAST * linux, f"only {ours / linux:.2f} of it")


def body(lab, cases):
    """Long and bad cables."""
    lab.start_postfix(near=False)
    lab.start_weir(settings())
    sent, unsure = {}, {}
    for profile in PROFILES:
        if (profile.test or COMPARE) and (not WANTED or profile.name.startswith(tuple(WANTED))):
            compare(lab, cases, profile, sent, unsure)
    with cases.case("all of it arrived once and unchanged"):
        lab.next.mailbox_wait(len(sent), DELIVERY_SECONDS)
        mailbox = [Delivered(data) for data in lab.next.mailbox()]
        mailbox = [message for message in mailbox if message.recipient not in unsure]
        check(len(mailbox) == len(sent), f"{len(sent)} were sent, {len(mailbox)} are there")
        for message in mailbox:
            data = sent[message.recipient]
            check(message.holds(data), f"{message.recipient}: {message.difference(data)}")


if __name__ == "__main__":
    run(Cases("e2e_paths"), body)
