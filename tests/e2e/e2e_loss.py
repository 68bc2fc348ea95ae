#!/usr/bin/env python3
"""Loss: kernel TCP on both sides of weir, and one packet in twenty dropped, at random, each way.

Senders speak SMTP over the kernel's TCP in the namespace `near`; nftables drops 5 % of what enters
and 5 % of what leaves there, then in `next`, then in both. Every acknowledged message must be in
the next mailbox exactly once and unchanged; every message must be acknowledged in the end. This is
where retransmission, out-of-order input and zero windows meet an implementation that is not ours.
In the end the way to `next` swallows what is larger than 1,300 bytes, without a word.
"""
import concurrent.futures
import ssl

import corpus
from cases import Cases, check
from lab import run
from network import call_inside
from smtp_client import Client, Refused, trusting
from delivered import Delivered

PERCENT = 5
SIZES = (0, 1, 1400, 1461, 20_000, 100_000, 100_000, 500_000)
SENDERS = 4
TRIES = 4
SOCKET_SECONDS = 60
SWALLOWED_ABOVE = 1300
LARGE = 4_000_000
DELIVERY_SECONDS = 60


def message(number, size):
    return (b"From: <s@near.test>\r\nSubject: loss %d\r\nMessage-ID: <loss%d@near.test>\r\n\r\n"
            % (number, number)) + corpus.lines_of(size, number)


def send(lab, tls, recipient, data):
    """Until it is acknowledged, or the tries are used up; the sender's MTA would do the same.

    A connection that broke after the final dot may have delivered: then a second copy is the price
    that SMTP itself asks for (RFC 1047), and the test counts it as such. Returns the tries it took
    and whether any broke off in doubt."""
    in_doubt = False
    for attempt in range(1, TRIES + 1):
        sending = False
        try:
            with Client(*lab.server, timeout=SOCKET_SECONDS) as client:
                client.starttls(tls, lab.server_name)
                sending = True
                client.send("s@near.test", [recipient], data)
                return attempt, in_doubt
        except Refused as refused:
            last = refused
        except OSError as error:  # ssl.SSLError is one, too
            last = error
            in_doubt = in_doubt or sending
    raise AssertionError(f"{recipient}: not acknowledged in {TRIES} tries, last: {last!r}")


def exchange(lab, prefix):
    """Sends one message of each size, some at a time. recipient -> (message, tries, in doubt)."""
    tls = trusting(lab.home, ssl.TLSVersion.TLSv1_3)
    mail = {f"{prefix}{number}@example.test": message(number, size)
            for number, size in enumerate(SIZES)}
    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        sent = {recipient: pool.submit(call_inside, "near", send, lab, tls, recipient, data)
                for recipient, data in mail.items()}
    return {recipient: (mail[recipient], *future.result()) for recipient, future in sent.items()}


def compare(lab, before, sent):
    lab.next.mailbox_wait(before + len(sent), DELIVERY_SECONDS)
    found = {}
    for data in lab.next.mailbox():
        delivered = Delivered(data)
        found.setdefault(delivered.recipient, []).append(delivered)
    for recipient, (data, _, in_doubt) in sent.items():
        copies = found.get(recipient, [])
        check(copies, f"{recipient} was acknowledged and is not there")
        check(len(copies) == 1 or in_doubt, f"{recipient} is there {len(copies)} times")
        for copy in copies:
            check(copy.holds(data), f"{recipient}: {copy.difference(data)}")


def round_of(lab, cases, where, sentence):
    with cases.case(sentence):
        before = lab.next.mailbox_count()
        for namespace in where:
            lab.network.lose(namespace, PERCENT)
        sent = exchange(lab, "-".join(where) or "clean")
        compare(lab, before, sent)
        for namespace in where:
            dropped = lab.network.lost(namespace)
            print(f"     dropped entering and leaving {namespace}: {dropped}; "
                  f"tries {[tries for _, tries, _ in sent.values()]}")
            check(min(dropped) > 0, "nothing was dropped: the round proves nothing")
    for namespace in where:
        lab.network.keep(namespace)


def count(lab, name, label=""):
    return sum(value for row, value in lab.metrics().items()
               if row.startswith(name) and label in row)


def narrow(lab, cases):
    """A black hole is found once, and what the path carries."""
    with cases.case(f"over a path that swallows packets above {SWALLOWED_ABOVE} bytes, too"):
        before = lab.next.mailbox_count()
        lab.network.swallow("next", SWALLOWED_ABOVE)
        tls, data = trusting(lab.home, ssl.TLSVersion.TLSv1_3), message(99, LARGE)
        sent = {f"narrow{number}@example.test": (data, *call_inside(
            "near", send, lab, tls, f"narrow{number}@example.test", data)) for number in range(2)}
        compare(lab, before, sent)
        dropped = lab.network.lost("next")[0]
        lab.network.keep("next")
        print(f"     dropped entering next: {dropped}")
        check(dropped > 0, "nothing was dropped: the round proves nothing")
        if lab.direct:
            return
        sizes = {what: count(lab, "weir_tcp_path_size_total", f'what="{what}"')
                 for what in ("probe", "probe_lost", "raised", "undone")}
        print(f"     {sizes}")
        check(count(lab, "weir_tcp_black_holes_total") >= 1, "no black hole was found")
        check(sizes["raised"] >= 1, "no probe arrived")
        check(sizes["probe_lost"] >= 1, "no probe was lost")


def body(lab, cases):
    """Random loss on either side of weir, and on both."""
    lab.start_postfix(near=False)
    lab.start_weir()
    round_of(lab, cases, [], "without loss every message arrives once and unchanged")
    round_of(lab, cases, ["near"], f"with {PERCENT} % loss on the near side, too")
    round_of(lab, cases, ["next"], f"with {PERCENT} % loss on the next side, too")
    round_of(lab, cases, ["near", "next"], f"with {PERCENT} % loss on both sides, too")
    narrow(lab, cases)
    with cases.case("weir is still running"):
        check(lab.weir_running(), "it is not")


if __name__ == "__main__":
    run(Cases("e2e_loss"), body)
