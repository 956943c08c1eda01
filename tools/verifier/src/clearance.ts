// Clearances: the proofs of the zero-knowledge form against the lists that an epoch commits to.

import { verifyProof } from './bayergroth.js';
import { fromHex, refuse } from './bytes.js';
import { type Fingerprint, type Node, parseClearance, ZERO } from './document.js';
import { hashOf, type Pins } from './evidence.js';
import { formatDelta, type PartState, scalarOf, type State } from './list.js';
import { key, Lists, type Source } from './lists.js';
import { ofRoots, type Polynomial } from './polynomial.js';
import { verifyPseudonyms } from './shown.js';

export interface Answer {
  origin: string;
  genesis: string;
  epoch: number;
  size: number;
  witnessed: number;
  fingerprints: number;
  proofs: number;
  extended: number; // older documents that this one extends
}

export async function verifyClearance(bytes: Uint8Array, source: Source, pins: Pins): Promise<Answer> {
  const parsed = parseClearance(bytes, pins);
  const lists = new Lists(source);
  let proofs = 0;
  let extended = -1;
  for (let n: Node | undefined = parsed; n !== undefined; n = n.older) {
    proofs += n.form === ZERO ? await verifyNode(n, lists) : verifyPseudonyms(n);
    extended++;
  }
  return {
    origin: parsed.epoch.origin, genesis: parsed.epoch.genesis, epoch: parsed.epoch.number, size: parsed.epoch.size,
    witnessed: parsed.epoch.witnessed, fingerprints: parsed.fingerprints.length, proofs, extended,
  };
}

// Every fingerprint against every part of its kind and key version.
async function verifyNode(n: Node, lists: Lists): Promise<number> {
  let proofs = 0;
  const groups = new Map<string, Fingerprint[]>();
  for (const f of n.fingerprints) {
    const name = `${f.kind} ${f.keyVersion}`;
    groups.set(name, [...(groups.get(name) ?? []), f]);
  }
  for (const list of groups.values()) {
    const { kind, keyVersion } = list[0] as Fingerprint;
    const spoken = await spokenOf(n, kind, keyVersion, lists);
    for (const f of list) {
      if (f.proofs.size !== spoken.size) refuse(`${kind}: ${f.proofs.size} proofs for ${spoken.size} parts`);
    }
    for (const [part, { polynomial, listHash }] of spoken) {
      for (const f of list) {
        const proof = f.proofs.get(part);
        if (proof === undefined) return refuse(`no proof for part ${part}`);
        verifyProof(
          { origin: n.epoch.origin, size: n.epoch.size, from: n.older?.epoch.size ?? 0, keyVersion, part, listHash, polynomial },
          fromHex(f.key, 32), proof,
        );
        proofs++;
      }
    }
  }
  return proofs;
}

interface Spoken {
  polynomial: Polynomial;
  listHash: Uint8Array;
}

// What proofs speak of, by part: each full list of the kind; for an extension what was added since the older epoch,
// where anything was: what the one commits to and the other does not.
async function spokenOf(n: Node, kind: string, keyVersion: number, lists: Lists): Promise<Map<string, Spoken>> {
  const of = (s: State): PartState[] => s.parts.filter((p) => p.keyVersion === keyVersion && p.part.startsWith(kind + '/'));
  const had = new Set<string>();
  if (n.older !== undefined) {
    for (const p of of(n.older.state)) for (const l of await lists.labels(n.older, p)) had.add(key(l));
  }
  let kept = 0;
  const out = new Map<string, Spoken>();
  for (const p of of(n.state)) {
    const all = await lists.labels(n, p);
    if (n.older === undefined) {
      out.set(p.part, { polynomial: ofRoots(all.map(scalarOf)), listHash: fromHex(p.full, 32) });
      continue;
    }
    const labels = all.filter((l) => !had.has(key(l)));
    kept += all.length - labels.length;
    if (labels.length === 0) continue;
    const delta = formatDelta({ part: p.part, keyVersion, from: n.older.epoch.size, to: n.epoch.size, labels });
    out.set(p.part, { polynomial: ofRoots(labels.map(scalarOf)), listHash: fromHex(hashOf(delta), 32) });
  }
  if (kept !== had.size) refuse('labels vanished from the list');
  return out;
}
