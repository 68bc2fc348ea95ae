#!/usr/bin/env python3
"""Tests of the tests: what the laboratory and the demonstration conclude from what they see.

No network and no weir: each case gives a judge something known and looks at the judgement. A
harness that could not tell a changed message from an unchanged one would pass everything.
"""
import importlib.util
import os
import sys
from importlib.machinery import SourceFileLoader

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "bench"))

import corpus
import e2e_postfix
import weir_config
from cases import Cases, check
from demo_engine import Engine
from smtp_client import stuffed
from delivered import Delivered

SENT = b"Received: from a by b\r\nSubject: x\r\n\r\nbody\r\n.\r\n"
TRACE = (b"Return-Path: <s@near.test>\r\nDelivered-To: m1@example.test\r\n"
         b"Received: from near (near [198.18.0.10])\r\n\t(using TLSv1.3)\r\n\tby next\r\n")


def runner():
    """tests/run, which is no module by name."""
    loader = SourceFileLoader("run_tests", os.path.join(TREE, "tests", "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    loader.exec_module(module)
    return module


def same(have, want):
    check(have == want, f"is {have!r}, should be {want!r}")


def comparing(cases):
    with cases.case("a message with trace headers in front is what was sent"):
        check(Delivered(TRACE + SENT).holds(SENT), "not recognised")
        same(Delivered(TRACE + SENT).recipient, "m1@example.test")
        same(len(Delivered(TRACE + SENT).added(SENT)), 3)
    with cases.case("any changed, missing or added byte is noticed"):
        for at in range(len(SENT)):
            for other in (SENT[:at] + b"~" + SENT[at + 1:], SENT[:at] + SENT[at + 1:],
                          SENT[:at] + b"~" + SENT[at:]):
                check(not Delivered(TRACE + other).holds(SENT), f"byte {at}: {other!r} passed")
    with cases.case("a header that is no trace header is not taken for one"):
        check(not Delivered(b"X-Spam: no\r\n" + SENT).holds(SENT), "it was")
    with cases.case("the empty message is found behind its trace headers"):
        check(Delivered(TRACE).holds(b""), "not recognised")


def accounting(cases):
    mail = {"a@t": ("a", SENT), "b@t": ("b", SENT)}
    good = Delivered(TRACE + SENT)
    with cases.case("lost, doubled, changed and unsent messages are told apart"):
        same(e2e_postfix.account(mail, {"a@t": [good], "b@t": [good]}), ([], [], [], []))
        same(e2e_postfix.account(mail, {"a@t": [good]})[0], ["b@t"])
        same(e2e_postfix.account(mail, {"a@t": [good, good], "b@t": [good]})[1], ["a@t"])
        bad = Delivered(TRACE + SENT + b"more\r\n")
        same(len(e2e_postfix.account(mail, {"a@t": [good], "b@t": [bad]})[2]), 1)
        same(e2e_postfix.account(mail, {"a@t": [good], "b@t": [good], "c@t": [good]})[3], ["c@t"])


def sending(cases):
    with cases.case("dots at line starts are doubled, others are not"):
        same(stuffed(b".\r\na.\r\n..b\r\n"), b"..\r\na.\r\n...b\r\n")
    with cases.case("a header is repaired as Postfix would, and a good one left alone"):
        same(corpus.repaired(SENT), SENT)
        same(corpus.repaired(b"From a@b Fri\r\nA: b\r\n\r\n"),
             b"X-Mailbox-Line: From a@b Fri\r\nA: b\r\n\r\n")
        same(corpus.repaired(b"A: b\r\ntext here\r\n"), b"A: b\r\n\r\ntext here\r\n")
        same(corpus.repaired(b"text here\r\n"), b"\r\ntext here\r\n")
    with cases.case("every message of the corpus is valid SMTP content"):
        messages = corpus.messages(e2e_postfix.MESSAGES)
        check(len(messages) >= 200, f"only {len(messages)}")
        check(messages == corpus.messages(e2e_postfix.MESSAGES), "two runs differ")
        for name, data in messages:
            rest = data.replace(b"\r\n", b"")
            check(data == b"" or data.endswith(b"\r\n"), f"{name}: no CRLF at its end")
            check(not any(byte in rest for byte in b"\r\n\0"), f"{name}: bare CR or LF, or NUL")
            check(max(map(len, data.split(b"\r\n"))) <= 998, f"{name}: a line is too long")
    with cases.case("a configuration is written in libconfig's syntax"):
        same(weir_config.text({"a": ({"b": [1, "x\"y"]},), "c": True}),
             '{\n  a = ( {\n    b = [ 1, "x\\"y" ];\n  } );\n  c = true;\n}')


def judging(cases):
    run = runner()
    test = run.Test("unit", "t", ["t"], {}, ".", 1)

    def counts(status, output, timed_out=False):
        result = run.judge(test, status, timed_out, output, 0.1)
        return result.passed, result.failed

    with cases.case("tests/run believes a closing line only when the exit status agrees"):
        same(counts(0, "x\nt: 5 passed, 0 failed\n"), (5, 0))
        same(counts(1, "t: 5 passed, 2 failed\n"), (5, 2))
        same(counts(1, "t: 5 passed, 0 failed\n"), (5, 1))
        same(counts(-11, "t: 5 passed, 0 failed\n"), (5, 1))
        same(counts(0, "t: 5 passed, 0 failed\n", True), (5, 1))
    with cases.case("tests/run counts silence, chatter behind the end, and emptiness as failures"):
        same(counts(0, ""), (0, 1))
        same(counts(0, "t: 5 passed, 0 failed\nand more\n"), (0, 1))
        same(counts(0, "t: 0 passed, 0 failed\n"), (0, 1))
        same(counts(77, "skipped\n"), (0, 1))


def measuring(cases):
    name = "weir_message_engine_"
    rows = {f'{name}seconds_bucket{{stage="message",le="{le}"}}': value
            for le, value in (("0.01", 98.0), ("0.015", 100.0), ("+Inf", 101.0))}
    rows |= {f'{name}quantile_seconds{{stage="message",quantile="{q}"}}': value
             for q, value in (("0.5", 0.0011), ("0.99", 0.0123), ("0.999", 0.014))}
    rows |= {f'{name}seconds_count{{stage="message"}}': 101.0,
             f'{name}seconds_count{{stage="body"}}': 101.0,
             f'{name}seconds_max{{stage="message"}}': 0.0151,
             'weir_worker_busy_seconds_total{core="1"}': 1.5,
             'weir_worker_busy_seconds_total{core="2"}': 0.5}
    with cases.case("the engine's figures are read by stage, and busy time is summed over workers"):
        engine = Engine(rows)
        same(engine.budget(), {"p50_us": 1100, "p99_us": 12300, "p999_us": 14000, "max_us": 15100,
                               "over_10ms": 3, "over_15ms": 1})
        same(engine.busy_seconds(), 2.0)
        same(engine.stages(), ["body"])
    with cases.case("a metric that is not there is an error and not a zero"):
        for read in (lambda: Engine({}).budget(), lambda: Engine({}).busy_seconds()):
            try:
                same(read(), "an error")
            except KeyError:
                continue


def main():
    cases = Cases("harness_test")
    for part in (comparing, accounting, sending, judging, measuring):
        part(cases)
    return cases.close()


if __name__ == "__main__":
    sys.exit(main())
