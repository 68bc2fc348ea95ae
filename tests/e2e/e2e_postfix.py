#!/usr/bin/env python3
"""Real mail: a stock Postfix sends 200 and more messages through weir to another stock Postfix.

Each message is injected byte for byte into the near Postfix and has a recipient of its own, by
which it is found again. What arrives must be what was sent with nothing but trace headers in front,
exactly once; both hops must have used TLS 1.3, as the two Postfix logs and the Received headers
tell it.
"""
import collections

import corpus
from cases import Cases, check
from lab import run
from network import call_inside
from smtp_client import Client
from delivered import Delivered

MESSAGES = 220
DELIVERY_SECONDS = 180
DOMAINS = ("example.test", "example.test", "a.sub.test", "bank.test", "six.test")
SENDER = "sender@near.test"


def recipients(messages):
    """recipient -> (name, message): every message has its own, over all domains in turn."""
    return {f"m{number:04}@{DOMAINS[number % len(DOMAINS)]}": entry
            for number, entry in enumerate(messages)}


def inject(mail):
    """Hands every message to the near Postfix, on one connection."""
    with Client("127.0.0.1", 25) as client:
        for recipient, (_, message) in mail.items():
            client.send(SENDER, [recipient], message)
        client.quit()


def sort_out(postfix):
    """recipient -> what was delivered to it, in order."""
    found = collections.defaultdict(list)
    for data in postfix.mailbox():
        delivered = Delivered(data)
        found[delivered.recipient].append(delivered)
    return found


def exchange(lab, mail, progress=lambda have: None):
    """Sends MAIL and waits for it at the other end."""
    call_inside("near", inject, mail)
    lab.next.mailbox_wait(len(mail), DELIVERY_SECONDS, progress, lab.weir_running)
    return sort_out(lab.next)


def changed(mail, found):
    """What arrived other than it was sent, one line each."""
    return [f"{recipient} ({mail[recipient][0]}): {delivered.difference(mail[recipient][1])}"
            for recipient, all_delivered in sorted(found.items()) if recipient in mail
            for delivered in all_delivered if not delivered.holds(mail[recipient][1])]


def account(mail, found):
    """lost, duplicated, corrupted, strange."""
    lost = [recipient for recipient in mail if not found.get(recipient)]
    duplicated = [recipient for recipient, all_delivered in found.items() if len(all_delivered) > 1]
    strange = [recipient for recipient in found if recipient not in mail]
    return lost, duplicated, changed(mail, found), strange


def tls_missing(lab, mail, found):
    """Deliveries whose last hop, or (through weir) the hop before, does not show TLS 1.3."""
    faults = []
    hops = 2 if lab.direct else 3  # who injected -> near [-> weir] -> next
    for recipient, all_delivered in found.items():
        for delivered in all_delivered if recipient in mail else []:
            received = [field for field in delivered.added(mail[recipient][1])
                        if field.lower().startswith("received:")]
            if len(received) != hops or not all("TLSv1.3" in one for one in received[:hops - 1]):
                faults.append(f"{recipient}: {received}")
    return faults


def body(lab, cases):
    lab.start_postfix()
    lab.start_weir()
    mail = recipients(corpus.messages(MESSAGES))
    found = exchange(lab, mail)
    lost, duplicated, different, strange = account(mail, found)
    print(f"{len(mail)} messages, {sum(len(m) for _, m in mail.values())} bytes sent, "
          f"{sum(map(len, found.values()))} delivered")
    with cases.case("at least 200 messages were sent"):
        check(len(mail) >= 200, f"only {len(mail)}")
    with cases.case("no message is lost"):
        check(not lost, f"{len(lost)} lost: {name_some(mail, lost)}")
    with cases.case("no message is delivered twice"):
        check(not duplicated, f"{len(duplicated)} twice: {name_some(mail, duplicated)}")
    with cases.case("every message arrives byte for byte as it was sent"):
        check(found and not different, "\n     ".join(different[:20] or ["nothing arrived"]))
    with cases.case("nothing arrives that was not sent"):
        check(not strange, f"{strange[:5]}")
    with cases.case("the Received headers show TLS 1.3 on every hop"):
        faults = tls_missing(lab, mail, found)
        check(found and not faults, "\n     ".join(faults[:5] or ["nothing arrived"]))
    logs(lab, cases)


def logs(lab, cases):
    with cases.case("the near Postfix trusted the certificate and used TLS 1.3"):
        lines = lab.near.log_lines(r"TLS connection established to")
        check(lines, "no TLS connection in its log")
        for line in lines:
            check("Trusted TLS connection" in line and "TLSv1.3" in line, line)
    with cases.case("the next Postfix saw only TLS 1.3"):
        lines = lab.next.log_lines(r"TLS connection established from")
        check(lines, "no TLS connection in its log")
        for line in lines:
            check("TLSv1.3" in line, line)
    with cases.case("nothing bounced and nothing waits in the near Postfix"):
        bounced = lab.near.log_lines(r"status=bounced")
        check(not bounced, "\n     ".join(bounced[:3]))
        check(lab.near.queue_empty(), "its queue is not empty")
        check(lab.near.mailbox_count() == 0, "there is a bounce in its mailbox")
    with cases.case("no delivery had to be tried twice"):
        deferred = lab.near.log_lines(r"status=deferred")
        check(not deferred, "\n     ".join(deferred[:3]))
    with cases.case("weir is still running"):
        check(lab.weir_running(), "it is not")


def name_some(mail, some):
    return ", ".join(f"{recipient} ({mail[recipient][0]})" for recipient in some[:10])


if __name__ == "__main__":
    run(Cases("e2e_postfix"), body)
