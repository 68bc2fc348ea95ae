#!/usr/bin/env python3
"""Two workers on a two-queue port: each next connection returns to the worker that opened it.

weir and the generator stand on two ends of a net_memif with two queue pairs, each side with two
workers. The device keeps a flow on its queue pair, so not one frame may have to be handed from one
worker to the other, and both workers must carry mail on both hops.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import demo_traffic
import weir_config
from cases import Cases, check
from lab import run

MESSAGES = 1500
CONNECTIONS = 32


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


def body(lab, cases):
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
        for worker in (0, 1):
            for name in ("weir_relay_delivered_total", "weir_relay_next_opened_total"):
                value = of_worker(metrics, name, worker)
                check(value > 0, f"{name} of worker {worker} is {value}")
    with cases.case("no frame had to change its worker"):
        check(handed(metrics) == 0, f"{handed(metrics)} frames were handed over")
    with cases.case("near sessions are resumed, whichever worker issued the ticket"):
        resumed = sum(value for row, value in metrics.items()
                      if row.startswith("weir_tls_sessions_resumed_total"))
        check(resumed > 0, f"{resumed} sessions were resumed")


if __name__ == "__main__":
    run(Cases("e2e_workers"), body)
