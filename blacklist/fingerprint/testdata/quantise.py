"""Quantisation to ggml's block formats in plain Python, after the reference's
order of operations (quantize_row_*_ref), every float32 operation rounded on
its own. Prints, per format, the SHA-256 of 4,096 quantised pseudo-random
values: the goldens of quantise_test.go.
"""

import hashlib
import math
import struct


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def put16(x):
    return struct.pack("<e", x)


def get16(b):
    return struct.unpack("<e", b)[0]


def nearest(x):
    return round(x)  # half to even, as the sum with 1.5 * 2**23 does


def clamp(n, lo, hi):
    return max(lo, min(hi, n))


def pack(q, bits):
    out = bytes(q[i] & 15 | (q[i + 16] & 15) << 4 for i in range(16))
    if bits == 5:
        high = sum((q[i] >> 4) << i for i in range(32))
        out = high.to_bytes(4, "little") + out
    return out


def symmetric(x, zero, bits):
    top, mag = 0.0, 0.0
    for v in x:
        if mag < abs(v):
            mag, top = abs(v), v
    d = f32(top / -zero)
    inv = f32(1 / d) if d else 0.0
    q = [min(2 * zero - 1, int(f32(f32(v * inv) + zero + 0.5))) for v in x]
    return put16(d) + pack(q, bits)


def affine(x, top, bits):
    lo, hi = min(x), max(x)
    d = f32(f32(hi - lo) / top)
    inv = f32(1 / d) if d else 0.0
    q = [min(top, int(f32(f32(f32(v - lo) * inv) + 0.5))) for v in x]
    return put16(d) + put16(lo) + pack(q, bits)


def q8_0(x):
    d = f32(max(abs(v) for v in x) / 127)
    inv = f32(1 / d) if d else 0.0
    out = put16(d)
    for v in x:
        p = f32(v * inv)
        q = math.floor(abs(p) + 0.5)  # half away from zero; exact in doubles
        out += struct.pack("b", int(math.copysign(q, p)))
    return out


def qkx2(x, w, nmax, rmin, rdelta, nstep, mad=False):
    rmin, rdelta = f32(rmin), f32(rdelta)
    lo, hi = min(x), max(x)
    sum_w = sum_x = 0.0
    for v, wi in zip(x, w):
        sum_w = f32(sum_w + wi)
        sum_x = f32(sum_x + f32(wi * v))
    lo = min(lo, 0.0)
    if hi == lo:
        return [0] * len(x), 0.0, -lo
    isc = f32(nmax / f32(hi - lo))
    scale = f32(1 / isc)

    def error(q, s, m):
        e = 0.0
        for v, wi, l in zip(x, w, q):
            diff = f32(f32(f32(s * l) + m) - v)
            e = f32(e + f32(wi * (abs(diff) if mad else f32(diff * diff))))
        return e

    best_q = [clamp(nearest(f32(isc * f32(v - lo))), 0, nmax) for v in x]
    best = error(best_q, scale, lo)
    for i in range(nstep + 1):
        isc = f32(f32(f32(rmin + f32(rdelta * i)) + nmax) / f32(hi - lo))
        q = [clamp(nearest(f32(isc * f32(v - lo))), 0, nmax) for v in x]
        sl = sl2 = sxl = 0.0
        for v, wi, l in zip(x, w, q):
            sl = f32(sl + f32(wi * l))
            sl2 = f32(sl2 + f32(f32(wi * l) * l))
            sxl = f32(sxl + f32(f32(wi * l) * v))
        det = f32(f32(sum_w * sl2) - f32(sl * sl))
        if det > 0:
            s = f32(f32(f32(sum_w * sxl) - f32(sum_x * sl)) / det)
            m = f32(f32(f32(sl2 * sum_x) - f32(sl * sxl)) / det)
            if m > 0:
                m, s = 0.0, f32(sxl / sl2)
            e = error(q, s, m)
            if e < best:
                best_q, best, scale, lo = q, e, s, m
    return best_q, scale, -lo


def q45_k(x, top):
    args = (15, -1.0, 0.1, 20) if top == 15 else (31, -0.5, 0.1, 15)
    quants, scales, mins = [], [], []
    for g in range(8):
        part = x[32 * g : 32 * g + 32]
        s = 0.0
        for v in part:
            s = f32(s + f32(v * v))
        av = f32(math.sqrt(f32(s / 32)))
        w = [f32(av + abs(v)) for v in part]
        q, sc, m = qkx2(part, w, *args)
        quants += q
        scales.append(sc)
        mins.append(m)
    max_s, max_m = max(0.0, *scales), max(0.0, *mins)
    inv_s = f32(63 / max_s) if max_s > 0 else 0.0
    inv_m = f32(63 / max_m) if max_m > 0 else 0.0
    ls = [min(63, nearest(f32(inv_s * s))) for s in scales]
    lm = [min(63, nearest(f32(inv_m * m))) for m in mins]
    packed = [ls[g] | ls[g + 4] >> 4 << 6 for g in range(4)]
    packed += [lm[g] | lm[g + 4] >> 4 << 6 for g in range(4)]
    packed += [ls[g] & 15 | (lm[g] & 15) << 4 for g in range(4, 8)]
    d, dmin = put16(f32(max_s / 63)), put16(f32(max_m / 63))
    for g in range(8):
        s = f32(get16(d) * ls[g])
        if s == 0:
            continue
        m = f32(get16(dmin) * lm[g])
        for i in range(32 * g, 32 * g + 32):
            quants[i] = clamp(nearest(f32(f32(x[i] + m) / s)), 0, top)
    high = b""
    if top == 31:
        high = bytes(sum((quants[32 * g + i] >> 4) << g for g in range(8)) for i in range(32))
    low = b""
    for j in range(0, 256, 64):
        low += bytes(quants[j + i] & 15 | (quants[j + i + 32] & 15) << 4 for i in range(32))
    return d + dmin + bytes(packed) + high + low


def qx(x, nmax):
    top, mag = 0.0, 0.0
    for v in x:
        if abs(v) > mag:
            mag, top = abs(v), v
    if mag < 1e-15:
        return [0] * len(x), 0.0

    def trial(isc):
        q = [clamp(nearest(f32(isc * v)), -nmax, nmax - 1) for v in x]
        lx = l2 = 0.0
        for v, l in zip(x, q):
            w = f32(v * v)
            lx = f32(lx + f32(f32(w * v) * l))
            l2 = f32(l2 + f32(f32(w * l) * l))
        return q, lx, l2

    q, lx, l2 = trial(f32(-nmax / top))
    scale = f32(lx / l2) if l2 else 0.0
    best = f32(scale * lx)
    for i in range(-9, 10):
        if i == 0:
            continue
        isc = f32(-f32(nmax + f32(f32(0.1) * i)) / top)
        t, lx, l2 = trial(isc)
        if l2 > 0 and f32(lx * lx) > f32(best * l2):
            q, scale = t, f32(lx / l2)
            best = f32(scale * lx)
    return [l + nmax for l in q], scale


def q6_k(x):
    quants, scales = [], []
    for g in range(16):
        q, s = qx(x[16 * g : 16 * g + 16], 32)
        quants += q
        scales.append(s)
    top, mag = 0.0, 0.0
    for s in scales:
        if abs(s) > mag:
            mag, top = abs(s), s
    isc = f32(-128.0 / top)
    d = put16(f32(1 / isc))
    steps = [min(127, nearest(f32(isc * s))) for s in scales]
    for g, s in enumerate(steps):
        dl = f32(get16(d) * s)
        if dl == 0:
            continue
        for i in range(16 * g, 16 * g + 16):
            quants[i] = clamp(nearest(f32(x[i] / dl)), -32, 31) + 32
    low, high = b"", b""
    for j in range(0, 256, 128):
        p = quants[j : j + 128]
        low += bytes(p[i] & 15 | (p[i + 64] & 15) << 4 for i in range(64))
        high += bytes(p[i] >> 4 | p[i + 32] >> 4 << 2 | p[i + 64] >> 4 << 4 | p[i + 96] >> 4 << 6 for i in range(32))
    return low + high + struct.pack("16b", *steps) + d


def two_bits(quants):
    out = b""
    for j in range(0, 256, 128):
        p = quants[j : j + 128]
        out += bytes(p[i] | p[i + 32] << 2 | p[i + 64] << 4 | p[i + 96] << 6 for i in range(32))
    return out


def q2_k(x):
    quants, scales, mins = [], [], []
    for g in range(16):
        part = x[16 * g : 16 * g + 16]
        q, s, m = qkx2(part, [abs(v) for v in part], 3, -0.5, 0.1, 15, mad=True)
        quants += q
        scales.append(s)
        mins.append(m)

    def nibbles(values):
        top = max(0.0, *values)
        if top == 0:
            return [0] * 16, put16(0.0)
        inv = f32(15 / top)
        return [nearest(f32(inv * v)) for v in values], put16(f32(top / 15))

    ls, d = nibbles(scales)
    lm, dmin = nibbles(mins)
    for g in range(16):
        s = f32(get16(d) * ls[g])
        if s == 0:
            continue
        m = f32(get16(dmin) * lm[g])
        for i in range(16 * g, 16 * g + 16):
            quants[i] = clamp(nearest(f32(f32(x[i] + m) / s)), 0, 3)
    return bytes(a | b << 4 for a, b in zip(ls, lm)) + two_bits(quants) + d + dmin


def q3(x):
    top, mag = 0.0, 0.0
    for v in x:
        if abs(v) > mag:
            mag, top = abs(v), v
    if mag < 1e-15:
        return [0] * len(x), 0.0
    isc = f32(-4 / top)
    q, lx, l2 = [], 0.0, 0.0
    for v in x:
        l = clamp(nearest(f32(isc * v)), -4, 3)
        q.append(l)
        w = f32(v * v)
        lx = f32(lx + f32(f32(w * v) * l))
        l2 = f32(l2 + f32(f32(w * l) * l))
    for _ in range(5):
        changed = 0
        for i, v in enumerate(x):
            w = f32(v * v)
            slx = f32(lx - f32(f32(w * v) * q[i]))
            if slx > 0:
                sl2 = f32(l2 - f32(f32(w * q[i]) * q[i]))
                n = clamp(nearest(f32(f32(v * sl2) / slx)), -4, 3)
                if n != q[i]:
                    slx = f32(slx + f32(f32(w * v) * n))
                    sl2 = f32(sl2 + f32(f32(w * n) * n))
                    if sl2 > 0 and f32(f32(slx * slx) * l2) > f32(f32(lx * lx) * sl2):
                        q[i], lx, l2 = n, slx, sl2
                        changed += 1
        if not changed:
            break
    return [l + 4 for l in q], f32(lx / l2) if l2 > 0 else 0.0


def q3_k(x):
    quants, scales = [], []
    for g in range(16):
        q, s = q3(x[16 * g : 16 * g + 16])
        quants += q
        scales.append(s)
    top, mag = 0.0, 0.0
    for s in scales:
        if abs(s) > mag:
            mag, top = abs(s), s
    isc = f32(-32.0 / top)
    steps = [clamp(nearest(f32(isc * s)), -32, 31) for s in scales]
    d = put16(f32(1 / isc))
    for g, s in enumerate(steps):
        dl = f32(get16(d) * s)
        if dl == 0:
            continue
        for i in range(16 * g, 16 * g + 16):
            quants[i] = clamp(nearest(f32(x[i] / dl)), -4, 3) + 4
    packed = [(steps[g] + 32) & 15 | ((steps[g + 8] + 32) & 15) << 4 for g in range(8)]
    packed += [sum((steps[4 * k + g] + 32 >> 4) << 2 * k for k in range(4)) for g in range(4)]
    high = bytes(sum((quants[32 * k + i] >> 2) << k for k in range(8)) for i in range(32))
    return high + two_bits([q & 3 for q in quants]) + bytes(packed) + d


FORMATS = {
    "Q2_K": (256, q2_k),
    "Q3_K": (256, q3_k),
    "Q4_0": (32, lambda x: symmetric(x, 8, 4)),
    "Q4_1": (32, lambda x: affine(x, 15, 4)),
    "Q5_0": (32, lambda x: symmetric(x, 16, 5)),
    "Q5_1": (32, lambda x: affine(x, 31, 5)),
    "Q8_0": (32, q8_0),
    "Q4_K": (256, lambda x: q45_k(x, 15)),
    "Q5_K": (256, lambda x: q45_k(x, 31)),
    "Q6_K": (256, q6_k),
}


def values(count):
    x, out = 1, []
    for _ in range(count):
        s = -(3 << 23)
        for _ in range(3):
            x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
            s += x >> 40
        out.append(f32(s) * 2.0**-28)
    return out


data = values(4096)
for name, (size, block) in FORMATS.items():
    h = hashlib.sha256()
    for i in range(0, len(data), size):
        h.update(block(data[i : i + size]))
    print(name, h.hexdigest())
