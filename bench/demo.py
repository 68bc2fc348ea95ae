#!/usr/bin/env python3
"""demo: weir at its main job, in four parts, with a table and figures at the end.

  a. Real mail: a stock Postfix sends 220 messages through weir to a stock Postfix, TLS 1.3 on both
     hops; what arrives is compared with what was sent, byte for byte.
  b. Traffic: the generator drives weir over net_memif and reconciles what was acknowledged with
     what was delivered.
     Then the same with a new TLS connection for each message on both hops, beside what the two
     handshakes cost by themselves.
  c. Policy: what must be refused is refused, with the right words.
  d. Idle connections: what 5,000 of them with TLS hold in memory.

Exit status 0 says that every message was accounted for: nothing lost, doubled, changed or refused
that should not be. Timings are shown and decide nothing. The figures are written to
build/demo.json. Run it as ./dev demo: it lays out a private network and needs hugepages.
"""
import argparse
import json
import os
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TREE, "tests", "e2e"))

import corpus
import demo_handshake
import demo_idle
import demo_traffic
import e2e_postfix
import policy_cases
import weir_config
from demo_engine import Engine, worker_cpu_seconds
from lab import Lab
from network import call_inside

JSON = "build/demo.json"
WIDTH = 100


class Demo:
    """The parts in turn; `faults` collects what keeps the exit status from being 0."""

    def __init__(self, args):
        self.args = args
        self.faults = []
        self.rows = []
        self.mail = self.traffic = self.paced_traffic = self.engine = None
        self.handshake = self.idle = None

    def run(self):
        with Lab() as lab:
            if self.part("two Postfix, and weir on net_af_packet", lambda: self.start(lab)):
                self.part("a. real mail", lambda: self.real_mail(lab))
                self.part("c. policy", lambda: self.policy(lab))
                self.stop(lab)
            if self.part("b. traffic over net_memif", lambda: self.full_speed(lab)):
                self.part("   the same at half that rate", lambda: self.paced(lab))
            self.part("   a new TLS connection for each message on both hops, no resumption",
                      lambda: self.fresh(lab))
            self.part(f"d. {demo_idle.CONNECTIONS} idle TLS connections",
                      lambda: self.idle_connections(lab))
            if self.faults:
                lab.logs_show()

    def part(self, title, function):
        """A part that breaks is a fault, and the others go on. True if it did not break."""
        print(f"== {title}", flush=True)
        try:
            function()
            return True
        except Exception as error:
            self.faults.append(f"{title}: {error}")
            print(f"   FAILED: {error}", flush=True)
            return False

    @staticmethod
    def start(lab):
        lab.start_postfix()
        lab.start_weir()

    def stop(self, lab):
        running = lab.weir_running()
        status = lab.stop_weir()
        if not running or status != 0:
            self.faults.append(f"weir did not end as told (exit status {status})")

    # ---- a

    def real_mail(self, lab):
        mail = e2e_postfix.recipients(corpus.messages(e2e_postfix.MESSAGES))
        start = time.monotonic()

        def progress(have):
            show(f"   {have} of {len(mail)} messages delivered, {time.monotonic() - start:.0f} s")

        found = e2e_postfix.exchange(lab, mail, progress)
        print()
        lost, duplicated, changed, strange = e2e_postfix.account(mail, found)
        no_tls = e2e_postfix.tls_missing(lab, mail, found)
        self.mail = {
            "acknowledged": self.sent(lab), "delivered": len(mail) - len(lost),
            "lost": len(lost), "duplicated": len(duplicated), "corrupted": len(changed),
        }
        for what, some in (("lost", lost), ("delivered twice", duplicated), ("changed", changed),
                           ("not sent, but delivered", strange),
                           ("bounced", lab.near.log_lines("status=bounced")),
                           ("without TLS 1.3", no_tls)):
            if some:
                self.faults.append(f"real mail {what}: {len(some)}, such as {some[0]}")

    @staticmethod
    def sent(lab):
        """How many messages the near Postfix calls sent: weir said 250."""
        return len({line.split("to=<")[1].split(">")[0]
                    for line in lab.near.log_lines(r"postfix/smtp\[.*status=sent")})

    # ---- b

    def full_speed(self, lab):
        """As much as 64 connections ask for: throughput, and CPU per message."""
        self.traffic, self.engine, cost = self.run_traffic(lab, self.args.messages, None)
        self.cpu_us = cost["busy_us"]

    def paced(self, lab):
        """Half of that, whatever the answers: the delay that a message meets when weir is not overrun."""
        rate = max(1, int(self.traffic["messages_per_second"] / 2))
        messages = min(self.args.messages, 10 * rate)
        self.paced_traffic, self.engine, _ = self.run_traffic(lab, messages, rate)

    def fresh(self, lab):
        """New TLS connections on both hops, in turns with the bare handshakes."""
        def engine_us():
            _, engine, cost = self.run_traffic(lab, demo_handshake.MESSAGES, None,
                                               demo_handshake.LIMITS, shown=False)
            for side in ("near", "next"):
                if engine.one("weir_tls_sessions_resumed_total", side=side) > 0:
                    self.faults.append(f"handshakes: some on {side} were resumed")
            print(f"   engine {cost['cpu_us']:.1f} us per message", flush=True)
            return cost["cpu_us"]
        self.handshake = demo_handshake.compare(engine_us, lab.home)
        print("   two handshake sides in memory "
              f"{self.handshake['openssl_cpu_us_per_handshake_pair']} us: ratio {self.handshake['ratio']}")

    def idle_connections(self, lab):
        socket = os.path.join(lab.home, "memif.sock")
        lab.start_weir(demo_traffic.settings(weir_config.settings(), socket), smtp=False)
        self.idle = demo_idle.measure(lab, socket)
        print(f"   {self.idle['bytes_each']:,} bytes each")
        self.stop(lab)

    def run_traffic(self, lab, messages, rate, limits=None, shown=True):
        """One run on a weir started for it: the generator's totals, the engine's figures, and what a message cost:
        busy_us by the worker's own clock, cpu_us that share of what the kernel says the worker's thread has used."""
        socket = os.path.join(lab.home, "memif.sock")
        lab.start_weir(demo_traffic.settings(weir_config.settings(), socket, limits), smtp=False)
        begin, cpu_begin = Engine(lab.metrics()), worker_cpu_seconds(lab.weir.pid)
        traffic = demo_traffic.run(lab.home, socket, messages, rate, shown)
        engine, cpu = Engine(lab.metrics()), worker_cpu_seconds(lab.weir.pid) - cpu_begin
        finished = traffic["acknowledged"] + sum(traffic["refusals"].values())
        busy = engine.busy_seconds() - begin.busy_seconds()
        awake = engine.awake_seconds() - begin.awake_seconds()
        cost = {"busy_us": busy * 1e6 / max(1, finished),
                "cpu_us": cpu * busy / max(awake, 1e-9) * 1e6 / max(1, finished)}
        for key in ("lost", "duplicated", "corrupted", "unaccounted", "status"):
            if traffic[key]:
                self.faults.append(f"traffic: {key} is {traffic[key]}")
        if traffic["acknowledged"] == 0:
            self.faults.append("traffic: not one message was acknowledged")
        self.stop(lab)
        return traffic, engine, cost

    # ---- c

    def policy(self, lab):
        for title, function in policy_cases.SHOWN:
            try:
                answer = call_inside("near", function, lab)
            except Exception as error:
                answer = f"WRONG: {error}"
                self.faults.append(f"policy, {title}: {error}")
            self.rows.append((title, answer))
            print(f"   {title}: {answer}")

    # ---- the end

    def figures(self):
        """The contents of demo.json; None is what could not be measured."""
        parts = [part for part in (self.mail, self.traffic, self.paced_traffic) if part]
        figures = {key: sum(part[key] for part in parts)
                   for key in ("acknowledged", "delivered", "lost", "duplicated", "corrupted")}
        figures["refused"] = sum(sum(part["refusals"].values()) for part in parts[1:])
        figures["refused"] += sum(not answer.startswith("WRONG") for _, answer in self.rows)
        figures["messages_per_second"] = self.traffic and self.traffic["messages_per_second"]
        figures["engine_cpu_us_per_message"] = round(self.cpu_us, 1) if self.engine else None
        figures["budget"] = self.engine.budget() if self.engine else dict.fromkeys(
            ("p50_us", "p99_us", "p999_us", "max_us", "over_10ms", "over_15ms"))
        figures["new_tls_on_both_hops"] = self.handshake
        figures["idle_tls_connection"] = self.idle
        return figures

    def close(self):
        figures = self.figures()
        os.makedirs(os.path.dirname(JSON), exist_ok=True)
        with open(JSON, "w", encoding="ascii") as file:
            json.dump(figures, file, indent=2)
            file.write("\n")
        self.table(figures)
        return 1 if self.faults else 0

    def table(self, figures):
        line("")
        line("", "real mail", "full speed", "half rate")
        for key in ("acknowledged", "delivered", "lost", "duplicated", "corrupted"):
            line(key, *(part[key] if part else "-"
                        for part in (self.mail, self.traffic, self.paced_traffic)))
        for reason, count in (self.traffic or {}).get("refusals", {}).items():
            line(f"refused: {reason}", "", count)
        line("")
        for title, answer in self.rows:
            line(title, answer)
        line("")
        line("messages per second", value(figures["messages_per_second"]))
        line("engine CPU per message", value(figures["engine_cpu_us_per_message"], " us"))
        self.handshake_table()
        self.budget_table(figures["budget"])
        line("")
        for fault in self.faults:
            print(f"FAULT {fault}")
        print(f"figures: {JSON}")
        print("every message is accounted for" if not self.faults else
              f"NOT accounted for: {len(self.faults)} faults")

    def handshake_table(self):
        if self.handshake:
            engine = self.handshake["engine_cpu_us_per_message"]
            loop = self.handshake["openssl_cpu_us_per_handshake_pair"]
            line("  with new TLS on both hops", f"{engine:,} us; the two handshakes alone {loop:,} us; "
                                                f"ratio {self.handshake['ratio']}")
        if self.idle:
            line("idle TLS connection", "{bytes_each:,} bytes (OpenSSL and heap {heap_bytes_each:,}, blocks "
                 "{pool_bytes_each:,}, reserved {reserved_bytes_each:,}), over {connections:,}"
                 .format(**self.idle))

    def budget_table(self, whole):
        print(f"\n{'delay caused by the engine, half rate':38}{'p50':>10}{'p99':>10}{'p99.9':>10}{'max':>10}"
              f"{'>10 ms':>10}{'>15 ms':>10}")
        stages = [("message", whole)]
        stages += [(s, self.engine.budget(s)) for s in self.engine.stages()] if self.engine else []
        for name, budget in stages:
            times = "".join(f"{value(budget[k], ' us'):>10}"
                            for k in ("p50_us", "p99_us", "p999_us", "max_us"))
            late = "".join(f"{value(budget[k]):>10}" for k in ("over_10ms", "over_15ms"))
            print(f"  {name:36}{times}{late}")


def value(number, unit=""):
    return "-" if number is None else f"{number:,}{unit}"


def line(title, *cells):
    print((f"{title:34}" + "".join(f"{cell!s:>12}" if len(cells) > 1 else f"  {cell}"
                                   for cell in cells)).rstrip())


def show(text):
    """A line that replaces itself on a terminal, and stays a line elsewhere."""
    if sys.stdout.isatty():
        print(f"\r{text:{WIDTH}}", end="", flush=True)
    elif int(time.monotonic() * 5) % 10 == 0:
        print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.split("\n")[0])
    parser.add_argument("--messages", type=int, default=10_000, help="of the traffic (10000)")
    demo = Demo(parser.parse_args())
    try:
        demo.run()
    except RuntimeError as error:
        demo.faults.append(str(error))
    return demo.close()


if __name__ == "__main__":
    sys.exit(main())
