#!/usr/bin/env python3
"""DPDK's own dumpcap attaches to a running weir and captures frames, while mail goes on.

dpdk-dumpcap is a secondary process: it maps weir's memory and asks weir's workers for copies. It comes, captures a
dialogue in both directions, and goes; weir serves before, meanwhile and after.
"""
import os
import signal
import struct
import subprocess
import time

import weir_config
from cases import Cases, check
from lab import run
from network import NEAR, WEIR, call_inside, inside, sh

MESSAGES = 5
BODY_LINES = 100
ATTACH_SECONDS = 20


def settings():
    s = weir_config.settings()
    s["ports"] = ({**s["ports"][0], "exception": {"interface": "kern0"}},)
    return {**s, "dpdk": {"secondary": "on"}}


def recipients(name):
    return [f"{name}{number}@example.test" for number in range(MESSAGES)]


def dumpcap(*arguments):
    return ["dpdk-dumpcap", "--file-prefix=weir", *arguments]


def captured(path):
    """The frames of a pcap file."""
    with open(path, "rb") as file:
        data = file.read()
    check(struct.unpack("=I", data[:4])[0] in (0xa1b2c3d4, 0xa1b23c4d), "it is no pcap file")
    frames, at = [], 24
    while at + 16 <= len(data):
        kept = struct.unpack("=I", data[at + 8:at + 12])[0]
        frames.append(data[at + 16:at + 16 + kept])
        at += 16 + kept
    return frames


def tcp_ports(frames):
    """(source, destination) of the IPv4 TCP frames without options in their IP header."""
    return [struct.unpack(">HH", frame[34:38]) for frame in frames if frame[12:15] == b"\x08\x00\x45"
            and frame[23] == 6]


def capture(lab, device, path, work):
    """Runs WORK while a dumpcap is attached to a device, and ends that."""
    with open(os.path.join(lab.home, "dumpcap.out"), "w+", encoding="utf-8") as out:
        process = subprocess.Popen(dumpcap("-P", "-i", device, "-w", path), cwd=lab.home, stdout=out,
                                   stderr=out, stdin=subprocess.DEVNULL)
        end = time.monotonic() + ATTACH_SECONDS
        while not os.path.exists(path) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(1)  # its file is there before it is heard by the worker
        work()
        time.sleep(1)  # it empties its ring now and then
        process.send_signal(signal.SIGINT)
        status = process.wait(20)
        out.seek(0)
        check(status == 0, f"dpdk-dumpcap ended with {status}:\n{out.read()}")


def body(lab, cases):
    """Frames are captured at a running weir."""
    lab.start_postfix(near=False)
    with cases.case("weir starts with memory that others may attach to"):
        lab.start_weir(settings())
        call_inside("near", lab.send_each, recipients("before"), BODY_LINES)
    with cases.case("dpdk-dumpcap finds its port"):
        text = sh(*dumpcap("-D"))
        check("net_af_packet0" in text and "net_tap_exception0" in text, text)
    for turn in (1, 2):
        path = os.path.join(lab.home, f"{turn}.pcap")
        with cases.case(f"it captures mail both ways, time {turn}"):
            capture(lab, "net_af_packet0", path, lambda name=f"turn{turn}-": call_inside(
                "near", lab.send_each, recipients(name), BODY_LINES))
            ports = tcp_ports(captured(path))
            check(sum(to == 25 for _, to in ports) > 10 * MESSAGES, f"{len(ports)} segments, few to port 25")
            check(sum(of == 25 for of, _ in ports) > 10 * MESSAGES, f"{len(ports)} segments, few from port 25")
    path = os.path.join(lab.home, "kernel.pcap")
    with cases.case("it captures what goes between weir and the kernel"):
        sh("sysctl", "-qw", "net.ipv4.conf.weir0.arp_ignore=8", "net.ipv4.conf.weir0.rp_filter=1")
        sh("ip", "addr", "add", "198.18.0.3/24", "dev", "kern0")
        capture(lab, "net_tap_exception0", path, lambda: sh("ping", "-c", "5", "-i", "0.1", "-W", "2", NEAR))
        kinds = [frame[34] for frame in captured(path) if frame[12:14] == b"\x08\x00" and frame[23] == 1]
        check(kinds.count(8) == kinds.count(0) == 5, f"ICMP of types {kinds}")
    with cases.case("weir goes on after it"):
        call_inside("near", lab.send_each, recipients("after"), BODY_LINES)
        check(" 3 received" in sh(*inside("near"), "ping", "-c", "3", "-i", "0.2", WEIR), "no ping")
    with cases.case("every message arrived"):
        lab.next.mailbox_wait(4 * MESSAGES, 20)
    with cases.case("a weir that was killed leaves nothing that keeps the next from starting"):
        lab.weir.kill()
        lab.weir.wait()
        lab.weir = None
        lab.start_weir(settings())
        call_inside("near", lab.send_each, recipients("again"), BODY_LINES)
    with cases.case("weir ends when it is told to"):
        check(lab.stop_weir() == 0, "it does not")
    with cases.case("nobody can attach where the settings do not say so"):
        lab.start_weir()
        done = subprocess.run(dumpcap("-D"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)
        check(done.returncode != 0 and "net_af_packet0" not in done.stdout, done.stdout)


if __name__ == "__main__":
    run(Cases("e2e_capture"), body)
