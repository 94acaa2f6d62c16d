#!/usr/bin/env python3
"""Makes shinonome12.bin of two fonts of the Debian package xfonts-shinonome.

    make.py shnm6x12a.pcf.gz shnmk12.pcf.gz shinonome12.bin

The file: 95 glyphs of 6 x 12 pixels for U+0020 to U+007E, 9 bytes each; then glyphs of 12 x 12 pixels in the order of their
characters, each its code (16 bits, big-endian) and 18 bytes. Pixels row by row, the first in the highest bit, 1 is ink.
"""
import gzip
import struct
import sys

METRICS, BITMAPS, ENCODINGS = 1 << 2, 1 << 3, 1 << 5


def glyphs(path):
    """Rows of pixels by code."""
    data = gzip.open(path).read()
    tables = {}
    for n in range(struct.unpack_from("<I", data, 4)[0]):
        kind, form, _, offset = struct.unpack_from("<4I", data, 8 + 16 * n)
        tables[kind] = (form, offset + 4)

    def reader(kind):
        form, offset = tables[kind]
        return form, offset, ">" if form & 4 else "<"

    form, at, order = reader(METRICS)
    metrics = []
    if form & 0x100:
        for n in range(struct.unpack_from(order + "H", data, at)[0]):
            metrics.append([byte - 0x80 for byte in data[at + 2 + 5 * n:at + 7 + 5 * n]])
    else:
        for n in range(struct.unpack_from(order + "I", data, at)[0]):
            metrics.append(struct.unpack_from(order + "5h", data, at + 4 + 12 * n))

    form, at, order = reader(BITMAPS)
    assert form & 8, "most significant bit first"
    pad = 1 << (form & 3)
    count = struct.unpack_from(order + "I", data, at)[0]
    offsets = struct.unpack_from(order + f"{count}I", data, at + 4)
    first = at + 4 + 4 * count + 16

    def rows(n):
        left, right, _, ascent, descent = metrics[n]
        width, height = right - left, ascent + descent
        stride = (width + 8 * pad - 1) // (8 * pad) * pad
        unit = 1 << (form >> 4 & 3)
        for y in range(height):
            row = data[first + offsets[n] + y * stride:][:stride]
            if unit > 1 and not form & 4:
                row = b"".join(row[i:i + unit][::-1] for i in range(0, stride, unit))
            bits = "".join(f"{byte:08b}" for byte in row)[:width]
            yield left, ascent - y, bits

    form, at, order = reader(ENCODINGS)
    low, high, first_row, last_row, _ = struct.unpack_from(order + "5H", data, at)
    found = {}
    for row in range(first_row, last_row + 1):
        for column in range(low, high + 1):
            place = (row - first_row) * (high - low + 1) + column - low
            n = struct.unpack_from(order + "H", data, at + 10 + 2 * place)[0]
            if n != 0xFFFF:
                found[row << 8 | column] = list(rows(n))
    return found


def packed(rows, width, ascent):
    """12 rows of `width` pixels; glyphs may be cut to their ink."""
    pixels = [["0"] * width for _ in range(12)]
    for left, above, bits in rows:
        for x, bit in enumerate(bits):
            if bit == "1":
                pixels[ascent - above][left + x] = "1"
    text = "".join("".join(row) for row in pixels)
    return int(text.ljust((len(text) + 7) // 8 * 8, "0"), 2).to_bytes((len(text) + 7) // 8, "big")


def main(half, full, out):
    narrow, wide = glyphs(half), glyphs(full)
    body = b"".join(packed(narrow[code], 6, 10) for code in range(0x20, 0x7F))
    by_character = {}
    for code, rows in wide.items():
        try:
            character = bytes([code >> 8 | 0x80, code & 0xFF | 0x80]).decode("euc_jp")
        except UnicodeDecodeError:
            continue
        # Japanese systems write these two with other characters than the table of JIS X 0208 has.
        for written in {character, {"\u301c": "\uff5e", "\u2212": "\uff0d"}.get(character, character)}:
            by_character[ord(written)] = packed(rows, 12, 10)
    body += b"".join(struct.pack(">H", code) + by_character[code] for code in sorted(by_character))
    open(out, "wb").write(body)


main(*sys.argv[1:])
