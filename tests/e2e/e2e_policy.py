#!/usr/bin/env python3
"""Policy on the wire: what is refused is refused in the right words, and nothing of it arrives."""
import collections

import policy_cases
from cases import Cases, check
from lab import run
from network import call_inside
from delivered import Delivered

DELIVERY_SECONDS = 20


def body(lab, cases):
    """Refusals as a sender sees them, over kernel TCP and stock OpenSSL."""
    if lab.direct:
        raise RuntimeError("the cases are about weir's answers; there is no --direct run of them")
    lab.start_postfix(near=False)
    lab.start_weir()
    for sentence, function in policy_cases.SHOWN + policy_cases.REST:
        with cases.case(sentence):
            print(f"     {call_inside('near', function, lab)}")
    with cases.case("what was accepted arrived once, and nothing else did"):
        lab.next.mailbox_wait(len(policy_cases.DELIVERED), DELIVERY_SECONDS)
        have = collections.Counter(Delivered(data).recipient for data in lab.next.mailbox())
        check(have == collections.Counter(policy_cases.DELIVERED), f"there is {dict(have)}")
    with cases.case("weir is still running, and ends when it is told to"):
        check(lab.weir_running(), "it is not")
        status = lab.stop_weir()
        check(status == 0, f"exit status {status}")


if __name__ == "__main__":
    run(Cases("e2e_policy"), body)
