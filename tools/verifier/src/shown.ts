// The pseudonymous form of a clearance: labels are shown.

import { fromHex, Refused, refuse } from './bytes.js';
import type { Node, Query } from './document.js';
import { type Element, encode } from './group.js';
import { prefixOf } from './list.js';
import { verifyAbsence, verifyUnblinding } from './pseudonym.js';
import { evaluate, type EvaluatorSet } from './voprf.js';

// Labels that are shown: each is what the evaluators' answer unblinds to, each answer is used once, and each label is
// absent from the part that it lies in.
export function verifyPseudonyms(n: Node): number {
  const asked = new Map(n.queries.map((q) => {
    const sets = n.epoch.evaluators.filter((s) => s.version === q.keyVersion);
    return [q.keyVersion, { q, used: new Set<number>(), ...underOneOf(sets, q) }];
  }));
  let proofs = 0;
  for (const f of n.fingerprints) {
    const a = asked.get(f.keyVersion);
    const at = f.pseudonym?.asked;
    if (a === undefined || at === undefined || at >= a.q.blinded.length || a.used.has(at)) return refuse('nobody was asked for a pseudonym');
    a.used.add(at);
    const Y = fromHex(f.key, 32);
    verifyUnblinding(
      {
        origin: n.epoch.origin, genesis: n.epoch.genesis, size: n.epoch.size, keyVersion: f.keyVersion, kind: f.kind,
        public: a.public, B: a.q.blinded[at] as Uint8Array, Z: encode(a.Z[at] as Element), Y,
      },
      f.pseudonym?.proof ?? new Uint8Array(),
    );
    const bits = prefixOf(Y);
    const parts = n.state.parts.filter((p) => p.keyVersion === f.keyVersion && p.part.startsWith(f.kind + '/') && bits.startsWith(p.part.slice(f.kind.length + 1).replace('-', '')));
    if (parts.length > 1 || f.proofs.size !== parts.length) refuse(`${f.proofs.size} proofs of absence for ${parts.length} parts`);
    for (const p of parts) {
      const proof = f.proofs.get(p.part);
      if (proof === undefined) return refuse(`no proof for part ${p.part}`);
      verifyAbsence(proof, fromHex(p.root, 32), p.count, Y);
    }
    proofs += 1 + parts.length;
  }
  if ([...asked.values()].some((a) => a.used.size === 0)) refuse('a query that nothing came of');
  return proofs;
}

// Sets of one key version differ where shares were refreshed; their public key is one.
function underOneOf(sets: EvaluatorSet[], q: Query): { Z: Element[]; public: Uint8Array } {
  let first: unknown;
  for (const s of sets) {
    try {
      return { Z: evaluate(s, q.blinded, q.answers), public: s.commitments[0] as Uint8Array };
    } catch (e) {
      first ??= e;
    }
  }
  throw first ?? new Refused(`the log names no evaluators of key version ${q.keyVersion}`);
}
