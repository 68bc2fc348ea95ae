"""What weir answers where its configuration or the protocol forbids something.

Each case is (sentence, function). The function takes the laboratory, runs in the namespace `near`,
returns the reply to show, and raises when weir answered anything else. SHOWN are the ones that the
demonstration puts into its table; e2e_policy runs all. The configuration is weir_config.settings().
"""
import ssl

from cases import check
from smtp_client import Client, Refused, trusting

# The test file of the anti-virus industry, in two parts so that no scanner objects to this source.
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
HEAD = b"From: <s@near.test>\r\nSubject: policy\r\nMessage-ID: <policy@near.test>\r\n\r\n"
SENDER = "s@near.test"


def connected(lab, tls=True):
    client = Client(*lab.server, timeout=30)
    if tls:
        client.starttls(trusting(lab.home), lab.server_name)
    return client


def refusal(client, recipients, message, sender=SENDER):
    """The refusal that the transaction must meet; being accepted is a failure."""
    try:
        text = client.send(sender, recipients, message)
    except Refused as refused:
        return refused
    raise AssertionError(f"accepted: 250 {text}")


def expect(refused, step, code, text):
    check(refused.step == step and refused.code == code and text in refused.text,
          f"wanted {code} {text} at {step}, got: {refused}")
    return str(refused)


def tls_not_offered(lab):
    with connected(lab) as client:
        return expect(refusal(client, ["x@strict.test"], HEAD), "RCPT", 451,
                      "4.7.10 Recipient does not support STARTTLS")


def eicar(lab):
    with connected(lab) as client:
        return expect(refusal(client, ["eicar@example.test"], HEAD + EICAR.encode() + b"\r\n"),
                      "end of data", 550, "5.7.1")


def eicar_in_pieces(lab):
    """The string arrives in pieces, each in a TLS record and a TCP segment of its own."""
    with connected(lab) as client:
        for command, code in ((f"MAIL FROM:<{SENDER}>", 250),
                              ("RCPT TO:<eicar2@example.test>", 250), ("DATA", 354)):
            client.want(command, client.command(command), code)
        data = HEAD + b"a" * 60 + EICAR.encode() + b"\r\n.\r\n"
        for at in range(0, len(data), 7):
            client.socket.sendall(data[at:at + 7])
        code, text = client.reply()
    check(code == 550 and text.startswith("5.7.1"), f"wanted 550 5.7.1, got: {code} {text}")
    return f"{code} {text}"


def clean_again(lab):
    """A refused message ends its transaction, not the connection."""
    with connected(lab) as client:
        refusal(client, ["eicar3@example.test"], HEAD + EICAR.encode() + b"\r\n")
        return "250 " + client.send(SENDER, ["clean@example.test"], HEAD + b"clean\r\n")


def certificate_wrong(lab):
    with connected(lab) as client:
        refused = refusal(client, ["x@wrong.test"], HEAD)
    return expect(refused, "RCPT", 451, "4.7.5")


def verified(lab):
    with connected(lab) as client:
        return "250 " + client.send(SENDER, ["teller@bank.test"], HEAD + b"money\r\n")


def opportunistic_plain(lab):
    with connected(lab) as client:
        return "250 " + client.send(SENDER, ["open@plain.test"], HEAD + b"postcard\r\n")


def no_route(lab):
    with connected(lab) as client:
        refused = refusal(client, ["x@elsewhere.test"], HEAD)
    check(refused.step == "RCPT" and 500 <= refused.code < 600, f"wanted 5yz at RCPT: {refused}")
    return str(refused)


def near_must_encrypt(lab):
    with connected(lab, tls=False) as client:
        refused = refusal(client, ["x@example.test"], HEAD, sender="s@partner.test")
    check(refused.code == 530 or ".7.10" in refused.text, f"wanted 530 or x.7.10, got: {refused}")
    return str(refused)


def groups(lab):
    with connected(lab) as client:
        return expect(refusal(client, ["a@example.test", "b@bank.test"], HEAD),
                      "RCPT", 452, "4.5.3")


def bare_line_feed(lab):
    with connected(lab) as client:
        return expect(refusal(client, ["lf@example.test"], HEAD + b"one\ntwo\r\n"),
                      "end of data", 550, "5.6.11")


def text_behind_starttls(lab):
    """CVE-2011-0411: what came in plain text must not be read as if it had been encrypted."""
    with connected(lab, tls=False) as client:
        client.socket.sendall(b"STARTTLS\r\nRSET\r\n")
        try:
            code, text = client.reply()
            if code != 220:
                return f"{code} {text}"
            client.socket = trusting(lab.home).wrap_socket(client.socket,
                                                           server_hostname=lab.server_name)
            client.socket.settimeout(3)
            answer = client.reply()
        except (ConnectionError, ssl.SSLError):
            return "closed"
        except TimeoutError:
            raise AssertionError("the session went on as if nothing were wrong") from None
    raise AssertionError(f"the plain-text RSET was answered inside TLS: {answer}")


SHOWN = (
    ("TLS demanded, next hop offers none", tls_not_offered),
    ("EICAR test string", eicar),
)
REST = (
    ("the EICAR string in seven-byte pieces is found, too", eicar_in_pieces),
    ("after a refused message the same connection takes a clean one", clean_again),
    ("a next hop with another's certificate is no match for `verify`", certificate_wrong),
    ("a next hop that verifies gets the message", verified),
    ("`opportunistic` delivers in plain text where no TLS is offered", opportunistic_plain),
    ("a domain without a route is refused for good", no_route),
    ("a sender whose policy demands TLS is told so in plain text", near_must_encrypt),
    ("recipients that cannot share a transaction are split", groups),
    ("a bare line feed is refused", bare_line_feed),
    ("plain text behind STARTTLS ends the session", text_behind_starttls),
)
# Recipients that must have got their one message when all cases are over, and nobody else.
DELIVERED = ("clean@example.test", "teller@bank.test", "open@plain.test")
