// Clearance documents, `haltlog/clearance/v1`, in both forms: what stands in them, that they are the log's, and that
// they leave nothing out.

import { fromBase64, fromHex, refuse } from './bytes.js';
import { type Epoch, hashOf, type Pins, verifyEvidence } from './evidence.js';
import { parseState, type State } from './list.js';
import { array, integer, type Json, object, text } from './statement.js';
import type { Answer } from './voprf.js';

export const ZERO = 'zero-knowledge';
const SAYS: { [form: string]: string } = {
  [ZERO]:
    'This proves that the committed labels are absent from the blacklist of this log at this size. It proves nothing of which model they are of: ' +
    'whether the commitments belong to the model that was trained is checked where they are opened, at an audit.',
  pseudonymous:
    'This proves that the labels shown here are absent from the blacklist of this log at this size, and that the evaluators made them of elements ' +
    'that were blinded. It proves nothing of which model they are of, and it links: whoever sees two such documents of one model, or its label ' +
    'anywhere else, knows that they are of one model.',
};
const MAX_CHAIN = 16; // documents that extend one another
const LINKABLE = ' It was made to be linked: its commitments stand in another clearance too.';

export interface Node {
  epoch: Epoch;
  state: State;
  form: string;
  queries: Query[];
  fingerprints: Fingerprint[];
  older: Node | undefined;
}

export interface Fingerprint {
  kind: string;
  keyVersion: number;
  key: string; // C_0, or the pseudonym Y, in hex
  pseudonym: { asked: number; proof: Uint8Array } | undefined;
  proofs: Map<string, Uint8Array>;
}

// What evaluators were asked under one key version, and answered.
export interface Query {
  keyVersion: number;
  blinded: Uint8Array[];
  answers: Answer[];
}

export function parseClearance(bytes: Uint8Array, pins: Pins): Node {
  const raw = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const root = object(JSON.parse(raw) as Json);
  if (JSON.stringify(root, null, 1) + '\n' !== raw) refuse('the document is not as it would be printed');
  const parsed = open(root, pins);
  complete(parsed);
  return parsed;
}

// Everything but the lists: evidence, places, commitments.
function open(d: { [name: string]: Json }, pins: Pins, depth = 0): Node {
  if (d['format'] !== 'haltlog/clearance/v1') refuse('not a clearance');
  const form = text(d['form']);
  const says = SAYS[form];
  if (says === undefined) return refuse(`form ${form.slice(0, 40)} is not known here`);
  if (text(d['says']) !== says + (d['linkable'] === true ? LINKABLE : '')) refuse('says something else than a document of its form');
  only(d, 'format', 'form', 'says', 'origin', 'genesis', 'linkable', 'epoch', 'from', 'queries', 'fingerprints', 'older');
  if (depth > MAX_CHAIN) refuse(`more than ${MAX_CHAIN} documents that extend one another`);
  const e = object(d['epoch']);
  only(e, 'number', 'index', 'size', 'state_hash', 'state', 'genesis', 'entries', 'authority');
  const epoch = verifyEvidence(e, pins);
  if (text(d['origin']) !== epoch.origin || text(d['genesis']) !== epoch.genesis) refuse('another log than its evidence shows');
  const state = fromBase64(text(e['state']));
  if (hashOf(state) !== epoch.state || text(e['state_hash']) !== epoch.state) refuse('state document of another epoch');
  const s = parseState(state);
  if (s.epoch !== epoch.number || s.size !== epoch.size) refuse('state document of another epoch');

  const queries = array(d['queries']).map((v) => query(object(v)));
  if (form === ZERO && queries.length > 0) refuse('queries in the zero-knowledge form');
  if (form !== ZERO && d['older'] !== null) refuse('pseudonyms are made anew, and not extended');
  if (queries.some((q, i) => i > 0 && (queries[i - 1] as Query).keyVersion >= q.keyVersion)) refuse('queries out of order');
  const fingerprints = array(d['fingerprints']).map((v) => fingerprint(object(v), form));
  if (fingerprints.length === 0) refuse('no fingerprints');
  const names = fingerprints.map((f) => `${f.kind} ${f.keyVersion} ${f.key}`);
  fingerprints.forEach((f, i) => {
    if (i > 0 && inOrder(fingerprints[i - 1] as Fingerprint, f) >= 0) refuse('a fingerprint is out of order, or stands twice');
  });

  let older: Node | undefined;
  if (d['older'] !== null) {
    older = open(object(d['older']), pins, depth + 1);
    const from = object(d['from']);
    only(from, 'number', 'index', 'size');
    if (integer(from['number']) !== older.epoch.number || integer(from['index']) !== older.epoch.index || integer(from['size']) !== older.epoch.size) refuse('extends another document');
    if (older.epoch.genesis !== epoch.genesis || older.epoch.size >= epoch.size || older.epoch.number >= epoch.number) refuse('extends a document of another log, or no older one');
    // The same commitments: what was cleared then is what is cleared now.
    if (older.form !== form) refuse('extends a document of another form');
    const before = older.fingerprints.map((f) => `${f.kind} ${f.keyVersion} ${f.key}`);
    if (before.sort().join('\n') !== [...names].sort().join('\n')) refuse('other commitments than the document that is extended');
  } else if (d['from'] !== null) {
    refuse('the document that is extended is missing');
  }
  return { epoch, state: s, form, queries, fingerprints, older };
}

// Under each key version that a model has to be asked under, as many fingerprints of a kind as under any other: one that
// is left out is not cleared. The epoch says which versions these are; of those that hold labels the newest is one.
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
  const held = n.state.parts.filter((p) => p.count > 0);
  const newest = Math.max(0, ...held.map((p) => p.keyVersion));
  if (newest > 0 && !n.epoch.asked.includes(newest) || n.epoch.asked.some((v) => !held.some((p) => p.keyVersion === v))) refuse('the epoch names other key versions than hold labels');
  for (const p of held) {
    const kind = p.part.slice(0, p.part.indexOf('/'));
    if (kinds.has(kind) && n.epoch.asked.includes(p.keyVersion)) need(kind, p.keyVersion);
  }
}

function fingerprint(f: { [name: string]: Json }, form: string): Fingerprint {
  const proofs = new Map<string, Uint8Array>();
  only(f, 'kind', 'key_version', 'c0', 'pseudonym', 'proofs');
  for (const v of array(f['proofs'])) {
    const p = object(v);
    only(p, 'part', 'proof');
    const part = text(p['part']);
    if (proofs.has(part)) refuse(`part ${part} stands twice`);
    proofs.set(part, fromBase64(text(p['proof'])));
  }
  const kind = text(f['kind']);
  if (!/^(manifest|tensor|bandp?-([0-9]|1[0-5]))$/.test(kind)) refuse(`kind ${kind}`);
  const of = { kind, keyVersion: integer(f['key_version']), proofs };
  if (form === ZERO) {
    if (f['pseudonym'] !== null) refuse('a pseudonym in the zero-knowledge form');
    return { ...of, key: text(f['c0']), pseudonym: undefined };
  }
  if (f['c0'] !== null) refuse('a commitment in the pseudonymous form');
  const p = object(f['pseudonym']);
  only(p, 'y', 'asked', 'proof');
  return { ...of, key: text(p['y']), pseudonym: { asked: integer(p['asked']), proof: fromBase64(text(p['proof'])) } };
}

// By kind, key version and C_0 (or Y).
function inOrder(a: Fingerprint, b: Fingerprint): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.keyVersion !== b.keyVersion) return a.keyVersion - b.keyVersion;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

// No member is passed over: what is not known here might say something.
function only(o: { [name: string]: Json }, ...known: string[]): void {
  if (Object.keys(o).some((k) => !known.includes(k))) refuse('a member that is not known here');
}

function query(q: { [name: string]: Json }): Query {
  only(q, 'key_version', 'blinded', 'answers');
  return {
    keyVersion: integer(q['key_version']),
    blinded: array(q['blinded']).map((b) => fromHex(text(b), 32)),
    answers: array(q['answers']).map(object).map((a) => ({ holder: integer(a['holder']), responses: array(a['responses']).map((r) => fromBase64(text(r))) })),
  };
}
