// Elements of ristretto255 and hashing into scalars and elements (RFC 9380 expand_message_xmd, SHA-512).

import { expand_message_xmd } from '@noble/curves/abstract/hash-to-curve.js';
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';

import { ascii, concat, refuse } from './bytes.js';
import { fromLittleEndian, mod, ORDER } from './scalar.js';

export type Element = InstanceType<typeof ristretto255.Point>;

export const G: Element = ristretto255.Point.BASE;
const ZERO: Element = ristretto255.Point.ZERO;

// Refuses other lengths, encodings that are not canonical, and the identity.
export function toElement(b: Uint8Array): Element {
  if (b.length !== 32) refuse('element of another length');
  let e: Element;
  try {
    e = ristretto255.Point.fromBytes(b);
  } catch {
    return refuse('not the canonical encoding of an element');
  }
  if (e.equals(ZERO)) refuse('identity element');
  return e;
}

export function encode(e: Element): Uint8Array {
  return e.toBytes();
}

// Σ scalar·element. Everything here is public, so the time may depend on it.
export function combine(...terms: [bigint, Element][]): Element {
  let sum = ZERO;
  for (const [s, e] of terms) {
    const k = mod(s);
    if (k !== 0n) sum = sum.add(e.multiplyUnsafe(k));
  }
  return sum;
}

export function hashToScalar(tag: string, ...parts: Uint8Array[]): bigint {
  return fromLittleEndian(expand_message_xmd(concat(...parts), ascii(tag), 64, sha512)) % ORDER;
}

export function hashToElement(tag: string, ...parts: Uint8Array[]): Element {
  return ristretto255_hasher.hashToCurve(concat(...parts), { DST: tag }) as Element;
}
