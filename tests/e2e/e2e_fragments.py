#!/usr/bin/env python3
"""Fragments of the kernel's making: pings over a route that is too narrow for them are answered.

The kernel of the sender cuts each echo request; weir puts it together (tcp.fragments) and answers with a packet that
needs no cutting. Without the setting the same pings must get no answer. Over IPv6 only: where a port is a
net_af_packet device the kernel puts IPv4 fragments together before DPDK sees them.
"""
import weir_config
from cases import Cases, check
from lab import run
from network import WEIR6, inside, sh

PINGS = 5


def narrow():
    sh(*inside("near", "ip", "-6", "route", "add", f"{WEIR6}/128", "dev", "eth0", "mtu", "1280"))


def pinged(seconds):
    """Answers to PINGS echo requests of 1,408 bytes."""
    text = sh(*inside("near", "ping", "-M", "dont", "-c", str(PINGS), "-i", "0.05", "-W", str(seconds),
                      "-s", "1400", WEIR6), check=False)
    rows = [line for line in text.splitlines() if "packets transmitted" in line]
    check(len(rows) == 1, text)
    return int(rows[0].split(",")[1].split()[0])


def total(lab, name, reason=None):
    return sum(value for row, value in lab.metrics().items()
               if row.startswith(name) and (reason is None or f'reason="{reason}"' in row))


def body(lab, cases):
    narrow()
    lab.start_weir(weir_config.settings(), smtp=False)
    with cases.case("where nothing is said fragments are dropped and counted"):
        check(pinged(1) == 0, "a ping in pieces was answered")
        dropped = total(lab, "weir_tcp_drops_total", "ip_fragment")
        check(dropped == 2 * PINGS, f"{dropped} fragments were counted")
    lab.stop_weir()
    settings = weir_config.settings()
    settings["tcp"] = {"fragments": "reassemble"}
    lab.start_weir(settings, smtp=False)
    with cases.case("with tcp.fragments = reassemble pings in pieces are answered"):
        answers = pinged(5)
        check(answers == PINGS, f"{answers} of {PINGS} answers")
        whole = total(lab, "weir_tcp_reassembled_total")
        check(whole == PINGS, f"{whole} datagrams were put together")


if __name__ == "__main__":
    run(Cases("e2e_fragments"), body)
