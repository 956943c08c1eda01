// Bayer and Groth, "Zero-Knowledge Argument for Polynomial Evaluation with Application to Blacklists",
// EUROCRYPT 2013: the committed u is no root of the public polynomial.

import { ascii, concat, equal, Reader, refuse, u32, u64 } from './bytes.js';
import { combine, type Element, encode, G, hashToElement, hashToScalar, toElement } from './group.js';
import type { Polynomial } from './polynomial.js';
import { mod, toLittleEndian, toScalar } from './scalar.js';

const CHALLENGE = 'haltlog/v1/clearance-challenge';

export const H: Element = hashToElement('haltlog/v1/clearance-h');

// What a proof speaks of. None of it is the prover's to choose.
export interface Statement {
  origin: string;
  size: number; // of the log, at the epoch
  from: number; // size at the older epoch for an extension, 0 for a full proof
  keyVersion: number;
  part: string;
  listHash: Uint8Array;
  polynomial: Polynomial;
}

export interface Proof {
  C: Element[]; // C_1 … C_d
  V: Element;
  D: Element[]; // D_1 … D_d
  x: bigint;
  phi: bigint[]; // 0 … d
  rho: bigint[]; // 0 … d
  eta: bigint[]; // 0 … d−1
  t: bigint;
  omega: bigint;
  zeta: bigint;
}

export function proofSize(d: number): number {
  return 32 * (d + 1 + d + 1 + (d + 1) + (d + 1) + d + 3);
}

export function parseProof(b: Uint8Array, d: number): Proof {
  if (b.length !== proofSize(d)) refuse(`proof of ${b.length} bytes, want ${proofSize(d)} for d = ${d}`);
  const r = new Reader(b);
  const elements = (n: number): Element[] => Array.from({ length: n }, () => toElement(r.take(32)));
  const scalars = (n: number): bigint[] => Array.from({ length: n }, () => toScalar(r.take(32)));
  const proof = {
    C: elements(d), V: toElement(r.take(32)), D: elements(d), x: toScalar(r.take(32)),
    phi: scalars(d + 1), rho: scalars(d + 1), eta: scalars(d),
    t: toScalar(r.take(32)), omega: toScalar(r.take(32)), zeta: toScalar(r.take(32)),
  };
  r.end();
  return proof;
}

// Throws unless the proof holds. F, E, D_0 and A follow from the verification equations; the challenge must be
// the hash of them all.
export function verifyProof(s: Statement, c0: Uint8Array, bytes: Uint8Array): void {
  const d = s.polynomial.d;
  const p = parseProof(bytes, d);
  if (p.x === 0n) refuse('challenge is zero');
  const C = [toElement(c0), ...p.C];
  const { x, phi } = p;
  const at = <T>(list: T[], i: number): T => list[i] as T;

  // x·C_j + F_j = φ_j·G + ρ_j·H
  const F = C.map((c, j) => combine([at(phi, j), G], [at(p.rho, j), H], [-x, c]));
  // x·C_{j+1} + E_j = φ_j·C_j + η_j·H
  const E = p.eta.map((eta, j) => combine([at(phi, j), at(C, j)], [eta, H], [-x, at(C, j + 1)]));
  // x^(d+1)·V + Σ x^k·D_k = δ̄·G + t̄·H
  const terms: [bigint, Element][] = [[fold(s.polynomial, x, phi), G], [p.t, H]];
  let power = 1n;
  for (const D of p.D) {
    power = mod(power * x);
    terms.push([-power, D]);
  }
  terms.push([-mod(power * x), p.V]);
  const D0 = combine(...terms);
  // ω·V − ζ·H = A + x·G
  const A = combine([p.omega, p.V], [-p.zeta, H], [-x, G]);

  const origin = ascii(s.origin);
  const part = ascii(s.part);
  const again = hashToScalar(
    CHALLENGE,
    u32(origin.length), origin, u64(s.size), u64(s.from), u64(s.keyVersion), u32(part.length), part, s.listHash, u32(d),
    ...C.map(encode), ...F.map(encode), ...E.map(encode), encode(p.V), encode(D0), ...p.D.map(encode), encode(A),
  );
  if (!equal(toLittleEndian(again), toLittleEndian(x))) refuse('the proof does not verify');
}

// Σ_i a_i ∏_j φ_j^(bit_j(i)) · x^(1−bit_j(i)), bit 0 first.
export function fold(p: Polynomial, x: bigint, phi: bigint[]): bigint {
  let c = p.coefficients;
  for (const f of phi) {
    const next = new Array<bigint>(c.length / 2);
    for (let i = 0; i < next.length; i++) next[i] = mod(x * (c[2 * i] as bigint) + f * (c[2 * i + 1] as bigint));
    c = next;
  }
  return c[0] as bigint;
}
