#!/usr/bin/env python3
"""The same mail over other kinds of port: AF_XDP, with the kernel's copy and as it comes.

e2e_postfix and its company run on AF_PACKET, the traffic runs on memif; here weir takes the same veth
through an AF_XDP socket, and mail crosses it with TLS on both hops.
"""
import collections

import weir_config
from cases import Cases, check
from delivered import Delivered
from lab import run
from network import call_inside

DEVICES = ("net_af_xdp0,iface=weir0", "net_af_xdp0,iface=weir0,force_copy=1")
MESSAGES = 10
BODY_LINES = 1500  # about 100 KiB: windows, and segments in both directions
DELIVERY_SECONDS = 20


def recipients(device):
    return [f"port{device}-{number}@example.test" for number in range(MESSAGES)]


def settings(device):
    changed = weir_config.settings()
    changed["ports"] = ({**changed["ports"][0], "device": device},)
    return changed


def body(lab, cases):
    """AF_XDP carries mail as AF_PACKET does."""
    lab.start_postfix(near=False)
    for number, device in enumerate(DEVICES):
        with cases.case(f"{device}: {MESSAGES} messages of 100 KiB are acknowledged"):
            lab.start_weir(settings(device))
            call_inside("near", lab.send_each, recipients(number), BODY_LINES)
        with cases.case(f"{device}: weir ends when it is told to"):
            check(lab.stop_weir() == 0, "it does not")
    with cases.case("each message arrived once"):
        wanted = [recipient for device in range(len(DEVICES)) for recipient in recipients(device)]
        lab.next.mailbox_wait(len(wanted), DELIVERY_SECONDS)
        have = collections.Counter(Delivered(data).recipient for data in lab.next.mailbox())
        check(have == collections.Counter(wanted), f"there is {dict(have)}")


if __name__ == "__main__":
    run(Cases("e2e_ports"), body)
