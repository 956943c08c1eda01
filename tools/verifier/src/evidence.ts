// What shows offline that an epoch is one of a log: genesis, authority statements and the epoch's entries, each
// under a witnessed checkpoint. Whose log it is follows from the pinned hash of the genesis alone.

import { sha256 } from '@noble/hashes/sha2.js';

import { fromBase64, hex, refuse } from './bytes.js';
import { verifyInclusion } from './merkle.js';
import { openCheckpoint, parsePolicy, parseTlogProof, type Policy } from './note.js';
import type { EvaluatorSet } from './voprf.js';
import { array, integer, type Json, joinParts, object, openGenesis, parseStatement, signedBy, type Statement, text } from './statement.js';

export interface Pins {
  genesis?: string; // hash in hex; without it the log is trusted on first use
  quorum?: string; // tlog-policy; without it, that of the genesis
}

export interface Epoch {
  origin: string;
  genesis: string;
  number: number;
  index: number;
  size: number;
  state: string; // hash in hex
  witnessed: number; // smallest cosignature time of its receipts, POSIX seconds
  evaluators: EvaluatorSet[]; // that the log named up to it, the newest first
  asked: number[]; // key versions under which a model has to be asked
}

interface Office {
  threshold: number;
  number: number;
  keys: Map<string, { role: string; spki: Uint8Array }>;
  evaluators: EvaluatorSet[];
}

export function verifyEvidence(v: Json | undefined, pins: Pins): Epoch {
  const e = object(v);
  const leaf0 = fromBase64(text(e['genesis']));
  const genesis = openGenesis(leaf0);
  if (pins.genesis !== undefined && pins.genesis !== genesis.hash) refuse(`another log: its genesis is ${genesis.hash}`);
  // What a document says of a quorum is nothing: it has to be the one that is trusted.
  const policy = parsePolicy(pins.quorum ?? genesis.quorum);

  const place = { number: integer(e['number']), index: integer(e['index']), size: integer(e['size']) };
  let office = begin(leaf0);
  let last = -1;
  array(e['authority']).map(object).forEach((x) => {
    const index = integer(x['index']);
    if (index <= last || index >= place.index) refuse('authority statements out of order');
    last = index;
    const next = apply(office, include(x, policy, genesis.origin).statement);
    if (next !== undefined) office = next; // else it is void, and changes nothing
  });

  let witnessed = Number.MAX_SAFE_INTEGER;
  const entries = array(e['entries']).map(object);
  const parts = entries.map((x) => {
    if (integer(x['index']) > place.index) refuse('entry behind the epoch');
    const got = include(x, policy, genesis.origin);
    witnessed = Math.min(witnessed, got.time);
    return got;
  });
  const lastEntry = entries.at(-1);
  const first = parts[0];
  if (lastEntry === undefined || first === undefined || integer(lastEntry['index']) !== place.index) return refuse('no entry of the epoch');
  const whole = first.statement.kind === 'part' ? parseStatement(joinParts(parts.map((p) => p.statement))) : first.statement;
  if (first.statement.kind !== 'part' && parts.length !== 1) refuse('several entries of one statement');
  const p = whole.payload;
  if (whole.kind !== 'epoch' || text(p['origin']) !== genesis.origin) refuse(`entry ${place.index} is no epoch of this log`);
  if (integer(p['number']) !== place.number || integer(p['size']) !== place.size || place.size > place.index) refuse('another epoch than is said');
  if (integer(p['semantics']) !== 2) refuse(`semantics ${integer(p['semantics'])} is not known here`);
  const engines = [...office.keys.values()].filter((k) => k.role === 'engine');
  if (whole.signatures.length !== 1 || !engines.some((k) => signedBy(whole, k.spki))) refuse('the epoch is not signed by an engine');
  return { ...place, origin: genesis.origin, genesis: genesis.hash, state: hex(fromBase64(text(p['state']), 32)), witnessed, evaluators: office.evaluators, asked: p['asked'] === undefined ? [] : array(p['asked']).map(integer) };
}

function include(x: { [name: string]: Json }, policy: Policy, origin: string): { statement: Statement; time: number } {
  const leaf = fromBase64(text(x['leaf']));
  const proof = parseTlogProof(text(x['proof']));
  if (proof.index !== integer(x['index'])) refuse('receipt of another entry');
  const c = openCheckpoint(proof.checkpoint, policy, origin);
  verifyInclusion(proof.index, c.size, leaf, proof.path, c.root);
  return { statement: parseStatement(leaf), time: Math.min(...c.times) };
}

function begin(leaf: Uint8Array): Office {
  const s = parseStatement(leaf);
  return { threshold: integer(s.payload['threshold']), number: 0, keys: grants(new Map(), s.payload['keys']), evaluators: [evaluators(s.payload['evaluators'])] };
}

function grants(keys: Office['keys'], list: Json | undefined): Office['keys'] {
  for (const k of array(list).map(object)) {
    const spki = fromBase64(text(k['spki']));
    keys.set(hex(sha256(spki)), { role: text(k['role']), spki });
  }
  return keys;
}

function evaluators(v: Json | undefined): EvaluatorSet {
  const e = object(v);
  const commitments = array(e['commitments']).map((c) => fromBase64(text(c), 32));
  const set = { version: integer(e['version']), t: integer(e['t']), n: integer(e['n']), commitments };
  if (commitments[0] === undefined || hex(commitments[0]) !== hex(fromBase64(text(e['public_key']), 32))) refuse('evaluators of another key');
  return set;
}

// An authority statement by exactly the threshold of the officers in office; undefined for one that is void.
function apply(o: Office, s: Statement): Office | undefined {
  if (s.kind !== 'authority' || integer(s.payload['number']) !== o.number + 1) return undefined;
  const officers = [...o.keys.values()].filter((k) => k.role === 'officer');
  const signed = officers.filter((k) => signedBy(s, k.spki)).length;
  if (signed !== o.threshold || signed !== s.signatures.length) return undefined;
  const keys = new Map(o.keys);
  for (const id of array(s.payload['revoke'])) keys.delete(text(id));
  grants(keys, s.payload['add']);
  const threshold = s.payload['threshold'] === null ? o.threshold : integer(s.payload['threshold']);
  const more = s.payload['evaluators'] === null ? [] : [evaluators(s.payload['evaluators'])];
  return { threshold, number: o.number + 1, keys, evaluators: [...more, ...o.evaluators] };
}

export function hashOf(b: Uint8Array): string {
  return hex(sha256(b));
}

// The statement of an epoch's head: a hint, since nothing of it is verified here.
function hint(head: Uint8Array): { [name: string]: Json } {
  const entries = array(object(JSON.parse(new TextDecoder().decode(head)) as Json)['entries']).map((x) => parseStatement(fromBase64(text(object(x)['leaf']))));
  const first = entries[0];
  if (first === undefined) return refuse('head without entries');
  return (first.kind === 'part' ? parseStatement(joinParts(entries)) : first).payload;
}

// The hash of the state document that an epoch's head names.
export function stateOf(head: Uint8Array): string {
  return hex(fromBase64(text(hint(head)['state']), 32));
}

// The hashes of the deltas that it names.
export function deltasOf(head: Uint8Array): string[] {
  const hashes: string[] = [];
  for (const part of array(hint(head)['parts']).map(object)) {
    for (const c of array(part['commitments']).map(object)) {
      if (c['name'] === 'delta-full') hashes.push(hex(fromBase64(text(c['hash']), 32)));
    }
  }
  return hashes;
}
