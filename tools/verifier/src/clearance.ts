// Clearance documents in the zero-knowledge form: `haltlog/clearance/v1`.

import { verifyProof } from './bayergroth.js';
import { compare, fromBase64, fromHex, refuse } from './bytes.js';
import { type Epoch, hashOf, type Pins, verifyEvidence } from './evidence.js';
import { formatDelta, formatFull, parseDelta, parseFull, parseState, type PartState, prefixOf, scalarOf, type State } from './list.js';
import { ofRoots, type Polynomial } from './polynomial.js';
import { array, integer, type Json, object, text } from './statement.js';

// Where lists come from. Nothing of it is believed.
export interface Source {
  // Bytes by their SHA-256.
  object(hash: string): Promise<Uint8Array>;
  // Deltas of the epochs behind one of that number and up to another.
  deltas(after: number, upTo: number): Promise<Uint8Array[]>;
}

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

interface Node {
  epoch: Epoch;
  state: State;
  fingerprints: Fingerprint[];
  older: Node | undefined;
}

interface Fingerprint {
  kind: string;
  keyVersion: number;
  c0: string;
  proofs: Map<string, Uint8Array>;
}

export async function verifyClearance(bytes: Uint8Array, source: Source, pins: Pins): Promise<Answer> {
  const raw = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const root = object(JSON.parse(raw) as Json);
  if (JSON.stringify(root, null, 1) + '\n' !== raw) refuse('the document is not as it would be printed');
  const parsed = open(root, pins);
  let proofs = 0;
  let extended = -1;
  for (let n: Node | undefined = parsed; n !== undefined; n = n.older) {
    proofs += await verifyNode(n, source);
    extended++;
  }
  return {
    origin: parsed.epoch.origin, genesis: parsed.epoch.genesis, epoch: parsed.epoch.number, size: parsed.epoch.size,
    witnessed: parsed.epoch.witnessed, fingerprints: parsed.fingerprints.length, proofs, extended,
  };
}

// Everything but the lists: evidence, places, commitments.
function open(d: { [name: string]: Json }, pins: Pins): Node {
  if (d['format'] !== 'haltlog/clearance/v1') refuse('not a clearance');
  if (d['form'] !== 'zero-knowledge') refuse(`form ${String(d['form']).slice(0, 40)} is not known here`);
  const known = ['format', 'form', 'says', 'origin', 'genesis', 'linkable', 'epoch', 'from', 'queries', 'fingerprints', 'older'];
  if (Object.keys(d).some((k) => !known.includes(k))) refuse('a member that is not known here');
  const e = object(d['epoch']);
  const epoch = verifyEvidence(e, pins);
  if (text(d['origin']) !== epoch.origin || text(d['genesis']) !== epoch.genesis) refuse('another log than its evidence shows');
  const state = fromBase64(text(e['state']));
  if (hashOf(state) !== epoch.state || text(e['state_hash']) !== epoch.state) refuse('state document of another epoch');
  const s = parseState(state);
  if (s.epoch !== epoch.number || s.size !== epoch.size) refuse('state document of another epoch');

  const fingerprints = array(d['fingerprints']).map((v) => fingerprint(object(v)));
  if (fingerprints.length === 0) refuse('no fingerprints');
  const names = fingerprints.map((f) => `${f.kind} ${f.keyVersion} ${f.c0}`);
  if (new Set(names).size !== names.length) refuse('a fingerprint stands twice');

  let older: Node | undefined;
  if (d['older'] !== null) {
    older = open(object(d['older']), pins);
    const from = object(d['from']);
    if (integer(from['number']) !== older.epoch.number || integer(from['index']) !== older.epoch.index || integer(from['size']) !== older.epoch.size) refuse('extends another document');
    if (older.epoch.genesis !== epoch.genesis || older.epoch.size >= epoch.size || older.epoch.number >= epoch.number) refuse('extends a document of another log, or no older one');
    // The same commitments: what was cleared then is what is cleared now.
    const before = older.fingerprints.map((f) => `${f.kind} ${f.keyVersion} ${f.c0}`);
    if (before.sort().join('\n') !== [...names].sort().join('\n')) refuse('other commitments than the document that is extended');
  } else if (d['from'] !== null) {
    refuse('the document that is extended is missing');
  }
  return { epoch, state: s, fingerprints, older };
}

function fingerprint(f: { [name: string]: Json }): Fingerprint {
  if (f['pseudonym'] !== null) refuse('a pseudonym in the zero-knowledge form');
  const proofs = new Map<string, Uint8Array>();
  for (const v of array(f['proofs'])) {
    const p = object(v);
    const part = text(p['part']);
    if (proofs.has(part)) refuse(`part ${part} stands twice`);
    proofs.set(part, fromBase64(text(p['proof'])));
  }
  const kind = text(f['kind']);
  if (!/^(manifest|tensor|bandp?-([0-9]|1[0-5]))$/.test(kind)) refuse(`kind ${kind}`);
  return { kind, keyVersion: integer(f['key_version']), c0: text(f['c0']), proofs };
}

// Every fingerprint against every part of its kind and key version.
async function verifyNode(n: Node, source: Source): Promise<number> {
  const get = async (hash: string): Promise<Uint8Array> => {
    const b = await source.object(hash);
    if (hashOf(b) !== hash) refuse(`object ${hash} is another`);
    return b;
  };
  let proofs = 0;
  const groups = new Map<string, Fingerprint[]>();
  for (const f of n.fingerprints) {
    const key = `${f.kind} ${f.keyVersion}`;
    groups.set(key, [...(groups.get(key) ?? []), f]);
  }
  for (const list of groups.values()) {
    const { kind, keyVersion } = list[0] as Fingerprint;
    const lists = await spokenOf(n, kind, keyVersion, get, source);
    const parts = n.state.parts.filter((p) => p.keyVersion === keyVersion && lists.has(p.part));
    for (const f of list) {
      if (f.proofs.size !== parts.length) refuse(`${kind}: ${f.proofs.size} proofs for ${parts.length} parts`);
    }
    for (const part of parts) {
      const { polynomial, listHash } = lists.get(part.part) as Spoken;
      for (const f of list) {
        const proof = f.proofs.get(part.part);
        if (proof === undefined) return refuse(`no proof for part ${part.part}`);
        verifyProof(
          {
            origin: n.epoch.origin, size: n.epoch.size, from: n.older?.epoch.size ?? 0, keyVersion, part: part.part,
            listHash, polynomial,
          },
          fromHex(f.c0, 32), proof,
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

type Get = (hash: string) => Promise<Uint8Array>;

// What proofs speak of, by part: each full list of the kind; for an extension what was added since the older epoch,
// where anything was. What was added is what the one commits to and the other does not.
async function spokenOf(n: Node, kind: string, keyVersion: number, get: Get, source: Source): Promise<Map<string, Spoken>> {
  const of = (s: State): PartState[] => s.parts.filter((p) => p.keyVersion === keyVersion && p.part.startsWith(kind + '/'));
  const out = new Map<string, Spoken>();
  const full = new Map<string, Uint8Array[]>();
  for (const p of of(n.state)) {
    const list = parseFull(await get(p.full));
    if (list.part !== p.part || list.keyVersion !== keyVersion || list.labels.length !== p.count) refuse(`list of ${p.part} is another`);
    full.set(p.part, list.labels);
    if (n.older === undefined) out.set(p.part, { polynomial: ofRoots(list.labels.map(scalarOf)), listHash: fromHex(p.full, 32) });
  }
  if (n.older === undefined) return out;
  const had = await before(n.older, n, of(n.older.state), [...full.values()].flat(), get, source);
  for (const [part, all] of full) {
    const labels = all.filter((l) => !had.has(key(l)));
    if (labels.length === 0) continue;
    const delta = formatDelta({ part, keyVersion, from: n.older.epoch.size, to: n.epoch.size, labels });
    out.set(part, { polynomial: ofRoots(labels.map(scalarOf)), listHash: fromHex(hashOf(delta), 32) });
  }
  return out;
}

// The labels of older parts: of their lists where those are to be had, else of the newer ones without what deltas
// brought since. Either way they hash to what the older epoch commits to.
async function before(older: Node, newer: Node, parts: PartState[], now: Uint8Array[], get: Get, source: Source): Promise<Set<string>> {
  const out = new Set<string>();
  let since: Set<string> | undefined;
  for (const p of parts) {
    let labels: Uint8Array[];
    try {
      labels = parseFull(await get(p.full)).labels;
    } catch {
      if (since === undefined) {
        const deltas = (await source.deltas(older.epoch.number, newer.epoch.number)).map(parseDelta);
        since = new Set(deltas.filter((d) => d.keyVersion === p.keyVersion && d.from >= older.epoch.size && d.to <= newer.epoch.size).flatMap((d) => d.labels.map(key)));
      }
      const prefix = p.part.slice(p.part.indexOf('/') + 1).replace('-', '');
      labels = now.filter((l) => !(since as Set<string>).has(key(l)) && prefixOf(l).startsWith(prefix)).sort(compare);
      if (hashOf(formatFull({ part: p.part, keyVersion: p.keyVersion, labels })) !== p.full) refuse(`the list of ${p.part} at size ${older.epoch.size} is not to be had`);
    }
    if (labels.length !== p.count) refuse(`list of ${p.part} is another`);
    for (const l of labels) out.add(key(l));
  }
  const present = new Set(now.map(key));
  for (const l of out) if (!present.has(l)) refuse('labels vanished from the list');
  return out;
}

function key(label: Uint8Array): string {
  return Buffer.from(label).toString('latin1');
}
