"""The traffic half of the demonstration: weir and the generator on two ends of a net_memif.

weir is the server of the memif socket, the generator the client with senders and sinks of its own.
The generator shows its progress itself, and writes a report of what became of every message; this
file knows its command line and its report, nobody else does.
"""
import json
import os
import subprocess

GENERATOR = "build/bench/gen/weir-gen"
WEIR, WEIR6 = "198.19.0.2", "2001:2:0:2::2"
SINK, SINK6 = "198.19.0.1", "2001:2:0:2::1"
SINK_PORT = 2525
SECONDS_MAX = 600


def settings(base, socket, limits=None):
    """weir's configuration for the traffic: BASE (that of the real mail) on a memif port, with
    some LIMITS of its own."""
    return {
        **base,
        "ports": ({
            "name": "wire0", "device": f"net_memif0,role=server,socket={socket},socket-abstract=no",
            "addresses": [f"{WEIR}/24", f"{WEIR6}/64"], "gateways": [SINK, SINK6], "mtu": 1500,
        },),
        "listeners": ({"name": "inbound", "address": WEIR, "port": 25, "tls": "offer",
                       "certificate": "mx"},),
        "routes": ({"domains": ["example.test"], "next": [f"{SINK}:{SINK_PORT}"]},),
        "limits": {**base["limits"], **(limits or {})},
        "tls": {"trust": "ca.crt",
                "next": ({"domains": ["*"], "level": "verify", "minimum": "TLSv1.3",
                          "on_failure": "defer"},),
                "near": ()},
    }


def command(home, socket, messages, rate, report):
    """The generator's command line."""
    return [
        GENERATOR, "--device", f"net_memif0,role=client,socket={socket},socket-abstract=no",
        "--lcores", str(min(os.sched_getaffinity(0))),
        "--target", f"{WEIR}:25", "--sink", f"{SINK}:{SINK_PORT}", "--domain", "example.test",
        "--tls", "starttls", "--trust", f"{home}/ca.crt", "--server-name", "mx.weir.test",
        "--chain", f"{home}/next.crt", "--key", f"{home}/next.key",
        "--messages", str(messages), "--json", report,
        *(("--rate", str(rate), "--poisson", "--connections", "1000") if rate else
          ("--connections", "64")),
    ]


def run(home, socket, messages, rate, shown=True):
    """Runs the generator to its end; returns its report. Its output goes to the terminal, or with
    `shown` false to a file."""
    if not os.access(GENERATOR, os.X_OK):
        raise RuntimeError(f"{GENERATOR} is missing: build it first with ./dev build")
    report = os.path.join(home, "traffic.json")
    words = command(home, socket, messages, rate, report)
    if shown:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX)
    else:
        with open(os.path.join(home, "traffic.out"), "wb") as output:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                  timeout=SECONDS_MAX)
    if not os.path.exists(report):
        raise RuntimeError(f"the generator ended with status {done.returncode} and left no report")
    with open(report, encoding="utf-8") as file:
        return totals(json.load(file), done.returncode)


def totals(report, status):
    """The generator's report in the words of the demonstration's table."""
    return {
        "status": status,
        "acknowledged": report["acknowledged"],
        "delivered": report["delivered"],
        "lost": report["lost"],
        "duplicated": report["duplicated"],
        "corrupted": report["corrupted"],
        "unaccounted": sum(report.get(key, 0) for key in
                           ("unanswered", "unfinished", "contradicted", "unknown")),
        "refusals": {f"{reason['code']} {reason['text']}": reason["count"]
                     for reason in report.get("reasons", ())},
        "messages_per_second": report["messages_per_second"],
    }
