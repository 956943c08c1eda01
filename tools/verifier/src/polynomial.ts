// The polynomial of a part: ∏(X − u_i) over its labels' scalars, padded to 2^(d+1) − 1 roots.

import { ascii, concat, u64 } from './bytes.js';
import { hashToScalar } from './group.js';
import { mod, ORDER, toLittleEndian } from './scalar.js';

const PAD = 'haltlog/v1/clearance-pad';

export interface Polynomial {
  d: number;
  coefficients: bigint[]; // a_0 … a_{2^(d+1)−1}, the last is 1
}

export function ofRoots(roots: bigint[]): Polynomial {
  const d = Math.max(0, bitLength(roots.length) - 1);
  const all = [...roots];
  for (let i = 0; all.length < 2 ** (d + 1) - 1; i++) all.push(hashToScalar(PAD, u64(i)));
  return { d, coefficients: product(all.map((u) => [mod(-u), 1n])) };
}

export function encoding(p: Polynomial): Uint8Array {
  return concat(ascii(`haltlog/blacklist/polynomial/v1\n${p.d}\n`), ...p.coefficients.map(toLittleEndian));
}

function bitLength(n: number): number {
  return n === 0 ? 0 : Math.floor(Math.log2(n)) + 1;
}

// The product of all, multiplied in pairs so that the large products are few.
function product(factors: bigint[][]): bigint[] {
  while (factors.length > 1) {
    const next: bigint[][] = [];
    for (let i = 0; i < factors.length; i += 2) {
      const a = factors[i] as bigint[];
      const b = factors[i + 1];
      next.push(b === undefined ? a : multiply(a, b));
    }
    factors = next;
  }
  return factors[0] as bigint[];
}

// Kronecker's substitution: coefficients side by side in one integer, wide enough that no sum of products
// carries into the next, so that the engine's own fast multiplication does the work.
function multiply(a: bigint[], b: bigint[]): bigint[] {
  const slot = 2 * 64 + 8; // hex digits: two reduced factors and 2^32 sums
  const width = a.length + b.length - 1;
  const text = (pack(a, slot) * pack(b, slot)).toString(16).padStart(width * slot, '0');
  const out = new Array<bigint>(width);
  for (let i = 0; i < width; i++) out[width - 1 - i] = BigInt('0x' + text.slice(i * slot, (i + 1) * slot)) % ORDER;
  return out;
}

function pack(a: bigint[], slot: number): bigint {
  const digits = new Array<string>(a.length);
  for (let i = 0; i < a.length; i++) digits[a.length - 1 - i] = (a[i] as bigint).toString(16).padStart(slot, '0');
  return BigInt('0x' + digits.join(''));
}
