#!/usr/bin/env python3
"""weir-bench as anybody would use it: over kernel sockets, against a stock Postfix that relays to the
generator's own sinks; then against targets that refuse, reset, stall and babble; and its page, looked
at by a browser.
"""
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

import bad_relay
import pki
import screenshot
from cases import Cases, check
from network import NEAR, NEXT, Network, call_inside, inside
from postfix import Postfix

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(TREE, "build/bench/gen/weir-bench")
RUNS = os.path.join(TREE, "bench/runs")
SINK = f"{NEAR}:2525"


def holds(c, sentence, true, text):
    with c.case(sentence):
        check(true, text)


def bench(*arguments, namespace="near", seconds=90):
    """Exit status and output of a run."""
    done = subprocess.run(inside(namespace, BENCH, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, stdin=subprocess.DEVNULL, timeout=seconds, cwd=TREE, errors="replace")
    return done.returncode, done.stdout


def run(home, name, *arguments):
    """A scenario with its report: exit status, output, the JSON."""
    path = os.path.join(home, "run.json")
    if os.path.exists(path):
        os.unlink(path)
    status, output = bench("run", os.path.join(RUNS, f"{name}.conf"), "--json", path, "--plain", *arguments)
    with open(path, encoding="utf-8") as file:
        return status, output, json.load(file)


def postfix(home):
    """Takes mail for anybody and relays it to the sink, TLS on both hops."""
    return Postfix("next", home, ["unused.test"], {f"{NEXT}:25": []},
                   settings=f"relayhost = [{NEAR}]:2525\nsmtp_tls_CAfile =\nsmtpd_client_connection_count_limit = 0\n"
                            "smtpd_client_connection_rate_limit = 0\nsmtp_destination_concurrency_failed_cohort_limit = 0\n")


# ---- against a real mail server

def through_postfix(c, home):
    with open(os.path.join(home, "next/queue/pid/master.pid"), encoding="ascii") as file:
        master = file.read().strip()
    page = os.path.join(home, "page.html")
    status, output, found = run(home, "handshake", "-K", "-t", f"{NEXT}:25", "-k", SINK, "--duration", "6",
                                "--warmup", "1", "--connections", "8", "--linger", "8", "--process", master,
                                "--html", page, "--label", "Postfix")
    holds(c, "a run through Postfix ends with every message accounted for", found["accounted"] and status in (0, 3),
            f"status {status}\n{output}")
    holds(c, "what Postfix acknowledged arrived, once and unchanged",
            found["acknowledged"] > 50 and found["delivered"] == found["acknowledged"]
            and not any(found[key] for key in ("lost", "duplicated", "corrupted", "unknown")), output)
    holds(c, "both hops used TLS", found["tls_established"] == found["connections_opened"]
            and found["listeners"][0]["plain_mail"] == 0, output)
    holds(c, "the CPU time of Postfix's processes was counted",
            found["process"]["processes"] >= 4 and found["process"]["user_seconds"] > 0.1, output)
    holds(c, "latency was measured in every phase",
            all(found["phases"][p]["count"] > 0 for p in ("connect", "banner", "tls", "envelope", "final", "total")),
            output)
    looked_at(c, home, page)


def mixed_through_postfix(c, home):
    status, output, found = run(home, "mixed", "-K", "-t", f"{NEXT}:25", "-k", SINK, "--duration", "6", "--warmup",
                                "1", "--rate", "20", "--linger", "15", "--seed", "7")
    holds(c, "the mixture passes through Postfix unchanged: MIME, BDAT, TLS 1.2, clear",
            found["accounted"] and status in (0, 3) and found["acknowledged"] > 60, f"status {status}\n{output}")


def flood_beside_mail(c, home):
    status, output, found = run(home, "flood", "-K", "-t", f"{NEXT}:25", "-k", SINK, "--duration", "6", "--warmup", "2",
                                "--rate", "10", "--crowd", "40", "--linger", "10")
    c_held = found["crowd_held"] - found["crowd_lost"]
    holds(c, "half-open TLS handshakes are held beside the mail", status in (0, 3) and c_held >= 35,
          f"status {status}, {c_held} held\n{output}")


def syn_flood(c, home):
    path = os.path.join(home, "syn.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('name = "syn";\nduration = "4s";\nwarmup = "1s";\nload: { loop = "constant"; rate = 10; };\n'
                   'crowd: { kind = "syn"; connections = 2000; };\n')
    report = os.path.join(home, "syn.json")
    status, output = bench("run", path, "-K", "-t", f"{NEXT}:25", "-k", SINK, "--json", report, "--plain", "--linger", "10")
    with open(report, encoding="utf-8") as file:
        found = json.load(file)
    holds(c, "a flood of SYNs is sent beside the mail", status in (0, 3) and found["crowd_opened"] > 4000
          and found["acknowledged"] > 20, f"status {status}\n{output}")


def busy_once(home):
    """Two generators on a memif, polling adaptively, with enough to do that idle polls are few: what the one that sends
    counts as busy is then what the kernel says it used."""
    sock = os.path.join(home, "busy.sock")
    for name in ("busy.sock", "sinks.json", "senders.json"):
        if os.path.exists(os.path.join(home, name)):
            os.unlink(os.path.join(home, name))
    reports = [os.path.join(home, f"{side}.json") for side in ("sinks", "senders")]
    device = "net_memif0,role={},socket=" + sock + ",socket-abstract=no"
    sinks = subprocess.Popen([BENCH, "send", "--device", device.format("server"), "--lcores", "0", "--sink",
                              "198.19.0.1:2525,tls=off", "--duration", "9", "--json", reports[0], "--quiet"], cwd=TREE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not os.path.exists(sock) and time.monotonic() < end:
        time.sleep(0.05)
    done = subprocess.run([BENCH, "send", "--device", device.format("client"), "--lcores", "1", "--target", "198.19.0.1:2525",
                    "--address", "198.19.0.2/24", "--connections", "64", "-n", "0", "--size", "40K", "--mime",
                    "--duration", "5", "--warmup", "1", "--json", reports[1], "--quiet"], cwd=TREE, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    sinks.wait(60)
    if not os.path.exists(reports[1]):
        raise RuntimeError(f"the generator ended with {done.returncode} and no report\n{done.stdout}")
    with open(reports[1], encoding="utf-8") as file:
        found = json.load(file)
    return found["generator_busy_seconds"], found["generator_used_seconds"]


def busy_time(c, home):
    """Once is enough: what others do on the machine can part the two, but cannot bring them together."""
    tries = []
    while len(tries) < 3 and not any(abs(used - busy) <= 0.1 * used for busy, used in tries):
        tries.append(busy_once(home))
    holds(c, "busy time by cycles agrees with the kernel's count within 10 %, in adaptive mode",
          any(used > 0.2 and abs(used - busy) <= 0.1 * used for busy, used in tries), f"busy and used seconds: {tries}")


def looked_at(c, home, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    holds(c, "the page needs nothing from anywhere",
            not any(word in text for word in ("http://", "https://", "<script", "<link", "url(")), page)
    picture = os.path.join(home, "page.png")
    fault = screenshot.take(page, picture)
    holds(c, "a browser shows the page", fault is None, fault)
    if fault is None:
        faults = screenshot.faults(picture)
        holds(c, "its picture has plots, text and no empty stretch", not faults, "\n".join(faults))


# ---- against bad ones

def serve(port, answer):
    """A server in `next` that gives every connection to ANSWER; returns how to stop it."""
    opened = threading.Event()
    stop = threading.Event()

    def body():
        with open("/run/netns/next", "rb") as handle:
            os.setns(handle.fileno(), os.CLONE_NEWNET)
        with socket.create_server((NEXT, port), backlog=64) as server:
            server.settimeout(0.2)
            opened.set()
            held = []
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                held.append(connection)
                answer(connection)
            for connection in held:
                connection.close()

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    opened.wait(5)
    return lambda: (stop.set(), thread.join(5))


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stall(_):
    """Says nothing, for ever."""


def babble(connection):
    connection.sendall(b"what is this? \x00\x01\xff\r\nHTTP/1.1 200 OK\r\n\r\n")


def hang_up(connection):
    connection.sendall(b"220 hello\r\n")
    connection.close()


# Who hangs up before he has read what was said resets the connection, if he is slow enough.
BAD = (("refuses", None, ["connection refused"]), ("resets", reset, ["connection reset"]),
       ("stalls", stall, ["no answer in time"]), ("talks nonsense", babble, ["protocol broken by the peer"]),
       ("hangs up", hang_up, ["connection closed by the peer", "connection reset"]))


def bad_targets(c, home):
    for port, (what, answer, kind) in enumerate(BAD, 2601):
        end = serve(port, answer) if answer else lambda: None
        status, output, found = run(home, "handshake", "-K", "-t", f"{NEXT}:{port}", "--messages", "20", "--duration",
                                    "20", "--warmup", "0", "--timeout", "0.5", "--connections", "4")
        end()
        holds(c, f"a target that {what} is counted by its kind, and shown",
                status == 0 and sum(found["ends"][k] for k in kind) == 20 and found["refused"] == 20
                and any(k in output for k in kind),
                f"status {status}, ends {found['ends']}\n{output}")


def planted(c, home):
    """What a relay loses, doubles and changes is found, to the message."""
    relay, stop = bad_relay.BadRelay(NEAR, 2525), threading.Event()
    thread = threading.Thread(target=lambda: call_inside("next", bad_relay.serve, relay, (NEXT, 2650), stop))
    thread.start()
    time.sleep(0.5)
    try:
        _, output, found = run(home, "handshake", "-K", "-t", f"{NEXT}:2650", "-k", f"{SINK},tls=off", "--tls", "none",
                               "--messages", "60", "--duration", "30", "--warmup", "0", "--connections", "2", "--size", "3K",
                               "--sink-messages", "0", "--linger", "3")
    finally:
        stop.set()
        thread.join(20)
    holds(c, "planted losses, doubles and damages are each found, and the run says so",
          (found["lost"], found["duplicated"], found["corrupted"]) == (6, 6, 6) == (relay.lost, relay.doubled, relay.changed)
          and not found["accounted"] and "NOT every message" in output, f"{relay.__dict__}\n{output}")


FAULTY_TLS = """
name = "faulty-tls";
duration = "4s";
warmup = "0s";
load: {{ loop = "closed"; connections = 8; }};
connection: {{ messages_min = 1; messages_max = 1; tls = "starttls"; }};
mail: {{ median = "2K"; }};
trouble: {{ senders: {{ attempts = 20; retry_after = "10ms"; }};
           sinks: {{ no_starttls = "20%"; bad_certificate = "20%"; }}; }};
tls: {{ trust = "{0}/ca.crt"; server_name = "near.test"; chain = "{0}/near.crt"; key = "{0}/near.key";
       bad_chain = "{0}/others/near.crt"; bad_key = "{0}/others/near.key"; }};
"""


def faulty_tls(c, home):
    """Sinks that hide STARTTLS or show the certificate of an authority that nobody trusts; the senders
    speak to them directly, and must neither send in clear nor believe them."""
    others = os.path.join(home, "others")
    os.mkdir(others)
    pki.make(others)
    path = os.path.join(home, "faulty-tls.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(FAULTY_TLS.format(home))
    report = os.path.join(home, "faulty-tls.json")
    status, output = bench("run", path, "-K", "-t", SINK, "-k", SINK, "--json", report, "--plain")
    with open(report, encoding="utf-8") as file:
        found = json.load(file)
    ends = found["ends"]
    holds(c, "hidden STARTTLS and bad certificates are refused by the senders, each counted as what it is",
          ends["STARTTLS not offered"] > 5 and ends["TLS handshake failed"] > 5, f"status {status}\n{output}")
    holds(c, "between them every message arrives over TLS",
          found["accounted"] and found["delivered"] == found["acknowledged"] > 50
          and found["listeners"][0]["plain_mail"] == 0, f"status {status}\n{output}")


def stop_at_trouble(c, home):
    path = os.path.join(home, "stop.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('name = "stop";\non_trouble = "stop";\nduration = "30s";\nwarmup = "0s";\n'
                   'load: { loop = "constant"; rate = 50; };\n')
    report = os.path.join(home, "stop.json")
    status, output = bench("run", path, "-K", "-t", f"{NEXT}:2699", "--json", report, "--plain", seconds=20)
    with open(report, encoding="utf-8") as file:
        found = json.load(file)
    holds(c, "a scenario may stop at the first trouble, and reports all the same",
            status == 0 and found["seconds"] < 5 and found["begun"] < 100
            and any("trouble" in doubt for doubt in found["doubts"]), f"status {status}\n{output}")


def wrong_scenario(c, home):
    path = os.path.join(home, "wrong.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write('name = "wrong";\nload: { conections = 5; };\nduration = "never";\n')
    status, output = bench("run", path, "-K", "-t", f"{NEXT}:25")
    holds(c, "a wrong scenario is refused with file, line, setting and what was meant",
            status == 2 and f'{path}:2: load.conections: unknown setting (did you mean "connections"?)' in output
            and f"{path}:3: duration:" in output, output)


def main():
    c = Cases("e2e_bench")
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as home:
        os.chmod(home, 0o755)
        try:
            with Network():
                pki.make(home)
                with postfix(home):
                    through_postfix(c, home)
                    mixed_through_postfix(c, home)
                    flood_beside_mail(c, home)
                    syn_flood(c, home)
                bad_targets(c, home)
                planted(c, home)
                faulty_tls(c, home)
                stop_at_trouble(c, home)
                wrong_scenario(c, home)
                busy_time(c, home)
        except Exception as error:
            c.broken(error)
    return c.close()


if __name__ == "__main__":
    raise SystemExit(main())
