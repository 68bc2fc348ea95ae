#!/usr/bin/env python3
"""Two workers on a two-queue port: each connection's frames come to the worker that has it.

Over net_memif, with the generator at the other end: the device keeps a flow on its queue pair, so not
one frame may have to be handed from one worker to the other, and both workers must carry mail on both
hops. Over net_tap, with stock Postfix: the kernel leads a flow back to the queue that it was sent on, but
for the first answer, which may be faster than its note.
Over net_af_packet: the kernel spreads frames by a hash that nobody can read, so that about half of the
answers of next hops come to the wrong worker, and are handed over and counted.
"""
import collections
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import demo_traffic
import weir_config
from cases import Cases, check
from delivered import Delivered
from lab import run
from network import call_inside

MESSAGES = 1500
CONNECTIONS = 32
MAILS = 40  # by Postfix's hop
BODY_LINES = 300
DELIVERY_SECONDS = 20


def traffic(lab, socket):
    report = os.path.join(lab.home, "workers.json")
    command = demo_traffic.command(lab.home, socket, MESSAGES, None, report)
    command += ["--lcores", "0-1", "--connections", str(CONNECTIONS), "--resume", "--quiet"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=150, text=True)
    check(done.returncode == 0, f"the generator ended with {done.returncode}:\n{done.stdout}")
    with open(report, encoding="utf-8") as file:
        return demo_traffic.totals(json.load(file), done.returncode)


def of_worker(metrics, name, worker):
    return sum(value for row, value in metrics.items()
               if row.startswith(name + "{") and f'worker="{worker}"' in row)


def handed(metrics):
    """Frames of connections that another worker has; news of a neighbour is for all of them."""
    rows = [row for row in metrics if row.startswith("weir_nic_handed_total") and
            'what="connection"' in row]
    check(len(rows) == 2, f"two queues have {len(rows)} counters of frames handed over")
    return sum(metrics[row] for row in rows)


def over_memif(lab, cases):
    socket = os.path.join(lab.home, "memif.sock")
    settings = demo_traffic.settings(weir_config.settings(), socket)
    settings["workers"] = {"lcores": "0,1", "idle": "adaptive"}
    with cases.case("two workers start on two queues"):
        lab.start_weir(settings, smtp=False)
    with cases.case("every message is acknowledged and delivered once, unchanged"):
        totals = traffic(lab, socket)
        check(totals["acknowledged"] == totals["delivered"] == MESSAGES, str(totals))
        check(not any(totals[key] for key in ("lost", "duplicated", "corrupted", "unaccounted")),
              str(totals))
    metrics = lab.metrics()
    with cases.case("both workers carried mail on both hops"):
        both_carried(metrics)
    with cases.case("no frame had to change its worker"):
        check(handed(metrics) == 0, f"{handed(metrics)} frames were handed over")
    with cases.case("near sessions are resumed, whichever worker issued the ticket"):
        resumed = sum(value for row, value in metrics.items()
                      if row.startswith("weir_tls_sessions_resumed_total"))
        check(resumed > 0, f"{resumed} sessions were resumed")


def both_carried(metrics):
    for worker in (0, 1):
        for name in ("weir_relay_delivered_total", "weir_relay_next_opened_total"):
            value = of_worker(metrics, name, worker)
            check(value > 0, f"{name} of worker {worker} is {value}")


def recipients(kind):
    return [f"{kind}{number}@example.test" for number in range(MAILS)]


def start(lab, device):
    settings = weir_config.settings()
    settings["ports"] = ({**settings["ports"][0], "device": device},)
    settings["workers"] = {"lcores": "0,1", "idle": "adaptive"}
    settings.setdefault("limits", {})["next_messages_max"] = 1  # each message opens a connection
    lab.start_weir(settings, smtp=False)


def over_tap(lab, cases):
    with cases.case("net_tap: both workers carry mail, and first answers at most change their worker"):
        start(lab, "net_tap0,iface=wtap0")
        lab.network.plug("wtap0")
        call_inside("near", lab.send_each, recipients("tap"), BODY_LINES)
        metrics = lab.metrics()
        both_carried(metrics)
        # The kernel may answer weir's first frame before it has noted its queue.
        opened = sum(of_worker(metrics, "weir_relay_next_opened_total", worker) for worker in (0, 1))
        check(handed(metrics) <= opened, f"{handed(metrics)} frames of {opened} connections were handed over")
        check(lab.stop_weir() == 0, "weir does not end when it is told to")


def over_packet(lab, cases):
    with cases.case("net_af_packet: frames of a hash that nobody can read are handed over"):
        start(lab, "net_af_packet0,iface=weir0,qpairs=2")
        call_inside("near", lab.send_each, recipients("packet"), BODY_LINES)
        metrics = lab.metrics()
        both_carried(metrics)
        check(handed(metrics) > 0, "no frame was handed over")
        resets = sum(value for row, value in metrics.items()
                     if row.startswith("weir_tcp_resets_total") and 'direction="out"' in row)
        check(resets == 0, f"weir sent {resets} resets")
        check(lab.stop_weir() == 0, "weir does not end when it is told to")


def body(lab, cases):
    over_memif(lab, cases)
    lab.stop_weir()
    lab.start_postfix(near=False)
    over_tap(lab, cases)
    over_packet(lab, cases)
    with cases.case("each message arrived once"):
        wanted = recipients("tap") + recipients("packet")
        lab.next.mailbox_wait(len(wanted), DELIVERY_SECONDS)
        have = collections.Counter(Delivered(data).recipient for data in lab.next.mailbox())
        check(have == collections.Counter(wanted), f"there is {dict(have)}")


if __name__ == "__main__":
    run(Cases("e2e_workers"), body)
