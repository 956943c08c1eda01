// RFC 6962 trees: inclusion proofs as RFC 9162, section 2.1.3.2 verifies them.

import { sha256 } from '@noble/hashes/sha2.js';

import { concat, equal, refuse } from './bytes.js';

export function leafHash(leaf: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(0), leaf));
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(1), left, right));
}

export function verifyInclusion(index: number, size: number, leaf: Uint8Array, path: Uint8Array[], root: Uint8Array): void {
  if (index >= size) refuse(`entry ${index} lies outside a log of ${size}`);
  let fn = BigInt(index);
  let sn = BigInt(size) - 1n;
  let r = leafHash(leaf);
  for (const p of path) {
    if (sn === 0n) refuse('inclusion proof is too long');
    if (fn % 2n === 1n || fn === sn) {
      r = node(p, r);
      while (fn !== 0n && fn % 2n === 0n) {
        fn /= 2n;
        sn /= 2n;
      }
    } else {
      r = node(r, p);
    }
    fn /= 2n;
    sn /= 2n;
  }
  if (sn !== 0n || !equal(r, root)) refuse(`inclusion of entry ${index} does not verify`);
}
