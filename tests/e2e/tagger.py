"""A cable end in a VLAN, where the kernel has no 8021q: copies frames between a plain interface and a
trunk, adding the tag one way and taking it off the other.

    tagger.py PLAIN TRUNK VLAN

Runs until it is ended. The kernel hands a received tag over beside the frame (PACKET_AUXDATA).
"""
import select
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, STATUS_VLAN_VALID = 263, 8, 1 << 4
AUXDATA = struct.Struct("IIIHHHH")
ETH_ALL, FRAME_BYTES = 3, 2048


def opened(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.bind((interface, 0))
    return s


def received(s):
    """The next frame that arrived and its VLAN (0: none); b"" for one that left here."""
    frame, extra, _, sender = s.recvmsg(FRAME_BYTES, 256)
    if sender[2] == socket.PACKET_OUTGOING:
        return b"", 0
    for level, kind, data in extra:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, *_, tci, _ = AUXDATA.unpack(data[:AUXDATA.size])
            return frame, tci & 0xfff if status & STATUS_VLAN_VALID else 0
    return frame, 0


def main(plain, trunk, vlan):
    ends = {"plain": opened(plain), "trunk": opened(trunk)}
    while True:
        for s in select.select(list(ends.values()), [], [])[0]:
            frame, of = received(s)
            if s is ends["plain"] and frame:
                ends["trunk"].send(frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:])
            elif frame and of == vlan:
                ends["plain"].send(frame)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
