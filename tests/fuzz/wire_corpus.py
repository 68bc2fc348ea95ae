#!/usr/bin/env python3
"""Writes the small seed corpora of the wire and tcp fuzz targets (wire_*, tcp_*) into
folders beside this file. Deterministic; run it again after adding a seed."""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
OUR_MAC, PEER_MAC = bytes([2, 0, 0, 0, 0, 1]), bytes([2, 0, 0, 0, 0, 0x99])
OUR4, PEER4 = bytes([198, 18, 0, 1]), bytes([198, 18, 0, 9])
OUR6 = bytes.fromhex("20010002000000000000000000000001")
PEER6 = bytes.fromhex("20010002000000000000000000000009")


def write(folder, name, data):
    path = os.path.join(HERE, folder + "_corpus")
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), "wb") as f:
        f.write(data)


def total(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return s ^ 0xFFFF


def eth(kind, payload, tags=b""):
    return OUR_MAC + PEER_MAC + tags + struct.pack(">H", kind) + payload


def ip4(protocol, payload, fragment=0x4000, options=b""):
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), 0, fragment, 64,
                       protocol, 0, PEER4, OUR4) + options
    return head[:10] + struct.pack(">H", total(head)) + head[12:] + payload


def ip6(protocol, payload, hops=64):
    return struct.pack(">IHBB", 0x60000000, len(payload), protocol, hops) + PEER6 + OUR6 + payload


def tcp(flags, options=b"", data=b"", pseudo=PEER4 + OUR4):
    head = struct.pack(">HHIIBBHHH", 5000, 25, 1000, 0, (20 + len(options)) // 4 << 4, flags, 65535, 0, 0)
    seg = head + options + data
    sum_ = total(pseudo + struct.pack(">HH", 6, len(seg)) + seg)
    return seg[:16] + struct.pack(">H", sum_) + seg[18:]


def icmp6(kind, rest):
    body = struct.pack(">BBH", kind, 0, 0) + rest
    sum_ = total(PEER6 + OUR6 + struct.pack(">II", len(body), 58) + body)
    return body[:2] + struct.pack(">H", sum_) + body[4:]


SYN_OPTIONS = bytes.fromhex("020405b40402080a000003e80000000001030307")


def frames():
    syn = tcp(2, SYN_OPTIONS)
    write("wire_frame", "tcp4_syn", eth(0x0800, ip4(6, syn)))
    write("wire_frame", "tcp4_data", eth(0x0800, ip4(6, tcp(0x18, b"", b"EHLO example.test\r\n"))))
    write("wire_frame", "tcp4_sack", eth(0x0800, ip4(6, tcp(0x10, bytes.fromhex(
        "0101080a00000001000000020101050a0000000500000009")))))
    write("wire_frame", "tcp4_tag", eth(0x0800, ip4(6, syn), bytes.fromhex("8100e064")))
    write("wire_frame", "tcp4_priority", eth(0x0800, ip4(6, syn), bytes.fromhex("8100e000")))
    write("wire_frame", "tcp4_vlan", eth(0x0800, ip4(6, syn), bytes.fromhex("88a8000181000002")))
    write("wire_frame", "tcp4_two_tags", eth(0x0800, ip4(6, syn), bytes.fromhex("8100000181000002")))
    write("wire_frame", "tcp4_options", eth(0x0800, ip4(6, syn, options=bytes(8))))
    write("wire_frame", "tcp4_fragment", eth(0x0800, ip4(6, syn, fragment=0x2000)))
    write("wire_frame", "tcp6_syn", eth(0x86DD, ip6(6, tcp(2, SYN_OPTIONS, pseudo=PEER6 + OUR6))))
    chain = bytes([60, 0]) + bytes(6) + bytes([6, 0]) + bytes(6)
    write("wire_frame", "tcp6_extensions", eth(0x86DD, ip6(0, chain + syn)))
    write("wire_frame", "tcp6_rh0", eth(0x86DD, ip6(43, bytes([6, 2, 0, 1]) + bytes(20) + syn)))
    write("wire_frame", "tcp6_fragment", eth(0x86DD, ip6(44, bytes([6, 0]) + bytes(6) + syn)))
    write("wire_frame", "arp_request", eth(0x0806, bytes.fromhex("0001080006040001") + PEER_MAC + PEER4 +
                                           bytes(6) + OUR4))
    echo = struct.pack(">BBHI", 8, 0, 0, 0x12340001) + b"ping"
    echo = echo[:2] + struct.pack(">H", total(echo)) + echo[4:]
    write("wire_frame", "icmp4_echo", eth(0x0800, ip4(1, echo)))
    quote = struct.pack(">BBHI", 3, 4, 0, 576) + ip4(6, syn)[:28]
    write("wire_frame", "icmp4_too_big", eth(0x0800, ip4(1, quote)))
    write("wire_frame", "icmp6_echo", eth(0x86DD, ip6(58, icmp6(128, b"\0\1\0\1ping"))))
    write("wire_frame", "nd_solicit", eth(0x86DD, ip6(58, icmp6(135, bytes(4) + OUR6 + b"\1\1" + PEER_MAC),
                                                      255)))
    write("wire_frame", "nd_option_0", eth(0x86DD, ip6(58, icmp6(136, bytes(4) + PEER6 + bytes(8)), 255)))


def options():
    write("tcp_options", "syn", SYN_OPTIONS)
    write("tcp_options", "stamps", bytes.fromhex("0101080a0000000100000002"))
    write("tcp_options", "sack", bytes.fromhex("0101050a0000000500000009"))
    write("tcp_options", "sack_odd", bytes.fromhex("0505000000"))
    write("tcp_options", "length_0", bytes.fromhex("0200"))
    write("tcp_options", "length_1", bytes.fromhex("fe01fe01"))
    write("tcp_options", "too_long", bytes.fromhex("02ff05b4"))
    write("tcp_options", "shift_255", bytes.fromhex("010303ff"))
    write("tcp_options", "all_nop", b"\1" * 40)


def seg(flags, ahead=0, more=0, window=65535, bytes_=0, stamps=None, syn=None, peer=0):
    shape = bytes_ | (0x8000 if stamps is not None else 0) | (0x4000 if syn else 0)
    out = struct.pack(">BBBhhHH", 0, peer, flags, ahead, more, window, shape)
    if stamps is not None:
        out += bytes([stamps])
    if syn:
        out += struct.pack(">HB", *syn)
    return out


def app(what, amount=255, which=0):
    return bytes([140, which * 8 + what, amount])


def wait(ms):
    return struct.pack(">BH", 170, ms)


WRITE, READ, SHUT, RELEASE, ABORT = 0, 3, 5, 6, 7
S, F, R, P, A = 2, 1, 4, 8, 16


def talks():
    opening = seg(S, syn=(1460, 7)) + seg(A, ahead=0)
    write("tcp_stack", "handshake", opening)
    write("tcp_stack", "talk", opening + seg(A | P, bytes_=100) + app(READ) + app(WRITE) + seg(A) +
          app(SHUT) + seg(A | F) + app(RELEASE))
    write("tcp_stack", "no_answer", opening + app(WRITE) + wait(60000) * 5)
    write("tcp_stack", "reorder", opening + seg(A, ahead=1000, bytes_=500) + seg(A, ahead=3000, bytes_=500) +
          seg(A, ahead=200, bytes_=1400) + seg(A, bytes_=1460) + seg(A | F, ahead=100, bytes_=10))
    write("tcp_stack", "loss", opening + app(WRITE) * 3 + seg(A, more=-1460) * 6 + wait(1000) + seg(A))
    write("tcp_stack", "zero_window", opening + seg(A, window=0) + app(WRITE) + wait(3000) * 4 + seg(A))
    write("tcp_stack", "resets", opening + seg(R, ahead=100) + seg(S, ahead=10) + seg(R))
    write("tcp_stack", "released", opening + app(WRITE) + app(RELEASE) + seg(A) + seg(A | P, bytes_=9))
    write("tcp_stack", "time_wait", opening + app(SHUT) + seg(A) + seg(A | F) + app(RELEASE) + seg(A | F) +
          seg(S, ahead=30000, syn=(536, 2)))
    write("tcp_stack", "connect", bytes([200]) + seg(S | A, peer=1, syn=(1460, 3), stamps=128) +
          app(WRITE) + seg(A, peer=1, stamps=129) + app(ABORT))
    write("tcp_stack", "connect_both", bytes([200]) + seg(S, peer=1, syn=(1460, 3)) + seg(S | A, peer=1))
    write("tcp_stack", "flood", seg(S) + seg(S, peer=1) + wait(20000) + seg(S, ahead=7))
    frame = eth(0x0806, bytes.fromhex("0001080006040001") + PEER_MAC + PEER4 + bytes(6) + OUR4)
    write("tcp_stack", "arp", bytes([215, len(frame)]) + frame + wait(40000))



def piece(place, length, first=b"", family=4, protocol=1, source=0, number=1, more=False):
    """An act of tcp_fragment: bytes of eights, or plain ones where the length is odd."""
    shape = (family == 6) | protocol << 1 | source << 3 | number << 5
    bytes_ = length // 8 if length % 8 == 0 and length < 2048 else 0x800 | length if length < 256 else 0x1000 | length
    return struct.pack(">BBHHB", 0, shape, place | more, bytes_, len(first)) + first


def pieces():
    echo = struct.pack(">BBHI", 8, 0, 0, 0x12340001)
    echo = echo[:2] + struct.pack(">H", total(echo)) + echo[4:]
    echo6 = icmp6(128, b"\0\1\0\1" + bytes(64))[:32]
    write("tcp_fragment", "two", piece(0, 32, echo, more=True) + piece(32, 32))
    write("tcp_fragment", "backwards", piece(32, 33) + piece(0, 32, echo, more=True))
    write("tcp_fragment", "two6", piece(0, 32, echo6, 6, more=True) + piece(32, 40, family=6))
    write("tcp_fragment", "atomic6", piece(0, 72, echo6, 6))
    write("tcp_fragment", "teardrop", piece(0, 40, echo, more=True) + piece(24, 8) + piece(40, 8))
    write("tcp_fragment", "copy", piece(0, 32, echo, more=True) * 2 + piece(32, 32))
    write("tcp_fragment", "tiny", piece(0, 8, bytes(8), protocol=0, more=True) + piece(8, 32, protocol=0))
    write("tcp_fragment", "segment", piece(0, 64, tcp(2, SYN_OPTIONS), protocol=0, more=True) + piece(64, 8, protocol=0))
    write("tcp_fragment", "options6", piece(0, 40, bytes([58, 0]) + bytes(6) + echo6, 6, protocol=2, more=True) +
          piece(40, 48, family=6, protocol=2))
    write("tcp_fragment", "nested6", piece(0, 40, bytes([58]) + bytes(7) + echo6, 6, protocol=3))
    write("tcp_fragment", "waits", piece(0, 32, echo, more=True) + bytes([200]) + struct.pack(">H", 16000) +
          piece(32, 32))
    write("tcp_fragment", "large", b"".join(piece(i * 4000, 4000, echo if i == 0 else b"", more=i < 15)
                                            for i in range(16)))
    write("tcp_fragment", "many", b"".join(piece(i * 16, 8, more=True, number=i % 8, source=i % 4) for i in range(300)))


def chains():
    pad = bytes(6)
    write("wire_extension", "none", bytes([6]) + bytes(20))
    write("wire_extension", "hop", bytes([0, 6, 0]) + pad + bytes(20))
    write("wire_extension", "eight", bytes([60]) + (bytes([60, 0]) + pad) * 7 + bytes([6, 0]) + pad + bytes(20))
    write("wire_extension", "nine", bytes([60]) + (bytes([60, 0]) + pad) * 8 + bytes([6, 0]) + pad)
    write("wire_extension", "long", bytes([60, 6, 31]) + bytes(254) + bytes(20))
    write("wire_extension", "too_long", bytes([60, 6, 32]) + bytes(262) + bytes(20))
    write("wire_extension", "cut", bytes([60, 6, 4]) + bytes(20))
    write("wire_extension", "rh0", bytes([43, 6, 2, 0, 1]) + bytes(20))
    write("wire_extension", "routed", bytes([43, 6, 0, 2, 0]) + bytes(4) + bytes(20))
    write("wire_extension", "segments_left", bytes([43, 6, 0, 2, 1]) + bytes(4))
    write("wire_extension", "fragment", bytes([0, 44, 0]) + pad + bytes([60, 0, 0x10, 1, 1, 2, 3, 4, 6, 0]) + pad)
    write("wire_extension", "fragment_twice", bytes([44, 44, 0, 0, 1, 0, 0, 0, 0, 6]) + bytes(7))


def message(family, kind, code=0, word=0, beside=None, tail=b"", opening=False, hops=False):
    """An act of tcp_icmp: a message whose quote lies `beside` what is in flight."""
    shape = (family == 6) | opening << 1 | kind << 2 | (0x20 if beside is not None else 0) | hops << 7
    out = struct.pack(">BBH", shape, code, word)
    if beside is not None:
        out += struct.pack(">h", beside)
    return out + bytes([len(tail)]) + tail


def errors():
    write("tcp_icmp", "too_big", message(4, 1, 4, 1000, 0) + message(6, 1, 0, 1300, 10))
    write("tcp_icmp", "too_small", message(4, 1, 4, 68, 0) + message(6, 1, 0, 100, 10) + message(4, 1, 4, 0, 0))
    write("tcp_icmp", "hard", message(4, 1, 3, 0, 0) + message(4, 1, 2, 0, 5) + message(6, 0, 4, 0, 0))
    write("tcp_icmp", "opening", message(4, 1, 1, 0, 0, opening=True) + message(4, 1, 3, 0, 0, opening=True))
    write("tcp_icmp", "not_in_flight", message(4, 1, 4, 600, -5) + message(4, 1, 4, 600, 9000))
    write("tcp_icmp", "expired", message(4, 6, 0, 0, 0) + message(6, 2, 0, 0, 0))
    write("tcp_icmp", "quench", message(4, 3, 0, 0, 0) + message(4, 4, 1, 0, 0))
    write("tcp_icmp", "echo", message(4, 5, tail=b"ping") + message(6, 4, tail=b"ping"))
    write("tcp_icmp", "solicit", message(6, 6, tail=OUR6 + b"\1\1" + PEER_MAC, hops=True))
    write("tcp_icmp", "advertise", message(6, 7, tail=PEER6 + b"\2\1" + PEER_MAC, hops=True))
    write("tcp_icmp", "short_quote", message(4, 1, 4, 600, tail=ip4(6, b"")[:19]) + message(6, 1, 0, 1280, tail=bytes(39)))


frames()
options()
talks()
pieces()
chains()
errors()
