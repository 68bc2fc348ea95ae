"""A picture of a page by a headless browser, and whether it shows what a report should show.

The picture is read here (PNG, RFC 2083) with the standard library alone: enough to see that there are
plots in their colours, text, and no blank page.
"""
import os
import struct
import subprocess
import tempfile
import zlib

BROWSER = "chromium-headless-shell"
WIDTH, HEIGHT = 1280, 1600
LINES = {"blue": (0x00, 0x72, 0xb2), "vermilion": (0xd5, 0x5e, 0x00), "green": (0x00, 0x9e, 0x73)}
NEAR_ENOUGH = 12
LINE_PIXELS_MIN = 150
INK_SHARE = (0.01, 0.35)


def take(page, picture):
    """None, or why there is no picture."""
    with tempfile.TemporaryDirectory() as profile:
        try:
            done = subprocess.run(
                [BROWSER, "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
                 f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}", f"file://{os.path.abspath(page)}"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                stdin=subprocess.DEVNULL, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return None if os.path.exists(picture) else done.stdout


def pixels(path):
    """Rows of (r, g, b), from an 8-bit RGB or RGBA PNG without interlace."""
    with open(path, "rb") as file:
        data = file.read()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    if depth != 8 or kind not in (2, 6):
        raise ValueError(f"PNG of depth {depth}, kind {kind}")
    step, at, packed = 3 if kind == 2 else 4, 8, b""
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += length + 12
    raw, before, rows = zlib.decompress(packed), bytearray(width * step), []
    for y in range(height):
        start = y * (width * step + 1)
        line = unfiltered(raw[start], bytearray(raw[start + 1:start + 1 + width * step]), before, step)
        rows.append([tuple(line[x:x + 3]) for x in range(0, width * step, step)])
        before = line
    return rows


def unfiltered(kind, line, before, step):
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        up, corner = before[i], before[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            p = left + up - corner
            guess = min((left, up, corner), key=lambda c: (abs(p - c), (left, up, corner).index(c)))
        else:
            guess = 0
        line[i] = (line[i] + guess) & 0xff
    return line


def faults(path):
    rows = pixels(path)
    found = []
    paper = rows[2][2]
    ink = sum(1 for row in rows[::2] for pixel in row[::2] if far(pixel, paper, 60))
    share = ink / (len(rows[::2]) * len(rows[0][::2]))
    if not INK_SHARE[0] < share < INK_SHARE[1]:
        found.append(f"{share:.1%} of the page is not paper")
    for name, colour in LINES.items():
        count = sum(1 for row in rows for pixel in row if not far(pixel, colour, NEAR_ENOUGH))
        if count < LINE_PIXELS_MIN:
            found.append(f"{count} pixels are {name}: a line of a plot is missing")
    if not any(far(pixel, paper, 60) for row in rows[:120] for pixel in row):
        found.append("nothing stands at the top")
    return found


def far(a, b, limit):
    return max(abs(x - y) for x, y in zip(a, b)) > limit
