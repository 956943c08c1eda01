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
  // The newest state document that it has.
  newest(): Promise<Uint8Array>;
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
  complete(parsed);
  const lists = new Lists(source);
  let proofs = 0;
  let extended = -1;
  for (let n: Node | undefined = parsed; n !== undefined; n = n.older) {
    proofs += await verifyNode(n, lists);
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

// Under each key version that anything of a kind is listed under, as many fingerprints of it as under any other: one
// that is left out is not cleared.
function complete(n: Node): void {
  const counts = new Map<string, number>();
  for (const f of n.fingerprints) counts.set(`${f.kind} ${f.keyVersion}`, (counts.get(`${f.kind} ${f.keyVersion}`) ?? 0) + 1);
  const kinds = new Map<string, number>();
  for (const f of n.fingerprints) kinds.set(f.kind, Math.max(kinds.get(f.kind) ?? 0, counts.get(`${f.kind} ${f.keyVersion}`) ?? 0));
  const versions = new Set(n.fingerprints.map((f) => f.keyVersion));
  const need = (kind: string, version: number): void => {
    const have = counts.get(`${kind} ${version}`) ?? 0;
    const want = kinds.get(kind) ?? 0;
    if (have !== want) refuse(`${have} of ${want} fingerprints of kind ${kind} under key version ${version}`);
  };
  for (const version of versions) for (const kind of kinds.keys()) need(kind, version);
  for (const p of n.state.parts) {
    const kind = p.part.slice(0, p.part.indexOf('/'));
    if (p.count > 0 && kinds.has(kind)) need(kind, p.keyVersion);
  }
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

// Lists by what an epoch commits to. What is no longer served is the newest list without what was added since: either
// way it has the hash that the epoch commits to.
class Lists {
  private readonly full = new Map<string, Uint8Array[]>();
  private readonly past = new Map<string, Uint8Array[]>();

  constructor(private readonly source: Source) {}

  async labels(n: Node, p: PartState): Promise<Uint8Array[]> {
    let labels = this.full.get(p.full);
    if (labels !== undefined) return labels;
    const b = await this.source.object(p.full).catch(() => undefined);
    if (b !== undefined && hashOf(b) === p.full) {
      const list = parseFull(b);
      if (list.part !== p.part || list.keyVersion !== p.keyVersion) refuse(`list of ${p.part} is another`);
      labels = list.labels;
    } else {
      const prefix = p.part.slice(p.part.indexOf('/') + 1).replace('-', '');
      labels = (await this.before(n, p)).filter((l) => prefixOf(l).startsWith(prefix)).sort(compare);
      if (hashOf(formatFull({ part: p.part, keyVersion: p.keyVersion, labels })) !== p.full) {
        throw new Error(`the list of ${p.part} at log size ${n.epoch.size} is not to be had`);
      }
    }
    if (labels.length !== p.count) refuse(`list of ${p.part} is another`);
    this.full.set(p.full, labels);
    return labels;
  }

  // All labels of a part's kind and key version as they were at an older epoch.
  private async before(n: Node, p: PartState): Promise<Uint8Array[]> {
    const kind = p.part.slice(0, p.part.indexOf('/') + 1);
    const name = `${kind} ${p.keyVersion} ${n.epoch.size}`;
    let out = this.past.get(name);
    if (out !== undefined) return out;
    const newest = parseState(await this.source.newest());
    const deltas = (await this.source.deltas(n.epoch.number, newest.epoch)).map(parseDelta);
    const since = new Set(deltas.filter((d) => d.keyVersion === p.keyVersion && d.part.startsWith(kind) && d.from >= n.epoch.size).flatMap((d) => d.labels.map(key)));
    out = [];
    for (const q of newest.parts) {
      if (q.keyVersion !== p.keyVersion || !q.part.startsWith(kind)) continue;
      out.push(...parseFull(await this.source.object(q.full)).labels.filter((l) => !since.has(key(l))));
    }
    this.past.set(name, out);
    return out;
  }
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

function key(label: Uint8Array): string {
  return Buffer.from(label).toString('latin1');
}
