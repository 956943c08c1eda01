// The published vectors: everything in them is computed again, and what is invalid is refused.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { sha256 } from '@noble/hashes/sha2.js';

import { fold, H, parseProof, verifyProof } from '../bayergroth.js';
import { fromHex, hex, Refused, u64 } from '../bytes.js';
import { combine, encode, G, hashToScalar } from '../group.js';
import { parseDelta, parseFull, scalarOf } from '../list.js';
import { encoding, ofRoots } from '../polynomial.js';
import { toLittleEndian, toScalar } from '../scalar.js';

interface Subject {
  origin: string;
  size: number;
  from: number;
  key_version: number;
  part: string;
  list: string;
  list_hash: string;
  labels: string[];
  c0: string;
  proof: string;
}

interface Case extends Subject {
  name: string;
  roots: string[];
  pads: string[];
  d: number;
  coefficients_hash: string;
  label: string;
  u: string;
  r0: string;
  x: string;
  delta_bar: string;
  invalid: (Partial<Subject> & { reason: string })[];
}

const file = new URL('../../../../blacklist/clearance/testdata/vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as { format: string; h: string; cases: Case[] };

// What a verifier that has this list judges.
function verify(s: Subject): void {
  verifyProof(
    {
      origin: s.origin, size: s.size, from: s.from, keyVersion: s.key_version, part: s.part,
      listHash: fromHex(s.list_hash, 32), polynomial: ofRoots(s.labels.map((l) => scalarOf(fromHex(l)))),
    },
    fromHex(s.c0), fromHex(s.proof),
  );
}

test('vectors are of the known format', () => {
  assert.equal(vectors.format, 'haltlog/clearance/vectors/v1');
  assert.equal(hex(encode(H)), vectors.h);
  assert.ok(vectors.cases.length >= 5);
});

for (const c of vectors.cases) {
  test(c.name, () => {
    const bytes = fromHex(c.list);
    const list = c.from === 0 ? parseFull(bytes) : parseDelta(bytes);
    assert.equal(hex(sha256(bytes)), c.list_hash);
    assert.equal(list.part, c.part);
    assert.equal(list.keyVersion, c.key_version);
    assert.deepEqual(list.labels.map(hex), c.labels);
    assert.deepEqual(list.labels.map((l) => hex(toLittleEndian(scalarOf(l)))), c.roots);
    const p = ofRoots(list.labels.map(scalarOf));
    assert.equal(p.d, c.d);
    assert.equal(hex(sha256(encoding(p))), c.coefficients_hash);
    for (let i = 0; i < c.pads.length; i++) {
      assert.equal(hex(toLittleEndian(hashToScalar('haltlog/v1/clearance-pad', u64(i)))), c.pads[i]);
    }
    // The commitment opens to the label.
    const u = scalarOf(fromHex(c.label));
    assert.equal(hex(toLittleEndian(u)), c.u);
    assert.equal(hex(encode(combine([u, G], [toScalar(fromHex(c.r0)), H]))), c.c0);
    // The challenge and the folded value are the ones that were published.
    const proof = parseProof(fromHex(c.proof), p.d);
    assert.equal(hex(toLittleEndian(proof.x)), c.x);
    assert.equal(hex(toLittleEndian(fold(p, proof.x, proof.phi))), c.delta_bar);
    verify(c);
  });

  test(`${c.name}: everything invalid is refused`, () => {
    assert.ok(c.invalid.length > 0);
    for (const bad of c.invalid) {
      assert.throws(() => verify({ ...c, ...bad }), Refused, bad.reason);
    }
  });
}
