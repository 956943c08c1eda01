// RFC 9497, VOPRF mode of ristretto255-SHA512: what evaluators answered to blinded elements. A key may be shared among
// n holders of whom t answer (Jarecki, Kiayias, Krawczyk 2014): each proves its answer under a key of its own, which
// follows from Feldman's commitments.

import { sha512 } from '@noble/hashes/sha2.js';

import { ascii, concat, equal, refuse, u16 } from './bytes.js';
import { combine, type Element, encode, G, hashToScalar, toElement } from './group.js';
import { invert, mod, toLittleEndian, toScalar } from './scalar.js';

const CONTEXT = 'OPRFV1-\x01-ristretto255-SHA512';
const HASH_TO_SCALAR = `HashToScalar-${CONTEXT}`;
const MAX_BATCH = 65_535;

export interface EvaluatorSet {
  version: number;
  t: number;
  n: number;
  commitments: Uint8Array[]; // t; the first is the public key
}

export interface Answer {
  holder: number;
  responses: Uint8Array[]; // one for each request of at most 65,535 elements
}

// PK_i = Σ i^j·commitments[j].
function holderKey(set: EvaluatorSet, holder: number): Element {
  let power = 1n;
  const key = combine(...set.commitments.map((c): [bigint, Element] => {
    const term: [bigint, Element] = [power, toElement(c)];
    power = mod(power * BigInt(holder));
    return term;
  }));
  return toElement(encode(key)); // not the identity
}

// Z = k·B for every B: t answers, each verified, weighed by Lagrange's coefficients at 0.
export function evaluate(set: EvaluatorSet, blinded: Uint8Array[], answers: Answer[]): Element[] {
  if (set.commitments.length !== set.t || answers.length !== set.t) refuse(`${answers.length} answers for a threshold of ${set.t}`);
  const holders = answers.map((a) => a.holder);
  if (new Set(holders).size !== holders.length || holders.some((h) => h < 1 || h > set.n)) refuse('holders');
  const evaluated = answers.map((a) => verifyAnswer(holderKey(set, a.holder), blinded, a.responses));
  const weights = holders.map((i) => {
    let numerator = 1n;
    let denominator = 1n;
    for (const j of holders) {
      if (j === i) continue;
      numerator = mod(numerator * BigInt(j));
      denominator = mod(denominator * BigInt(j - i));
    }
    return mod(numerator * invert(denominator));
  });
  return blinded.map((_, i) => combine(...evaluated.map((z, h): [bigint, Element] => [weights[h] as bigint, z[i] as Element])));
}

function verifyAnswer(key: Element, blinded: Uint8Array[], responses: Uint8Array[]): Element[] {
  if (responses.length !== Math.ceil(blinded.length / MAX_BATCH)) refuse('another number of responses than of requests');
  return responses.flatMap((r, n) => {
    const asked = blinded.slice(n * MAX_BATCH, (n + 1) * MAX_BATCH);
    if (r.length !== 32 * asked.length + 64) refuse('response of another length');
    const evaluated = asked.map((_, i) => r.slice(32 * i, 32 * (i + 1)));
    const z = evaluated.map(toElement);
    verifyProof(key, asked, evaluated, z, toScalar(r.slice(-64, -32)), toScalar(r.slice(-32)));
    return z;
  });
}

// VerifyProof and ComputeComposites, sections 2.2.1 and 2.2.2.
function verifyProof(key: Element, blinded: Uint8Array[], evaluated: Uint8Array[], z: Element[], c: bigint, s: bigint): void {
  const bm = prefixed(encode(key));
  const seed = sha512(concat(bm, prefixed(ascii(`Seed-${CONTEXT}`))));
  const d = blinded.map((b, i) => hashToScalar(HASH_TO_SCALAR, prefixed(seed), u16(i), prefixed(b), prefixed(evaluated[i] as Uint8Array), ascii('Composite')));
  const M = combine(...blinded.map((b, i): [bigint, Element] => [d[i] as bigint, toElement(b)]));
  const Z = combine(...z.map((e, i): [bigint, Element] => [d[i] as bigint, e]));
  const t2 = combine([s, G], [c, key]);
  const t3 = combine([s, M], [c, Z]);
  const again = hashToScalar(HASH_TO_SCALAR, bm, ...[M, Z, t2, t3].map((e) => prefixed(encode(e))), ascii('Challenge'));
  if (!equal(toLittleEndian(again), toLittleEndian(c))) refuse("an evaluator's answer does not verify");
}

function prefixed(b: Uint8Array): Uint8Array {
  return concat(u16(b.length), b);
}
