#!/usr/bin/env python3
"""The exception path: on weir's port the kernel has addresses too, behind the tap `kern0`.

weir0 carries both hosts; its own kernel side is deaf (Network gives it no address, and here it answers no
ARP and takes no packet), so that whatever the kernel hears or says goes through weir. Ping and HTTP to
the kernel's addresses work, those of weir stay weir's, mail flows meanwhile, and a flood at the kernel
is cut to the rate without hurting mail.
"""
import functools
import http.server
import os
import socket
import threading
import time
import urllib.request

import weir_config
from cases import Cases, check
from lab import run
from network import NEAR, WEIR, WEIR6, call_inside, inside, sh

KERNEL, KERNEL6, HTTP_PORT = "198.18.0.3", "2001:2:0:1::3", 8080
RATE = 2000
FLOOD_SECONDS, FLOODERS = 6, 2
MESSAGES = 40
FILE_BYTES = 1 << 20
BODY_LINES = 700
FETCHES = 8  # connections of each family, of which the hash gives each worker some


def deafen():
    """The kernel under af_packet gets each frame as well, and must not act on it."""
    sh("sysctl", "-qw", "net.ipv4.conf.weir0.arp_ignore=8", "net.ipv4.conf.weir0.rp_filter=1",
       "net.ipv4.conf.weir0.arp_announce=2")


def settings(rate):
    s = weir_config.settings()
    s["ports"] = ({**s["ports"][0], "exception": {"interface": "kern0", "rate": rate}},)
    return s


def give_addresses():
    sh("sysctl", "-qw", "net.ipv6.conf.kern0.accept_dad=0")
    sh("ip", "addr", "add", KERNEL + "/24", "dev", "kern0")
    sh("ip", "addr", "add", KERNEL6 + "/64", "dev", "kern0", "nodad")


def ping(namespace, address, count=5):
    text = sh(*(inside(namespace) if namespace else []), "ping", "-c", str(count), "-i", "0.1", "-W", "2",
              address, check=False)
    check(f" {count} received" in text, text)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(lab, family, address):
    """An HTTP server of the kernel's, over the lab's folder."""
    class Server(http.server.ThreadingHTTPServer):
        address_family = family
    server = Server((address, HTTP_PORT), functools.partial(Quiet, directory=lab.home))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lab.stack.callback(server.shutdown)


def fetch(host):
    with urllib.request.urlopen(f"http://{host}:{HTTP_PORT}/file", timeout=20) as answer:
        return answer.read()


def recipients(name):
    return [f"{name}{number}@example.test" for number in range(MESSAGES)]


def flood(seconds):
    """Datagrams for the kernel's address, as fast as one thread can."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for _ in range(100):
            try:
                s.sendto(b"x" * 64, (KERNEL, 9))
                sent += 1
            except OSError:
                pass
    return sent


def frames(lab, direction, outcome, queue=0):
    return lab.metrics()[f'weir_exception_frames_total{{port="wire0",queue="{queue}",direction="{direction}",'
                         f'outcome="{outcome}"}}']


def flooded(lab, cases):
    """Datagrams for the kernel as fast as they go, and mail meanwhile."""
    with cases.case("a flood at the kernel is cut to the rate, and mail does not mind"):
        passed, limited = frames(lab, "in", "passed"), frames(lab, "in", "limited")
        start = time.monotonic()
        flooders = [threading.Thread(target=call_inside, args=("near", flood, FLOOD_SECONDS))
                    for _ in range(FLOODERS)]
        for thread in flooders:
            thread.start()
        slowest = call_inside("near", lab.send_each, recipients("storm"), BODY_LINES)
        mail_seconds = time.monotonic() - start
        for thread in flooders:
            thread.join()
        seconds = time.monotonic() - start
        passed, limited = frames(lab, "in", "passed") - passed, frames(lab, "in", "limited") - limited
        print(f"     passed {passed:.0f}, limited {limited:.0f} in {seconds:.1f} s; {MESSAGES} messages in "
              f"{mail_seconds:.1f} s, the slowest took {slowest:.2f} s")
        check(limited > 5 * passed, f"only {limited} were cut")
        check(passed < RATE * (seconds + 0.5), f"{passed} passed in {seconds:.1f} s")
        check(slowest < 5, f"a message took {slowest:.1f} s")


def two_workers(lab, cases, wanted):
    """The kernel under af_packet spreads frames over both; the first has the tap."""
    s = settings(RATE * 5)
    s["ports"] = ({**s["ports"][0], "device": "net_af_packet0,iface=weir0,qpairs=2"},)
    s["workers"] = {"lcores": "0,1", "idle": "adaptive"}
    with cases.case("with two workers the second hands over to the first what is the kernel's"):
        lab.start_weir(s, smtp=False)
        give_addresses()
        for address in (KERNEL, WEIR, KERNEL6, WEIR6):
            ping("near", address)
        for host in FETCHES * (KERNEL, f"[{KERNEL6}]"):
            check(call_inside("near", fetch, host) == wanted, "another file")
        call_inside("near", lab.send_each, recipients("two"), BODY_LINES)
        handed = frames(lab, "in", "handed", queue=1)
        check(handed > 100, f"{handed} were handed over")
        check(frames(lab, "in", "passed") > handed, "not all of them arrived")
        check(frames(lab, "in", "passed", queue=1) == 0, "the second wrote to the tap itself")
    with cases.case("two workers end when they are told to"):
        check(lab.stop_weir() == 0, "they do not")


def body(lab, cases):
    """Two hosts on one cable."""
    deafen()
    lab.start_postfix(near=False)
    with open(os.path.join(lab.home, "file"), "wb") as file:
        file.write(os.urandom(FILE_BYTES))
    with cases.case("weir starts, and makes the kernel's interface with the port's MAC"):
        lab.start_weir(settings(RATE))
        give_addresses()
        macs = [sh("cat", f"/sys/class/net/{name}/address") for name in ("weir0", "kern0")]
        check(macs[0] == macs[1], f"{macs}")
    with cases.case("near pings the kernel and weir, over both families"):
        for address in (KERNEL, WEIR, KERNEL6, WEIR6):
            ping("near", address)
    with cases.case("the kernel pings near"):
        ping(None, NEAR)
    serve(lab, socket.AF_INET, KERNEL)
    serve(lab, socket.AF_INET6, KERNEL6)
    with open(os.path.join(lab.home, "file"), "rb") as file:
        wanted = file.read()
    for host in (KERNEL, f"[{KERNEL6}]"):
        with cases.case(f"1 MiB over TCP from the kernel's {host} arrives unchanged"):
            before = frames(lab, "in", "passed"), frames(lab, "out", "passed")
            check(call_inside("near", fetch, host) == wanted, "it is another")
            check(frames(lab, "in", "passed") > before[0], "nothing came by the exception path")
            check(frames(lab, "out", "passed") - before[1] > FILE_BYTES / 1500, "it went another way")
    with cases.case("mail goes its way"):
        call_inside("near", lab.send_each, recipients("calm"), BODY_LINES)
    with cases.case("the kernel cannot speak in weir's name"):
        before = frames(lab, "out", "our_address")
        sh("python3", "-c", f"from scapy.all import *; sendp(Ether(dst='ff:ff:ff:ff:ff:ff')/ARP(op=2, psrc='{WEIR}', "
           f"pdst='{WEIR}'), iface='kern0', count=3, verbose=0)")
        stopped = frames(lab, "out", "our_address") - before
        check(stopped == 3, f"{stopped} frames were stopped")
    flooded(lab, cases)
    with cases.case("afterwards the kernel is reached as before"):
        ping("near", KERNEL)
    with cases.case("every message arrived"):
        lab.next.mailbox_wait(2 * MESSAGES, 20)
    with cases.case("weir ends when it is told to, and takes the interface with it"):
        check(lab.stop_weir() == 0, "it does not")
        check("kern0" not in sh("ip", "link"), "kern0 is still there")
    two_workers(lab, cases, wanted)
    with cases.case("the messages of two workers arrived as well"):
        lab.next.mailbox_wait(3 * MESSAGES, 20)


if __name__ == "__main__":
    run(Cases("e2e_exception"), body)
