#!/usr/bin/env python3
"""The black box of a connection: weirctl against the running engine, and what a reset leaves behind.

A sender opens a transaction and vanishes with a RST. Its folder entry must be a capture that tcpdump reads
and a text that tells of the reset; weirctl finds the connection while it lives and not afterwards.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import weir_config
from cases import Cases, check
from lab import TREE, run
from network import WEIR, call_inside
from smtp_client import Client

WEIRCTL = os.path.join(TREE, "build/engine/run/weirctl")
WAIT_SECONDS = 10


def weirctl(*words):
    return subprocess.run([WEIRCTL, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30, text=True)


def tcpdump(path):
    done = subprocess.run(["tcpdump", "-nn", "-S", "-r", path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, text=True)
    check(done.returncode == 0, f"tcpdump: {done.stderr}")
    return done.stdout.splitlines()


def rows(text):
    return [line.split() for line in text.splitlines()[1:]]


def row_of(port):
    """The row of weirctl conns for a sender's port."""
    done = weirctl("conns")
    check(done.returncode == 0, done.stdout)
    found = [row for row in rows(done.stdout) if row[2].endswith(f":{port}")]
    check(len(found) == 1, f"port {port} has {len(found)} rows:\n{done.stdout}")
    return found[0]


def wait_for(path):
    end = time.monotonic() + WAIT_SECONDS
    while not os.path.exists(path):
        check(time.monotonic() < end, f"{path} did not appear in {WAIT_SECONDS} s")
        time.sleep(0.05)


def hang_up(client):
    """RST instead of FIN."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


def alive(lab, cases, client, port):
    row = row_of(port)
    with cases.case("weirctl conns lists the connection"):
        check(row[1] == f"{WEIR}:25" and row[3] == "established", str(row))
    with cases.case("weirctl conn tells its numbers and what happened to it"):
        done = weirctl("conn", row[0])
        check(done.returncode == 0, done.stdout)
        for word in ("state=established", "mss=", "in  SYN seq ", "out SYN,ACK seq ", "state established",
                     f"theirs {row[2]}"):
            check(word in done.stdout, f"{word!r} is not in:\n{done.stdout}")
    with cases.case("weirctl conn --pcapng writes what tcpdump reads"):
        path = os.path.join(lab.home, "alive.pcapng")
        done = weirctl("conn", row[0], "--pcapng", path)
        check(done.returncode == 0, done.stdout)
        lines = tcpdump(path)
        check("Flags [S]," in lines[0] and f".{port} > {WEIR}.25" in lines[0], lines[0])
        check("Flags [S.]," in lines[1], lines[1])
    return row[0]


def gone(lab, cases, folder, port, name):
    with cases.case("a reset in mid-transaction leaves a text and a capture"):
        wait_for(os.path.join(folder, "000.txt"))
        with open(os.path.join(folder, "000.txt"), encoding="utf-8") as file:
            text = file.read()
        check(f"connection {name}," in text and "closed: reset" in text, text)
        lines = tcpdump(os.path.join(folder, "000.pcapng"))
        check(any("Flags [R" in line and f".{port} > " in line for line in lines), "\n".join(lines))
    with cases.case("it is counted as told and as kept"):
        metrics = lab.metrics()
        told = sum(value for row, value in metrics.items()
                   if row.startswith("weir_tcp_black_boxes_total") and 'what="told"' in row)
        check(told == 1 and metrics["weir_black_boxes_kept_total"] == 1, f"{told} told")
    with cases.case("weirctl says so when there is no such connection"):
        check(weirctl("conn", name).returncode == 1, "it was found")
        check(weirctl("conn", "9.0.0.1").returncode == 1, "worker 9 was found")
        check(weirctl("conn", "nonsense").returncode == 1, "nonsense was found")
        check(weirctl().returncode == 64, "no command was taken")


def telemetry(path, answers):
    """A telemetry socket that greets one client and has these answers; returns its thread, started."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(1)

    def serve():
        client, _ = listener.accept()
        client.send(b"{}")
        while question := client.recv(1024).decode():
            command, _, parameter = question.partition(",")
            client.send(json.dumps({command: answers[parameter]}).encode())
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def silent(lab, cases):
    path = os.path.join(lab.home, "telemetry")
    row = {"id": "1.0.7.1", "local": "192.0.2.1:25", "remote": "192.0.2.9:1025", "state": "established"}
    telemetry(path, {"0.0.0.0": {"silent_worker": 0, "next": "1.0.0.0"}, "1.0.0.0": {"row_00": row}})
    with cases.case("weirctl conns names a worker that does not answer, and lists those of the others"):
        done = weirctl("--socket", path, "conns")
        check(done.returncode == 1 and "worker 0 does not answer" in done.stdout, done.stdout)
        check("1.0.7.1 " in done.stdout, done.stdout)
    os.unlink(path)
    telemetry(path, {"0.0.7.1": {"silent_worker": 0}})
    with cases.case("weirctl conn does not say of such a worker that it has no such connection"):
        done = weirctl("--socket", path, "conn", "0.0.7.1")
        check(done.returncode == 1 and "worker 0 does not answer" in done.stdout, done.stdout)
        check("no such connection" not in done.stdout, done.stdout)
    os.unlink(path)


def in_order(lab, cases, folder):
    with cases.case("a connection that ends in order leaves nothing"):
        client = call_inside("near", lambda: Client(WEIR, 25))
        client.command("QUIT")
        client.socket.close()
        time.sleep(0.5)
        check(sorted(os.listdir(folder)) == ["000.pcapng", "000.txt"], str(os.listdir(folder)))


def body(lab, cases):
    folder = os.path.join(lab.home, "conn")
    settings = weir_config.settings()
    settings["log"]["black_box"] = folder
    os.mkdir(folder)
    lab.start_postfix(near=False)
    lab.start_weir(settings)
    client = call_inside("near", lambda: Client(WEIR, 25))
    client.command("EHLO near.test")
    client.command("MAIL FROM:<a@near.test>")
    port = client.socket.getsockname()[1]
    name = alive(lab, cases, client, port)
    hang_up(client)
    gone(lab, cases, folder, port, name)
    in_order(lab, cases, folder)
    silent(lab, cases)


if __name__ == "__main__":
    run(Cases("e2e_black_box"), body)
