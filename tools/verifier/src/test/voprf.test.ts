// The evaluators' proofs: the RFC's own vectors, and a key that is shared.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { concat, fromHex, hex, Refused } from '../bytes.js';
import { combine, encode, G, hashToElement, toElement } from '../group.js';
import { toScalar } from '../scalar.js';
import { evaluate } from '../voprf.js';

interface Suite {
  mode: number;
  pkSm?: string;
  skSm: string;
  vectors: { Batch: number; Blind: string; BlindedElement: string; EvaluationElement: string; Proof?: { proof: string }; Input: string }[];
}

const file = new URL('../../../../blacklist/voprf/testdata/rfc9497-ristretto255-sha512.json', import.meta.url);
const suites = JSON.parse(readFileSync(file, 'utf8')) as Suite[];
const suite = suites.find((s) => s.mode === 1);

test('RFC 9497, appendix A.1.2', () => {
  assert.ok(suite !== undefined && suite.vectors.length >= 3);
  const pk = fromHex(suite.pkSm ?? '', 32);
  assert.equal(hex(encode(combine([toScalar(fromHex(suite.skSm)), G]))), hex(pk));
  const set = { version: 1, t: 1, n: 1, commitments: [pk] };
  for (const v of suite.vectors) {
    const blinded = v.BlindedElement.split(',').map((e) => fromHex(e, 32));
    const evaluated = v.EvaluationElement.split(',').map((e) => fromHex(e, 32));
    assert.equal(blinded.length, v.Batch);
    v.Input.split(',').forEach((input, i) => {
      const h = hashToElement('HashToGroup-OPRFV1-\x01-ristretto255-SHA512', fromHex(input));
      assert.equal(hex(encode(combine([toScalar(fromHex(v.Blind.split(',')[i] as string)), h]))), hex(blinded[i] as Uint8Array));
    });
    const response = concat(...evaluated, fromHex(v.Proof?.proof ?? '', 64));
    const got = evaluate(set, blinded, [{ holder: 1, responses: [response] }]);
    assert.deepEqual(got.map((e) => hex(encode(e))), evaluated.map(hex));
    for (let i = 0; i < response.length; i += 32) {
      const bad = response.slice();
      bad[i] = (bad[i] as number) ^ 2;
      assert.throws(() => evaluate(set, blinded, [{ holder: 1, responses: [bad] }]), Refused);
    }
    assert.throws(() => evaluate({ ...set, commitments: [encode(combine([2n, toElement(pk)]))] }, blinded, [{ holder: 1, responses: [response] }]), Refused);
  }
});

interface Shared {
  t: number;
  n: number;
  commitments: string[];
  blinded: string[];
  evaluated: string[];
  answers: { holder: number; response: string }[];
}

// Made by the other implementation: every t of the n holders give the same evaluation.
test('a key that is shared', () => {
  const shared = JSON.parse(readFileSync(new URL('../../../../blacklist/voprf/testdata/threshold.json', import.meta.url), 'utf8')) as Shared;
  const set = { version: 1, t: shared.t, n: shared.n, commitments: shared.commitments.map((c) => fromHex(c, 32)) };
  const blinded = shared.blinded.map((b) => fromHex(b, 32));
  const answers = shared.answers.map((a) => ({ holder: a.holder, responses: [fromHex(a.response)] }));
  let subsets = 0;
  for (let m = 0; m < 1 << answers.length; m++) {
    const of = answers.filter((_, i) => (m >> i) & 1);
    if (of.length !== shared.t) {
      assert.throws(() => evaluate(set, blinded, of), Refused);
      continue;
    }
    subsets++;
    assert.deepEqual(evaluate(set, blinded, of).map((e) => hex(encode(e))), shared.evaluated);
  }
  assert.ok(subsets >= 3);
  const [first, second] = answers;
  assert.ok(first !== undefined && second !== undefined);
  const rest = answers.slice(2, shared.t);
  assert.throws(() => evaluate(set, blinded, [first, { ...second, holder: first.holder }, ...rest]), Refused, 'one holder twice');
  assert.throws(() => evaluate(set, blinded, [{ ...first, holder: second.holder }, { ...second, holder: first.holder }, ...rest]), Refused, 'changed places');
  assert.throws(() => evaluate(set, blinded, [{ ...first, holder: shared.n + 1 }, second, ...rest]), Refused, 'nobody');
});
