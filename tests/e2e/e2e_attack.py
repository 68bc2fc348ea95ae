#!/usr/bin/env python3
"""Attacks from a neighbour on the same network, while others send mail.

hping3, nmap and thc-ipv6 as Debian ships them, and frames made with scapy (foe.py), each for a few
seconds. Meanwhile four senders deliver one message after the other, and some connections stay open in
the middle of a session. Of those who send mail at least 95 % must be served, every open connection must
live, and afterwards weir must hold nothing that the attack left.
"""
import concurrent.futures
import time

import foe
from cases import Cases, check
from lab import run
from network import WEIR, call_inside
from smtp_client import Client, Refused, trusting

SENDERS = 4
SECONDS_MAX = 60      # a round of mail goes on as long as the attack, but no longer
SERVED_LEAST = 0.95
TRIES_LEAST = 20      # fewer messages prove nothing
OPEN = 8              # connections held through an attack
SETTLE_SECONDS = 30   # an unanswered SYN-ACK is repeated three times, in 15 s
MESSAGE = b"From: <s@near.test>\r\nSubject: attack\r\n\r\n" + 60 * (b"y" * 70 + b"\r\n")


class Mail:
    """Senders that go on until they are told to stop; counts who was served."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.going = True
        self.tls = trusting(lab.home)

    def sender(self, number):
        served, failed, end = 0, [], time.monotonic() + SECONDS_MAX
        while self.going and time.monotonic() < end:
            recipient = f"{self.name}-{number}-{served + len(failed)}@example.test"
            try:
                with Client(WEIR, 25, timeout=10) as client:
                    client.starttls(self.tls, self.lab.server_name)
                    client.send("s@near.test", [recipient], MESSAGE)
                served += 1
            except (OSError, Refused) as error:
                failed.append(repr(error))
            time.sleep(0.02)
        return served, failed


class Held:
    """Connections in the middle of a session, whose ports an attacker may know."""

    def __init__(self):
        self.clients = [Client(WEIR, 25, timeout=10) for _ in range(OPEN)]

    def ports(self):
        return [client.socket.getsockname()[1] for client in self.clients]

    def alive(self):
        dead = []
        for client in self.clients:
            try:
                client.want("NOOP", client.command("NOOP"), 250)
            except (OSError, Refused) as error:
                dead.append(repr(error))
        return dead

    def close(self):
        for client in self.clients:
            client.socket.close()


def during(lab, number, attack):
    """Runs the attack with mail beside it; returns (served, failures, dead connections)."""
    held = call_inside("near", Held)
    lab.victim_ports = held.ports
    mail = Mail(lab, f"attack{number}")
    with concurrent.futures.ThreadPoolExecutor(SENDERS + 1) as pool:
        senders = [pool.submit(call_inside, "near", mail.sender, n) for n in range(SENDERS)]
        try:
            call_inside("foe", attack, lab)
        finally:
            mail.going = False
        results = [sender.result() for sender in senders]
    dead = call_inside("near", held.alive)
    held.close()
    return sum(r[0] for r in results), [f for r in results for f in r[1]], dead


def settled(lab):
    """Nothing left of near sessions, blocks or half-open connections."""
    metrics = lab.metrics()
    blocks = metrics['weir_blocks{worker="0",state="total"}'] - metrics['weir_blocks{worker="0",state="free"}']
    sessions = metrics['weir_smtp_sessions{worker="0",side="near"}']
    live = metrics['weir_tcp_connections{worker="0",port="wire0",state="live"}']
    nexts = metrics['weir_smtp_sessions{worker="0",side="next"}']
    return sessions == 0 and blocks == 0 and live <= nexts, (sessions, blocks, live, nexts)


def wait_settled(lab):
    end = time.monotonic() + SETTLE_SECONDS
    while not settled(lab)[0] and time.monotonic() < end:
        time.sleep(0.2)
    good, have = settled(lab)
    check(good, f"left after {SETTLE_SECONDS} s: sessions, blocks, connections, next ones: {have}")


def drops(lab):
    return sum(value for name, value in lab.metrics().items() if "weir_tcp_drops_total" in name)


def body(lab, cases):
    """Mail goes on under attack."""
    lab.start_postfix(near=False)
    lab.start_weir()
    foe.prepare(lab)
    for number, (sentence, attack) in enumerate(foe.ATTACKS):
        with cases.case(sentence):
            before = drops(lab)
            served, failed, dead = during(lab, number, attack)
            print(f"     served {served}, not {len(failed)}; {drops(lab) - before:.0f} segments dropped and counted")
            check(served + len(failed) >= TRIES_LEAST, f"only {served + len(failed)} messages were tried")
            check(served >= SERVED_LEAST * (served + len(failed)), f"not served: {failed[:3]}")
            check(not dead, f"{len(dead)} of {OPEN} open connections died: {dead[:2]}")
    with cases.case("the SYN floods were met with cookies"):
        given = lab.metrics()['weir_tcp_syn_cookies_total{worker="0",port="wire0",what="given"}']
        check(given > 0, "none was given")
    with cases.case("nothing is left of all that: no session, no block, no half-open connection"):
        wait_settled(lab)
    with cases.case("weir is still running, and ends when it is told to"):
        check(lab.weir_running() and lab.stop_weir() == 0, "it does not")


if __name__ == "__main__":
    run(Cases("e2e_attack"), body)
