// Integers modulo the order of ristretto255 (RFC 9496), little-endian on the wire.

import { refuse } from './bytes.js';

export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

export function mod(a: bigint): bigint {
  const r = a % ORDER;
  return r < 0n ? r + ORDER : r;
}

export function toScalar(b: Uint8Array): bigint {
  if (b.length !== 32) refuse('scalar of another length');
  const s = fromLittleEndian(b);
  if (s >= ORDER) refuse('scalar is not canonical');
  return s;
}

export function fromLittleEndian(b: Uint8Array): bigint {
  return BigInt('0x' + Buffer.from(b).reverse().toString('hex'));
}

export function toLittleEndian(s: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse());
}

export function toBigEndian(s: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(s.toString(16).padStart(64, '0'), 'hex'));
}

export function pow(base: bigint, exponent: number): bigint {
  let out = 1n;
  for (let i = 0; i < exponent; i++) out = mod(out * base);
  return out;
}

// By Fermat; zero has none.
export function invert(a: bigint): bigint {
  if (mod(a) === 0n) refuse('inverse of zero');
  let out = 1n;
  let base = mod(a);
  for (let e = ORDER - 2n; e > 0n; e >>= 1n) {
    if (e & 1n) out = mod(out * base);
    base = mod(base * base);
  }
  return out;
}
