#!/usr/bin/env python3
"""An independent reader of offline filters and deltas (docs/spec/offline-filter.md), written from the specification with
the standard library; signatures are checked if `cryptography` is there.

    python3 docs/spec/check-offline-filter.py FOLDER_OF_VECTORS
"""

import bisect
import hashlib
import json
import os
import struct
import sys

MASK = (1 << 64) - 1


class Refused(Exception):
    pass


def need(kept, what):
    if not kept:
        raise Refused(what)


class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(self.at + count <= len(self.data), "too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]


def verify(key, context, data):
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return
    message = context + hashlib.sha256(data[:-64]).digest()
    Ed25519PublicKey.from_public_bytes(key).verify(data[-64:], message)


def coverage(fields, count):
    ranges, before = [], 0
    for _ in range(count):
        first, last = (int.from_bytes(fields.take(20), "big") for _ in range(2))
        need(first > (before + 1 if ranges else 0) and first <= last, "ranges")
        ranges.append((first, last))
        before = last
    return ranges


def decode_block(data, ones):
    """The 2,048 bits of a block, the lowest serial number first."""
    if ones in (0, 2048):
        return [ones != 0] * 2048
    data, at = data + bytes(16), 8
    code, width, share, bits = int.from_bytes(data[:8], "big"), MASK, ones * 32, []
    for _ in range(2048):
        split = (width >> 16) * share
        if code < split:
            bits.append(True)
            width = split
        else:
            bits.append(False)
            code, width = code - split, width - split
        if width < 1 << 32:
            word = int.from_bytes((data[at:at + 4] + bytes(4))[:4], "big")
            code, width, at = (code << 32 | word) & MASK, width << 32, at + 4
    return bits


class Bits:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        value = 0
        for _ in range(count):
            byte = self.data[self.at // 8] if self.at // 8 < len(self.data) else 0
            value = value << 1 | byte >> (7 - self.at % 8) & 1
            self.at += 1
        return value


def gap_list(directory, data, entries):
    out = []
    for block in range(len(directory) // 29):
        entry = directory[29 * block:29 * block + 29]
        serial, (offset, parameter) = int.from_bytes(entry[:20], "big"), struct.unpack("<QB", entry[20:])
        bits = Bits(data[offset:])
        out.append(serial)
        for _ in range(min(512, entries - 512 * block) - 1):
            quotient = 0
            while quotient < 24 and bits.take(1):
                quotient += 1
            gap = bits.take(160) if quotient == 24 else (quotient << parameter) + bits.take(parameter)
            serial += gap + 1
            out.append(serial)
    need(len(out) == entries and out == sorted(set(out)), "gaps")
    return out


def read_filter(data, key):
    need(data[:8] == b"MUSUBIOF" and data[8:12] == b"\1\0\0\0", "not a filter of version 1")
    verify(key, b"musubi offline filter 1\n", data)
    fields = Fields(data[12:-64])
    ranges = fields.number("I")
    fields.take(64)
    head = {name: fields.number(form) for name, form in (
        ("list_number", "Q"), ("this_update", "q"), ("next_update", "q"), ("listed", "Q"))}
    runs, chunks, entries, dense_size, gap_size = (fields.number(form) for form in "IIQQQ")
    covered = coverage(fields, ranges)
    keys = []
    for _ in range(runs):
        first, count = fields.number("Q"), fields.number("I")
        keys.extend(range(first, first + count))
    need(len(keys) == chunks and keys == sorted(set(keys)), "runs")
    directory = fields.take(136 * chunks)
    gap_directory = fields.take(29 * -(-entries // 512))
    dense, gaps = fields.take(dense_size), fields.take(gap_size)
    need(fields.at == len(fields.data), "too long")
    listed = gap_list(gap_directory, gaps, entries)
    for number, chunk in enumerate(keys):
        entry = directory[136 * number:136 * number + 136]
        start, before = struct.unpack("<Q", entry[:8])[0], 0
        for block in range(32):
            end, ones = struct.unpack("<HH", entry[8 + 4 * block:12 + 4 * block])
            bits = decode_block(dense[start + before:start + end], ones)
            need(sum(bits) == ones, "ones")
            base = (chunk << 16) + 2048 * block
            listed.extend(base + place for place, bit in enumerate(bits) if bit)
            before = end
    listed.sort()
    need(len(listed) == head["listed"], "listed")
    return head, covered, listed


def answer(covered, listed, serial):
    at = bisect.bisect_left(listed, serial)
    if at < len(listed) and listed[at] == serial:
        return "listed"
    return "not_listed" if any(first <= serial <= last for first, last in covered) else "not_covered"


def read_delta(data, key):
    need(data[:8] == b"MUSUBIOD" and data[8:12] == b"\1\0\0\0", "not a delta of version 1")
    verify(key, b"musubi offline filter delta 1\n", data)
    fields = Fields(data[12:-64])
    ranges = fields.number("I")
    fields.take(32)
    before, after = fields.take(32), fields.take(32)
    fields.number("Q")
    fields.take(32 + 8 + 8 + 8)
    sizes = [(fields.number("Q"), fields.number("Q")) for _ in range(2)]
    covered = coverage(fields, ranges)
    lists = []
    for entries, size in sizes:
        directory = fields.take(29 * -(-entries // 512))
        lists.append(gap_list(directory, fields.take(size), entries))
    fields.take(64)
    need(fields.at == len(fields.data), "too long")
    return before, after, covered, *lists


def main(folder):
    def read(name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    vectors = json.loads(read("vectors.json"))
    key, sets, digests = bytes.fromhex(vectors["platform_key"]), [], []
    for told in vectors["filters"]:
        data = read(told["file"])
        head, covered, listed = read_filter(data, key)
        digests.append(hashlib.sha256(data).digest())
        need(digests[-1].hex() == told["sha256"] and head["list_number"] == told["list_number"], told["file"])
        need(len(listed) == told["listed"], "listed")
        for serial, expected in told["answers"].items():
            need(answer(covered, listed, int(serial, 16)) == expected, f"the answer about {serial}")
        sets.append((covered, set(listed)))
    before, after, covered, removed, added = read_delta(read(vectors["delta"]["file"]), key)
    (_, first), (covered_after, second) = sets
    need([before, after] == digests and covered == covered_after, "the delta's ends")
    need(set(removed) == first - second and set(added) == second - first, "the delta's changes")
    print(f"{len(vectors['filters'])} filters and a delta are what the vectors say")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Refused as why:
        sys.exit(f"refused: {why}")
