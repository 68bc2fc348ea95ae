#!/usr/bin/env python3
"""Mail over network cards, as far as that goes without owning one: weir in a virtual machine whose cards QEMU emulates.

The network is that of the other tests, but where weir's veth is else there is the tap of the machine's card (machine.py), with
stock Postfix near and next. igb has two queues for two workers, RSS, and checksums and segments made by the device, on a cable
that knows no offload; vmxnet3 carries the same mail there with one worker. virtio has two queues, a host that finishes its
checksums, and a hash that nobody can read; its peers leave cutting to whom it may concern, and their frames of several segments
come in as they are, as from a card that joins (LRO). Part of ./dev nic, not of ./dev test: it needs QEMU and a kernel.
"""
import argparse
import os
import subprocess
import sys
import time

import machine
import weir_config
from cases import Cases, check
from delivered import Delivered
from e2e_postfix import account, sort_out, tls_missing
from e2e_workers import both_carried, handed
from lab import PROGRAM, Lab
from network import WEIR, WEIR6, call_inside, inside, sh
from postfix import Postfix
from smtp_client import Client

TAP = "nic0"
FROM_WEIR = f"ether src {machine.MAC}"
# How many workers, what QEMU calls it, its cable.
CARDS = {"igb": (2, "igb", machine.PLAIN), "vmxnet3": (1, "vmxnet3", machine.PLAIN),
         "virtio": (2, "virtio-net-pci,disable-legacy=on,iommu_platform=on,mq=on,vectors=6", machine.WITH_QUEUES)}
LARGE = ("virtio",)  # whose hosts pass frames of several segments on
DOMAINS = ("example.test", "six.test")
MESSAGES = 16
BODY_LINES = 1500  # about 100 KiB
DELIVERY_SECONDS = 240  # a handshake may take a second in there
RESENT_PERCENT_MAX = 2
FRAME_BYTES_MAX = 1514
LIES = 5  # of each kind
LOOSE_NEAR = "smtp_connection_cache_on_demand = no\n"  # each message comes on a connection of its own


class NicLab(Lab):
    """A laboratory whose weir is inside a machine."""

    machine = None

    def start_machine(self, name):
        workers, card, cable = CARDS[name]
        weir_config.write(os.path.join(self.home, "weir.conf"), settings(workers))
        machine.initramfs(f"{self.home}/initramfs", PROGRAM,
                          [f"{self.home}/{file}" for file in ("weir.conf", "mx.crt", "mx.key", "ca.crt")])
        self.machine = machine.Machine(self.home, card, TAP, cable)
        self.machine.start()
        self.plug_in()
        self.machine.answer(machine.BOOT_SECONDS)
        end = time.monotonic() + machine.BOOT_SECONDS
        while not self.weir_answers(smtp=True):
            check(self.machine.running(), "the machine is gone")
            check(time.monotonic() < end, "weir does not answer")
            time.sleep(0.5)

    def plug_in(self):
        end = time.monotonic() + machine.ANSWER_SECONDS
        while TAP not in sh("ip", "-o", "link"):
            check(self.machine.running() and time.monotonic() < end, "there is no tap: " + self.tail("qemu.out"))
            time.sleep(0.1)
        self.network.plug(TAP)

    def metrics_text(self):
        text, status = self.machine.ask("metrics")
        if status == 99:
            raise RuntimeError("weir is gone:\n" + self.tail("weir.out"))
        if status != 0:
            raise OSError("the endpoint does not answer")
        return text

    def stop_weir(self):
        if self.machine is None:
            return None
        ended, self.machine = self.machine, None
        return ended.stop()

    def weir_running(self):
        return self.machine is not None and self.machine.running()


def settings(workers):
    changed = weir_config.settings()
    changed["ports"] = ({**changed["ports"][0], "device": machine.ADDRESS},)
    changed["workers"] = {"lcores": ",".join(str(lcore) for lcore in range(workers)), "idle": "adaptive"}
    changed["limits"] = {**changed["limits"], "connections_max": 2000, "next_messages_max": 1}
    return changed


def mail_for(name):
    """recipient -> (name, message), as e2e_postfix has it; every other one goes on over IPv6."""
    head = b"From: <s@near.test>\r\nSubject: nic\r\n\r\n"
    return {f"{name}{number}@{DOMAINS[number % len(DOMAINS)]}":
            (str(number), head + b"".join(b"%5d %s\r\n" % (line, b"x" * 64) for line in range(BODY_LINES)))
            for number in range(MESSAGES)}


def inject(mail):
    with Client("127.0.0.1", 25) as client:
        for recipient, (_, message) in mail.items():
            client.send("s@near.test", [recipient], message)
        client.quit()


def peers_cut(cut):
    """Whether the peers cut their segments, as for any cable, or leave that to whom it may concern."""
    states = ("off", "on")
    for peer in ("near", "next"):
        sh(*inside(peer), "ethtool", "-K", "eth0",
           *(word for feature in ("tx", "sg", "tso", "gso") for word in (feature, states[not cut])))


class Cable:
    """What passes between weir and its peers while the `with` lasts, seen where the bridge hands it to them or takes it from
    them, and what their kernels counted meanwhile."""

    def __init__(self, lab):
        self.files = {link: f"{lab.home}/{link}.pcap" for link in ("to_near", "to_next")}

    def __enter__(self):
        self.before = peers_read()
        self.processes = [subprocess.Popen([*inside("lan"), "tcpdump", "-i", link, "-U", "-B", "65536", "-w", file,
                                            "tcp"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL) for link, file in self.files.items()]
        time.sleep(1)
        return self

    def __exit__(self, *_):
        time.sleep(1)
        for process in self.processes:
            process.terminate()
            process.wait(10)
        self.counted = {name: value - self.before.get(name, 0) for name, value in peers_read().items()}

    def frames(self, what, *options):
        return [line for file in self.files.values()
                for line in subprocess.run(["tcpdump", "-nn", *options, "-r", file, what], check=True,
                                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                           stderr=subprocess.DEVNULL, text=True, timeout=120).stdout.splitlines()]


def peers_read():
    """(peer, counter) -> value: what the kernels of near and next found wrong, and how much they sent again."""
    counters = {}
    for peer in ("near", "next"):
        text = sh(*inside(peer, "cat", "/proc/net/snmp", "/proc/net/netstat"))
        rows = [line.split() for line in text.splitlines()]
        for names, values in zip(rows[::2], rows[1::2]):
            counters.update({(peer, names[0] + name): int(value) for name, value in zip(names[1:], values[1:])})
    return counters


def summed(metrics, name):
    return sum(value for row, value in metrics.items() if row.startswith(name))


def starts(lab, name):
    try:
        lab.start_machine(name)
    except Exception:
        lab.stop_weir()
        raise
    lines = [line for line in lab.tail("weir.out", 1000).splitlines() if line.startswith("weir: port")]
    print("\n".join("     " + line for line in lines))
    check(len(lines) == 1, "it does not say what its port is like")
    if name == "igb":
        for words in ("net_e1000_igb", "2 queue pairs", "steering by hash", "checksums rx by device tx by device",
                      "segments cut by device"):
            check(words in lines[0], f"it does not say: {words}")


def carries(lab, name):
    mail = mail_for(name)
    call_inside("near", inject, mail)
    have = lab.next.mailbox_count()
    lab.next.mailbox_wait(have + len(mail), DELIVERY_SECONDS, alive=lab.weir_running)
    found = {recipient: all_delivered for recipient, all_delivered in sort_out(lab.next).items()
             if recipient.startswith(name)}
    lost, duplicated, different, strange = account(mail, found)
    check(not lost, f"{len(lost)} are missing: {lost[:5]}")
    check(not (duplicated or different or strange), f"{duplicated} {different} {strange}")
    faults = tls_missing(lab, mail, found)
    check(not faults, str(faults[:3]))


def cable_clean(cable, metrics, card):
    """Both peers and tcpdump judge each checksum; weir's own count of what it sent again is as low as on any cable."""
    for (peer, name), value in cable.counted.items():
        check("CsumErrors" not in name or value == 0, f"{peer} counted {value} {name}")
    wrong = [line for line in cable.frames(FROM_WEIR, "-vv") if "incorrect" in line or "bad cksum" in line]
    check(not wrong, f"tcpdump finds {len(wrong)} checksums wrong: {wrong[:2]}")
    large = cable.frames(f"greater {FRAME_BYTES_MAX + 1}" + (f" and {FROM_WEIR}" if card in LARGE else ""))
    check(not large, f"{len(large)} frames are too large for the cable: {large[:2]}")
    resent, sent = summed(metrics, "weir_tcp_retransmits_total"), len(cable.frames(FROM_WEIR))
    print(f"     {sent} frames sent, {resent:.0f} segments again; the peers sent again "
          f"{cable.counted[('near', 'Tcp:RetransSegs')]} and {cable.counted[('next', 'Tcp:RetransSegs')]}")
    check(resent * 100 <= sent * RESENT_PERCENT_MAX, f"{resent:.0f} of {sent} segments were sent again")


def device_cuts(cable, metrics):
    """Fewer frames went into the card than came out of it."""
    given = sum(value for row, value in metrics.items()
                if row.startswith("weir_nic_packets_total") and 'direction="out"' in row)
    cut = len(cable.frames(FROM_WEIR))
    print(f"     {given:.0f} frames into the device, {cut} out of it")
    check(given < cut, "no frame was cut")


def host_joined(cable, metrics):
    """Frames of several segments came in, as they were on the way."""
    passed = len(cable.frames(f"greater {FRAME_BYTES_MAX + 1}"))
    taken = summed(metrics, "weir_nic_large_total")
    print(f"     {passed} frames of several segments on the way, {taken:.0f} received")
    check(0 < taken <= passed, "that is not what passed")


def drops(metrics, reason):
    return sum(value for row, value in metrics.items()
               if row.startswith("weir_tcp_drops_total") and f'reason="{reason}"' in row)


def lie_tell(expression):
    sh(*inside("near"), "python3", "-c",
       f"from scapy.all import *; "
       f"sendp(Ether(dst='{machine.MAC}')/{expression}, iface='eth0', count={LIES}, verbose=0)")


def lies_told(lab):
    """In what a device may judge, and behind an extension header, where it may not look."""
    before = drops(lab.metrics(), "tcp_checksum")
    for headers in (f"IP(dst='{WEIR}')", f"IPv6(dst='{WEIR6}')",
                    f"IPv6(dst='{WEIR6}')/IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])"):
        lie_tell(headers + "/TCP(dport=25,chksum=0x1234)")
    counted = drops(lab.metrics(), "tcp_checksum") - before
    check(counted == 3 * LIES, f"{counted} of {3 * LIES} were counted")


def come_home(metrics, name):
    """By igb's hash all of them; the host behind virtio leads answers back to the queue that asked, but may be faster than its
    note of that."""
    opened = summed(metrics, "weir_relay_next_opened_total")
    print(f"     {handed(metrics):.0f} frames of {opened:.0f} connections were handed over")
    check(handed(metrics) <= (0 if name == "igb" else opened), "those are too many")


def card_case(lab, cases, name):
    peers_cut(name not in LARGE)
    with cases.case(f"{name}: weir starts on it and answers"):
        starts(lab, name)
    if not lab.weir_running():
        return
    with Cable(lab) as cable:
        with cases.case(f"{name}: {MESSAGES} messages of 100 KiB arrive once, unchanged, with TLS on both hops"):
            carries(lab, name)
    metrics = lab.metrics()
    with cases.case(f"{name}: what weir sent was right on the cable, and sent once"):
        cable_clean(cable, metrics, name)
    if name in LARGE:
        with cases.case(f"{name}: frames of several segments came in"):
            host_joined(cable, metrics)
    with cases.case(f"{name}: segments with wrong checksums are counted and go no further"):
        lies_told(lab)
    if name == "igb":
        with cases.case("igb: it cut frames of several segments"):
            device_cuts(cable, metrics)
    if CARDS[name][0] > 1:
        with cases.case(f"{name}: both workers carried mail on both hops"):
            both_carried(metrics)
        with cases.case(f"{name}: frames come to the worker of their connection"):
            come_home(metrics, name)
    with cases.case(f"{name}: weir ends when it is told to"):
        status = lab.stop_weir()
        check(status == 0, f"its status is {status}")


def peers_start(lab):
    lab.start_postfix(near=False)
    address, port = lab.server
    lab.near = lab.stack.enter_context(Postfix("near", lab.home, ["near.test"], {"127.0.0.1:25": []},
                                               settings=f"relayhost = [{address}]:{port}\n" + LOOSE_NEAR))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cards", nargs="*", default=list(CARDS), help=" ".join(CARDS))
    args = parser.parse_args()
    cases = Cases("e2e_nic")
    try:
        check(set(args.cards) <= set(CARDS), f"there are only {' '.join(CARDS)}")
        with NicLab() as lab:
            peers_start(lab)
            for name in args.cards:
                card_case(lab, cases, name)
                lab.stop_weir()
            if cases.failed:
                lab.logs_show()
    except Exception as error:
        cases.broken(error)
    sys.exit(cases.close())


if __name__ == "__main__":
    main()
