"""Takes a delivered message apart into trace headers and what was sent."""
import re

TRACE = (b"return-path:", b"x-original-to:", b"delivered-to:", b"received:")


class Delivered:
    """trace: the header fields in front (unfolded, as text); recipient: the envelope's."""

    def __init__(self, data):
        self.data = data
        self.trace, self.ends = fields_in_front(data)
        self.recipient = next((field.split(":", 1)[1].strip() for field in self.trace
                               if field.lower().startswith("delivered-to:")), None)

    def holds(self, sent):
        """True if this is SENT with nothing but trace fields in front of it.

        A sent message may begin with trace fields of its own, so that the border between added and
        sent is any of the borders between fields."""
        return any(self.data[end:] == sent for end in self.ends)

    def added(self, sent):
        """The trace fields that were put in front of SENT."""
        return next((self.trace[:n] for n, end in enumerate(self.ends) if self.data[end:] == sent),
                    self.trace)

    def difference(self, sent):
        """One line about where this differs from SENT."""
        rest = self.data[self.ends[-1]:]
        for at, (have, want) in enumerate(zip(rest, sent)):
            if have != want:
                return (f"byte {at} of {len(sent)}: delivered {rest[at:at + 40]!r}, "
                        f"sent {sent[at:at + 40]!r}")
        return f"delivered {len(rest)} bytes after its trace headers, sent {len(sent)}"


def fields_in_front(data):
    """The leading trace fields, and the offset before the first and after each of them."""
    fields, ends, at = [], [0], 0
    while data[at:at + 16].lower().startswith(TRACE):
        end = re.compile(rb"\r\n(?![ \t])").search(data, at)
        if not end:
            break
        text = data[at:end.start()].decode("utf-8", "replace")
        fields.append(re.sub(r"\r\n[ \t]+", " ", text))
        at = end.end()
        ends.append(at)
    return fields, ends
