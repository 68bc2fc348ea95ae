"""The messages that the real-mail test sends.

First the e-mail corpus in Debian's package of Python's own tests: 48 messages that people and
programs once wrote, broken ones among them. Then messages built around the attachments and texts of
that same package (pictures, sound, CJK text in a dozen encodings), by the library that Python
programs send mail with. Then the edges: empty, one byte, the longest lines, leading dots, 8-bit,
100 KiB, 10 MiB.

Each is (name, bytes): CRLF line endings, ends with CRLF or is empty, no NUL. The order and the
bytes are the same in every run.
"""
import email.message
import email.policy
import glob
import os
import random
import re

TESTS = "/usr/lib/python3.13/test"
SUM_MAX = 400
POLICY = email.policy.SMTP.clone(cte_type="8bit")


def messages(count):
    """At least COUNT messages, of all the kinds above."""
    random.seed(5)  # the library draws multipart boundaries from here
    found = [*recorded(), *attached(), *written(), *edges()]
    if len(found) - len(edges()) < 48:
        raise RuntimeError(f"the e-mail corpus is not at {TESTS} (package libpython3.13-testsuite)")
    found += random_ones(max(0, count - len(found)))
    return found


def crlf(data):
    """Line endings as SMTP has them; a message ends with one."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines[-1]:
        lines.append(b"")
    return b"\r\n".join(lines)


def recorded():
    for path in sorted(glob.glob(f"{TESTS}/test_email/data/msg_*.txt")):
        with open(path, "rb") as file:
            yield "corpus " + os.path.basename(path), repaired(crlf(file.read()))


def repaired(message):
    """The message with a well-formed header, as any Postfix would make it on the way in.

    Four of the corpus have a mailbox separator or plain text where a header field must stand. The
    sending Postfix gives the separator a field name and puts the missing empty line before the
    text, before weir sees anything; doing it here keeps the comparison strict for these, too."""
    lines = message.split(b"\r\n")
    for at, line in enumerate(lines):
        if at == 0 and line.startswith((b"From ", b">From ")):
            lines[0] = b"X-Mailbox-Line: " + line
        elif line == b"" or not re.match(rb"[!-9;-~]+[ \t]*:|[ \t]", line):
            if line:
                lines.insert(at, b"")
            break
    return b"\r\n".join(lines)


def envelope(subject, number):
    message = email.message.EmailMessage(policy=POLICY)
    message["From"] = "Sender <sender@near.test>"
    message["To"] = "recipient@example.test"
    message["Date"] = "Mon, 02 Jun 2025 10:00:00 +0000"
    message["Message-ID"] = f"<{number}.generated@near.test>"
    message["Subject"] = subject
    return message


def attached():
    """Pictures and sounds, as attachments in multipart/mixed."""
    kinds = {".wav": ("audio", "wav"), ".au": ("audio", "basic")}
    for number, path in enumerate(sorted(glob.glob(f"{TESTS}/test_email/data/*.*"))):
        name = os.path.basename(path)
        if name.endswith(".txt"):
            continue
        with open(path, "rb") as file:
            data = file.read()
        message = envelope(f"attachment {name}", f"a{number}")
        message.set_content(f"See {name}.\n")
        message.add_alternative(f"<p>See <b>{name}</b>.</p>\n", subtype="html")
        extension = os.path.splitext(name)[1]
        main, sub = kinds.get(extension, ("application", "octet-stream"))
        message.add_attachment(data, main, sub, filename=name)
        yield f"attachment {name}", message.as_bytes()


def written():
    """Text in many languages: in its own 8-bit bytes, and as base64 and quoted-printable UTF-8."""
    for number, path in enumerate(sorted(glob.glob(f"{TESTS}/cjkencodings/*.txt"))):
        name = os.path.basename(path)
        charset = name.split("-")[0].split(".")[0]
        with open(path, "rb") as file:
            data = file.read()
        if b"\0" in data or b"\r" in data:
            continue
        head = envelope(f"text {name}", f"w{number}")
        head["MIME-Version"] = "1.0"
        head["Content-Type"] = f'text/plain; charset="{charset}"'
        head["Content-Transfer-Encoding"] = "8bit"
        yield f"8-bit {name}", head.as_bytes().rstrip(b"\r\n") + b"\r\n\r\n" + crlf(data)
        if "utf8" in name:
            for encoding in ("base64", "quoted-printable"):
                message = envelope(f"текст {name} 本文", f"w{number}{encoding[0]}")
                message.set_content(data.decode("utf-8"), cte=encoding)
                yield f"{encoding} {name}", message.as_bytes()


def edges():
    """(name, message) at the limits of what RFC 5321 and RFC 5322 let a message be."""
    head = (b"From: <sender@near.test>\r\nTo: <edge@example.test>\r\n"
            b"Date: Mon, 02 Jun 2025 10:00:00 +0000\r\nMessage-ID: <edge%d@near.test>\r\n"
            b"Subject: edge %d\r\n")
    bodies = {
        "header only, no empty line": b"",
        "empty body": b"\r\n",
        "one byte": b"\r\nx\r\n",
        "one empty line": b"\r\n\r\n",
        "a hundred empty lines": b"\r\n" + b"\r\n" * 100,
        "lines of 998": b"\r\n" + (b"a" * 998 + b"\r\n") * 40,
        "lines of 998 that begin with dots": b"\r\n" + (b"." * 998 + b"\r\n") * 40,
        "lines of 997, 998, 996": b"\r\n" + b"".join(
            b"b" * n + b"\r\n" for n in (997, 998, 996)) * 9,
        "one dot a line": b"\r\n" + b".\r\n" * 500,
        "two dots a line": b"\r\n" + b"..\r\n" * 500,
        "dots before text": b"\r\n.\r\n..\r\n...\r\n.x\r\n..x\r\nx.\r\n .\r\n.\r\n",
        "a first line that is a dot": b"\r\n.\r\nend\r\n",
        "every byte but NUL, CR and LF": b"\r\n" + b"".join(
            bytes([n, 32, n]) + b"\r\n" for n in range(1, 256) if n not in (10, 13)),
        "8-bit": b"\r\n" + ("Füße, naïve café, Ελλάδα, 漢字, \U0001f4e8\r\n" * 50).encode("utf-8"),
        "spaces and tabs at line ends": b"\r\n" + b"x \t\r\n \r\n\t\r\n" * 60,
        "commands as text": b"\r\nQUIT\r\nRSET\r\nDATA\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\n250 ok\r\n",
        "100 KiB": b"\r\n" + lines_of(100 * 1024, 1),
        "100 KiB of short lines": b"\r\n" + b"ab\r\n" * 25600,
        "1 MiB": b"\r\n" + lines_of(1024 * 1024, 2),
        "10 MiB": b"\r\n" + lines_of(10 * 1024 * 1024, 3),
    }
    found = [(name, head.replace(b"%d", str(n).encode()) + body)
             for n, (name, body) in enumerate(bodies.items())]
    found.append(("nothing at all", b""))
    folded = b"X-Folded: " + b"\r\n ".join(b"f" * 900 for _ in range(20)) + b"\r\n"
    found.append(("folded header of 18 KB", folded + head.replace(b"%d", b"99") + b"\r\nbody\r\n"))
    return found


def lines_of(size, seed):
    """About SIZE bytes of base64-like lines."""
    source = random.Random(seed)
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    table = bytes(letters[n % 64] for n in range(256))
    data = source.randbytes(size - size // 39).translate(table)
    return b"".join(data[at:at + 76] + b"\r\n" for at in range(0, len(data), 76))


def random_ones(count):
    """Plain messages of random sizes, most of them small, as mail is."""
    if count > SUM_MAX:
        raise ValueError(f"{count} messages asked, the corpus is meant for {SUM_MAX}")
    source = random.Random(4)
    for number in range(count):
        size = int(2 ** source.uniform(4, 17))
        message = envelope(f"random {number}", f"r{number}")
        head = message.as_bytes().rstrip(b"\r\n")
        yield f"random {number}, {size} bytes", head + b"\r\n\r\n" + lines_of(size, 100 + number)
