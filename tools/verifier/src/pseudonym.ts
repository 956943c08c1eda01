// The pseudonymous form: labels are shown, with what shows that they are the evaluators' and in no part of the list.

import { sha256 } from '@noble/hashes/sha2.js';

import { ascii, compare, concat, equal, fromHex, Reader, refuse, u32, u64 } from './bytes.js';
import { combine, encode, hashToScalar, toElement } from './group.js';
import { scalarOf } from './list.js';
import { toBigEndian, toLittleEndian, toScalar } from './scalar.js';

const UNBLINDED = 'haltlog/v1/clearance-unblinded';

// What a proof of unblinding speaks of: Y = Z − s·pk for an s that the prover knows.
export interface Unblinding {
  origin: string;
  genesis: string; // hash in hex
  size: number; // of the log, at the epoch
  keyVersion: number;
  kind: string;
  public: Uint8Array;
  B: Uint8Array;
  Z: Uint8Array;
  Y: Uint8Array;
}

// Schnorr's proof of s with Z − Y = s·pk: c, and k − c·s.
export function verifyUnblinding(u: Unblinding, proof: Uint8Array): void {
  if (proof.length !== 64) refuse('proof of unblinding of another length');
  const c = toScalar(proof.slice(0, 32));
  const r = toScalar(proof.slice(32));
  const pk = toElement(u.public);
  if (equal(u.Y, u.Z)) refuse('nothing was blinded');
  toElement(u.B);
  const K = combine([r, pk], [c, toElement(u.Z)], [-c, toElement(u.Y)]);
  const origin = ascii(u.origin);
  const kind = ascii(u.kind);
  const again = hashToScalar(
    UNBLINDED, u32(origin.length), origin, fromHex(u.genesis, 32), u64(u.size), u64(u.keyVersion), u32(kind.length), kind,
    u.public, u.B, u.Z, u.Y, encode(K),
  );
  if (!equal(toLittleEndian(again), toLittleEndian(c))) refuse('a proof of unblinding does not verify');
}

// Two neighbouring leaves of a part's tree, one below the label's scalar and one above.
export function verifyAbsence(bytes: Uint8Array, root: Uint8Array, count: number, label: Uint8Array): void {
  const r = new Reader(bytes);
  if (r.take(1)[0] !== 2) refuse('not a proof of absence');
  const index = new DataView(r.take(8).buffer).getBigUint64(0);
  const below = r.take(32);
  const above = r.take(32);
  const path = (): Uint8Array[] => Array.from({ length: r.take(1)[0] as number }, () => r.take(32));
  const belowPath = path();
  const abovePath = path();
  r.end();
  const u = toBigEndian(scalarOf(label));
  if (compare(below, u) >= 0 || compare(u, above) >= 0) refuse('the label is not between the neighbours');
  if (index > BigInt(count)) refuse('leaf outside the tree');
  const leaves = BigInt(count) + 2n; // with a sentinel at each end
  if (!equal(climb(below, index, leaves, belowPath), root) || !equal(climb(above, index + 1n, leaves, abovePath), root)) {
    refuse('a proof of absence does not verify');
  }
}

// The root that a leaf and its path lead to; an odd last node moves up unchanged.
function climb(scalar: Uint8Array, index: bigint, leaves: bigint, path: Uint8Array[]): Uint8Array {
  let node = sha256(concat(ascii('haltlog/blacklist/scalar-leaf/v1\0'), scalar));
  let at = 0;
  for (let i = index, n = leaves; n > 1n; i /= 2n, n = n / 2n + (n % 2n)) {
    if ((i ^ 1n) >= n) continue;
    const sibling = path[at++];
    if (sibling === undefined) return refuse('path is too short');
    node = sha256(concat(ascii('haltlog/blacklist/node/v1\0'), ...(i % 2n === 0n ? [node, sibling] : [sibling, node])));
  }
  if (at !== path.length) refuse('path is too long');
  return node;
}
