#!/usr/bin/env python3
"""The page of weir-bench report, and the table of compare, out of made-up figures: what is there is shown,
what is missing breaks nothing, tags are balanced, and nothing is fetched from anywhere.
"""
import copy
import html.parser
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "report"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "compare"))

import page
import table
from cases import Cases, check

PHASE = {"count": 100, "what": "x", "mean_us": 900.0, "p50_us": 800, "p90_us": 1500, "p99_us": 3000, "p999_us": 7000,
         "max_us": 9000, "over_10ms": 0, "over_15ms": 0, "curve": [[0, 100], [50, 800], [90, 1500], [99, 3000], [99.9, 7000]]}
EMPTY = {**PHASE, "count": 0, "curve": [[0, 0], [100, 0]]}
RUN = {
    "scenario": "made-up <b>", "about": "a & b", "accounted": True, "valid": False, "doubts": ["the generator was 91 % busy"],
    "loop": "closed", "seconds": 6.0, "measured_seconds": 5.0, "measured_messages": 500, "messages_per_second": 1234.5,
    "bits_per_second": 5e6, "handshakes_per_second": 99, "generator_busy_percent": 91.0, "begun": 10, "acknowledged": 10,
    "reasons": [{"count": 3, "stage": "RCPT", "code": 550, "text": "no <script>"}], "ends": {"connection reset": 2},
    "phases": {name: PHASE if name in ("total", "final") else EMPTY for name in ("connect", "tls", "envelope", "final", "total")},
    "series": {"columns": ["at", "seconds", "messages", "in_flight", "crowd", "p50_us", "p99_us", "max_us", "busy_percent"],
               "rows": [[0.5, 0.5, 600, 3, 0, 800, 3000, 9000, 50.0], [1.0, 0.5, 620, 4, 0, 0, 0, 0, 91.0]]},
    "engine": {"busy_seconds": 0.6, "rows": [
        ['weir_worker_stage_seconds_total{core="1",stage="receive"}', 0.0, 0.2],
        ['weir_worker_stage_seconds_total{core="1",stage="machines"}', 0.1, 0.5],
        ['weir_message_engine_seconds_sum{stage="body"}', 0, 0.3], ['weir_message_engine_seconds_sum{stage="message"}', 0, 0.3],
        ['weir_message_engine_seconds_count{stage="message"}', 0, 500]]},
    "process": {"user_seconds": 1.0, "system_seconds": 0.5, "resident_bytes": 1048576, "processes": 3},
    "saturation": {"messages_per_second": 777.0, "within_us": 15000, "share": 0.999, "trials": [
        {"rate": 50.0, "p50_us": 700, "p99_us": 900, "p999_us": 1200, "held": True},
        {"rate": 100.0, "p50_us": 800, "p99_us": 19000, "p999_us": 30000, "held": False}]},
    "command": ["weir-bench", "run"], "seed": 1, "net": "kernel sockets",
}
ROUNDS = [{"rate": 100.0, "cpu_us": 900.0, "ratio": 0.9, "p50_us": 2000, "p99_us": 9000, "idle_bytes": 20480,
           "generator_us": 1000.0, "generator_busy_percent": 85.0, "valid": False, "accounted": True},
          {"rate": 120.0, "cpu_us": 1100.0, "ratio": 1.1, "p50_us": 3000, "p99_us": 8000, "generator_us": 1000.0,
           "generator_busy_percent": 70.0, "valid": True, "accounted": True}]
COMPARISON = {"scenario": "handshake", "rounds": 2, "seconds": 5, "command": ["weir-bench", "compare"], "systems": [
    {"name": "weir-memif", "title": "weir over memif", "note": "n", "rounds": ROUNDS, "summary": table.summary(ROUNDS)},
    {"name": "exim", "title": "Exim", "note": "n", "rounds": [], "summary": None, "fault": "it is not here\nsecond line"}]}
STEPS = {"cycles_are": "time stamp counter cycles", "rounds": 15, "steps": [
    {"name": "line", "unit": "line", "what": "w", "least_ns": 8.0, "median_ns": 9.0, "cycles": 20.0, "instructions": 157.0,
     "instructions_by": "callgrind"}]}
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Balance(html.parser.HTMLParser):
    """Tags that do not match, and what is loaded from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.text = [], [], ""
        self.feed(text)
        self.faults += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "link", "img", "iframe", "object"):
            self.faults.append(f"<{tag}> on the page")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """An SVG element that closes itself."""

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        self.text += data


def shown(*documents):
    found = Balance(page.make([copy.deepcopy(d) for d in documents]))
    check(not found.faults, str(found.faults[:5]))
    return found.text


def without(document, *keys):
    return {k: v for k, v in document.items() if k not in keys}


def main():
    cases = Cases("bench_report")
    with cases.case("a run's page is well formed, and shows its figures, doubts and refusals"):
        text = shown(RUN)
        for part in ("made-up <b>", "1\u202f234", "777", "91 % busy", "no <script>", "connection reset", "receive", "body"):
            check(part in text, f"{part!r} is not on the page")
    with cases.case("a run that has measured nothing has a page, too"):
        bare = without(RUN, "series", "engine", "process", "saturation", "reasons", "ends", "about", "command")
        bare["phases"] = {name: EMPTY for name in RUN["phases"]}
        bare["measured_messages"] = 0
        check("nothing was measured" in shown(bare), "it does not say so")
    with cases.case("a comparison's page shows medians, spread, and who could not be had"):
        text = shown(COMPARISON, RUN, STEPS)
        for part in ("110", "1\u202f000", "100\u2013120", "it is not here", "Single steps", "157"):
            check(part in text, f"{part!r} is not on the page")
    with cases.case("the table says the same, and marks what is not valid"):
        text = table.text(COMPARISON)
        check("110 \u00b110" in text and "*" in text and "it is not here" in text and "second line" not in text, text)
    return cases.close()


if __name__ == "__main__":
    sys.exit(main())
