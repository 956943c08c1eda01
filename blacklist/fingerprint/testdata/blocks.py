"""Independent dequantisation of ggml's block formats, in plain Python.

Written from the layouts that gguf-py's quants.py describes (one element at a
time: which bits belong to element i), with every float32 operation rounded on
its own. Prints, per format, the SHA-256 of 64 pseudo-random blocks' elements
as little-endian float32: the goldens of blocks_test.go.
"""

import hashlib
import struct


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f16(b):
    return struct.unpack("<e", bytes(b))[0]


def i8(b):
    return b - 256 if b > 127 else b


def q4(b, i):
    return b[i % 16] >> (4 * (i // 16)) & 15


def fifth(b, i):
    return int.from_bytes(bytes(b), "little") >> i & 1


def q4_0(b, i):
    return f32(f16(b[:2]) * (q4(b[2:], i) - 8))


def q4_1(b, i):
    return f32(f32(f16(b[:2]) * q4(b[4:], i)) + f16(b[2:4]))


def q5_0(b, i):
    return f32(f16(b[:2]) * ((q4(b[6:], i) | fifth(b[2:6], i) << 4) - 16))


def q5_1(b, i):
    return f32(f32(f16(b[:2]) * (q4(b[8:], i) | fifth(b[4:8], i) << 4)) + f16(b[2:4]))


def q8_0(b, i):
    return f32(f16(b[:2]) * i8(b[2 + i]))


def q2_k(b, i):
    scale = b[i // 16]
    q = b[16 + i // 128 * 32 + i % 32] >> (2 * (i % 128 // 32)) & 3
    d, m = f16(b[80:82]), f16(b[82:84])
    return f32(f32(f32(d * (scale & 15)) * q) - f32(m * (scale >> 4)))


def q3_k(b, i):
    hmask, qs, s = b[:32], b[32:96], b[96:108]
    g = i // 16
    low = s[g] & 15 if g < 8 else s[g - 8] >> 4
    scale = (low | (s[8 + g % 4] >> (2 * (g // 4)) & 3) << 4) - 32
    q = qs[i // 128 * 32 + i % 32] >> (2 * (i % 128 // 32)) & 3
    if not hmask[i % 32] >> (i // 32) & 1:
        q -= 4
    return f32(f32(f16(b[108:110]) * scale) * q)


def scale_min(s, g):
    #  0 EEAAAAAA .. 3 HHDDDDDD | 4 eeaaaaaa .. 7 hhdddddd | 8 eeeeEEEE .. 11 hhhhHHHH
    if g < 4:
        return s[g] & 63, s[4 + g] & 63
    return s[8 + g - 4] & 15 | s[g - 4] >> 6 << 4, s[8 + g - 4] >> 4 | s[4 + g - 4] >> 6 << 4


def k45(b, g, q):
    scale, low = scale_min(b[4:16], g)
    return f32(f32(f32(f16(b[:2]) * scale) * q) - f32(f16(b[2:4]) * low))


def q4_k(b, i):
    return k45(b, i // 32, b[16 + i // 64 * 32 + i % 32] >> (4 * (i % 64 // 32)) & 15)


def q5_k(b, i):
    q = b[48 + i // 64 * 32 + i % 32] >> (4 * (i % 64 // 32)) & 15
    return k45(b, i // 32, q | (b[16 + i % 32] >> (i // 32) & 1) << 4)


def q6_k(b, i):
    half, j = i // 128, i % 128
    low = b[64 * half + j % 64] >> (4 * (j // 64)) & 15
    high = b[128 + 32 * half + j % 32] >> (2 * (j // 32)) & 3
    scale = i8(b[192 + i // 16])
    return f32(f32(f16(b[208:210]) * scale) * ((low | high << 4) - 32))


# name: elements, bytes, offsets of the F16 fields, element
FORMATS = {
    "Q4_0": (32, 18, [0], q4_0),
    "Q4_1": (32, 20, [0, 2], q4_1),
    "Q5_0": (32, 22, [0], q5_0),
    "Q5_1": (32, 24, [0, 2], q5_1),
    "Q8_0": (32, 34, [0], q8_0),
    "Q2_K": (256, 84, [80, 82], q2_k),
    "Q3_K": (256, 110, [108], q3_k),
    "Q4_K": (256, 144, [0, 2], q4_k),
    "Q5_K": (256, 176, [0, 2], q5_k),
    "Q6_K": (256, 210, [208], q6_k),
}


def blocks(size, halves, count):
    x = 1
    for _ in range(count):
        b = bytearray()
        for _ in range(size):
            x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
            b.append(x >> 56)
        for h in halves:
            b[h + 1] &= 0xBF  # finite
        yield b


for name, (elements, size, halves, element) in FORMATS.items():
    h = hashlib.sha256()
    for b in blocks(size, halves, 64):
        for i in range(elements):
            h.update(struct.pack("<f", element(b, i)))
    print(name, h.hexdigest())
