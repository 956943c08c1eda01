// Statements: DSSE envelopes by one template around canonical JSON, and the genesis that names the keys.

import { createPublicKey, verify as nodeVerify } from 'node:crypto';

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';

import { ascii, base64, compare, concat, equal, fromBase64, hex, refuse } from './bytes.js';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Statement {
  kind: string;
  payload: { [name: string]: Json };
  bytes: Uint8Array; // of the payload
  type: string;
  signatures: { keyid: string; sig: Uint8Array }[];
}

// RFC 8785 with ASCII keys and integers.
export function canonical(v: Json): string {
  if (v === null || typeof v === 'boolean') return String(v);
  if (typeof v === 'number') return Number.isSafeInteger(v) && !Object.is(v, -0) ? String(v) : refuse(`number ${v}`);
  if (typeof v === 'string') return JSON.stringify(v);
  if (Array.isArray(v)) return '[' + v.map(canonical).join(',') + ']';
  return '{' + Object.keys(v).sort().map((k) => JSON.stringify(k) + ':' + canonical(v[k] as Json)).join(',') + '}';
}

function json(b: Uint8Array): Json {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b);
  const v = JSON.parse(text) as Json;
  if (canonical(v) !== text) refuse('payload is not canonical JSON');
  return v;
}

export function object(v: Json | undefined): { [name: string]: Json } {
  if (v === null || v === undefined || typeof v !== 'object' || Array.isArray(v)) return refuse('want an object');
  return v;
}

export function array(v: Json | undefined): Json[] {
  return Array.isArray(v) ? v : refuse('want an array');
}

export function text(v: Json | undefined): string {
  return typeof v === 'string' ? v : refuse('want a string');
}

export function integer(v: Json | undefined): number {
  return typeof v === 'number' && Number.isSafeInteger(v) && v >= 0 ? v : refuse('want a number');
}

export function parseStatement(leaf: Uint8Array): Statement {
  const envelope = object(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(leaf)) as Json);
  const type = text(envelope['payloadType']);
  const m = /^application\/vnd\.haltlog\.([a-z]+)\.v1\+json$/.exec(type);
  if (m === null) return refuse(`payload type ${type.slice(0, 80)}`);
  const payload = text(envelope['payload']);
  const signatures = array(envelope['signatures']).map((s) => ({ keyid: text(object(s)['keyid']), sig: fromBase64(text(object(s)['sig'])) }));
  for (let i = 1; i < signatures.length; i++) {
    if ((signatures[i - 1]?.keyid ?? '') >= (signatures[i]?.keyid ?? '')) refuse('signatures out of order');
  }
  const again =
    `{"payload":${JSON.stringify(payload)},"payloadType":${JSON.stringify(type)},"signatures":[` +
    signatures.map((s) => `{"keyid":${JSON.stringify(s.keyid)},"sig":"${base64(s.sig)}"}`).join(',') + ']}';
  if (!equal(ascii(again), leaf)) refuse('envelope is not of the one template');
  const bytes = fromBase64(payload);
  return { kind: m[1] as string, payload: object(json(bytes)), bytes, type, signatures };
}

function pae(s: Statement): Uint8Array {
  return concat(ascii(`DSSEv1 ${s.type.length} ${s.type} ${s.bytes.length} `), s.bytes);
}

const SPKI_ED25519 = '302a300506032b6570032100';
const SPKI_P256 = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';

// One signature over a statement by a key in SubjectPublicKeyInfo form.
export function signedBy(s: Statement, spki: Uint8Array): boolean {
  const keyid = hex(sha256(spki));
  const line = s.signatures.find((x) => x.keyid === keyid);
  if (line === undefined) return false;
  const form = hex(spki);
  if (form.startsWith(SPKI_ED25519)) {
    return line.sig.length === 64 && ed25519.verify(line.sig, pae(s), spki.slice(12), { zip215: false });
  }
  if (form.startsWith(SPKI_P256)) {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    return nodeVerify('sha256', pae(s), { key, dsaEncoding: 'der' }, line.sig);
  }
  return false;
}

export interface Genesis {
  hash: string;
  origin: string;
  quorum: string;
  engines: Uint8Array[]; // SPKI
}

// Entry 0: signed by exactly the threshold of the officers that it names. Who pins its hash trusts nothing else.
export function openGenesis(leaf: Uint8Array): Genesis {
  const s = parseStatement(leaf);
  if (s.kind !== 'genesis') refuse(`entry 0 is a ${s.kind}`);
  const keys = array(s.payload['keys']).map(object);
  const of = (role: string): Uint8Array[] => keys.filter((k) => k['role'] === role).map((k) => fromBase64(text(k['spki'])));
  const signed = of('officer').filter((k) => signedBy(s, k)).length;
  if (signed !== s.signatures.length || signed !== integer(s.payload['threshold']) || signed === 0) refuse('genesis is not signed by its officers');
  return {
    hash: hex(sha256(concat(ascii('haltlog/genesis/v1\n'), leaf))),
    origin: text(s.payload['origin']), quorum: text(s.payload['quorum']), engines: of('engine'),
  };
}

// A statement that is logged in parts, put together from all of them.
export function joinParts(parts: Statement[]): Uint8Array {
  const first = parts[0];
  if (first === undefined || first.kind !== 'part') return refuse('not a part');
  const whole = text(first.payload['whole']);
  if (integer(first.payload['count']) !== parts.length) refuse('parts are missing');
  const bytes = concat(...parts.map((p, i) => {
    if (p.kind !== 'part' || text(p.payload['whole']) !== whole || integer(p.payload['number']) !== i) refuse('part of another whole');
    return fromBase64(text(p.payload['data']));
  }));
  if (hex(sha256(concat(ascii('haltlog/whole/v1\n'), bytes))) !== hex(fromBase64(whole, 32))) refuse('whole of another hash');
  return bytes;
}

export { compare };
