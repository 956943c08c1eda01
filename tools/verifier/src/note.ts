// Signed notes, checkpoints, cosignatures (Ed25519, ML-DSA-44), tlog-policies and tlog-proofs, as the C2SP
// documents of those names have them.

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';

import { ascii, concat, decimal, equal, fromBase64, hex, refuse, u64 } from './bytes.js';

const ED25519 = 0x01;
const COSIGNATURE = 0x04;
const MLDSA44 = 0x06;

export interface Key {
  name: string;
  type: number;
  id: string;
  key: Uint8Array;
}

export function parseVkey(s: string): Key {
  const m = /^([^ +]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(s);
  if (m === null) return refuse(`verifier key ${s.slice(0, 80)}`);
  const [, name, id, encoded] = m as unknown as [string, string, string, string];
  const b = fromBase64(encoded);
  const type = b[0] as number;
  const key = b.slice(1);
  if (hex(sha256(concat(ascii(name + '\n'), b)).slice(0, 4)) !== id) refuse(`key ID of ${name}`);
  const size = type === MLDSA44 ? 1312 : type === ED25519 || type === COSIGNATURE ? 32 : refuse(`key type ${type}`);
  if (key.length !== size) refuse(`key of ${name} has ${key.length} bytes`);
  return { name, type, id, key };
}

export interface Policy {
  logs: Key[];
  witnesses: Map<string, Key>;
  groups: Map<string, { k: number; members: string[] }>;
  quorum: string;
}

// A tlog-policy. Each name is defined once and before use, is a member at most once, no key stands twice, and
// the one quorum asks for something.
export function parsePolicy(text: string): Policy {
  if (/[^\x09\x0a\x20-\x7e\x80-\uffff]/.test(text)) refuse('policy holds a control character');
  const p: Policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: '' };
  const keys = new Set<string>();
  const members = new Set<string>();
  const fresh = (name: string): void => {
    if (name === 'none' || p.witnesses.has(name) || p.groups.has(name)) refuse(`name ${name} stands twice`);
  };
  const add = (k: Key): Key => {
    if (keys.has(hex(k.key))) refuse(`key of ${k.name} stands twice`);
    keys.add(hex(k.key));
    return k;
  };
  for (const line of text.split('\n')) {
    const f = line.split(/[ \t]+/).filter((x) => x !== '');
    if (f.length === 0 || (f[0] as string).startsWith('#')) continue;
    switch (f[0]) {
      case 'log': {
        if (f.length < 2 || f.length > 3) refuse('log line');
        const k = add(parseVkey(f[1] as string));
        if (k.type !== ED25519) refuse('log key type');
        p.logs.push(k);
        break;
      }
      case 'witness': {
        if (f.length < 3 || f.length > 4) refuse('witness line');
        fresh(f[1] as string);
        const k = add(parseVkey(f[2] as string));
        if (k.type === ED25519) refuse('witness key type');
        p.witnesses.set(f[1] as string, k);
        break;
      }
      case 'group': {
        const list = f.slice(3);
        if (list.length === 0) refuse('group line');
        fresh(f[1] as string);
        for (const m of list) {
          if (!p.witnesses.has(m) && !p.groups.has(m)) refuse(`member ${m} is not defined`);
          if (members.has(m)) refuse(`${m} is a member twice`);
          members.add(m);
        }
        const k = f[2] === 'any' ? 1 : f[2] === 'all' ? list.length : decimal(f[2] as string);
        if (k < 1 || k > list.length) refuse(`threshold of group ${f[1]}`);
        p.groups.set(f[1] as string, { k, members: list });
        break;
      }
      case 'quorum':
        if (f.length !== 2 || p.quorum !== '') refuse('quorum line');
        p.quorum = f[1] as string;
        break;
      default:
        refuse(`policy line ${line.slice(0, 40)}`);
    }
  }
  if (!p.witnesses.has(p.quorum) && !p.groups.has(p.quorum)) refuse('no quorum that asks for anything');
  return p;
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  times: number[]; // of the verified cosignatures, POSIX seconds
}

// A checkpoint with a valid line of the log and a quorum of cosignatures.
export function openCheckpoint(note: string, policy: Policy, origin: string): Checkpoint {
  const split = note.indexOf('\n\n');
  if (split < 0) refuse('checkpoint without signatures');
  const body = note.slice(0, split + 1);
  const lines = note.slice(split + 2).split('\n');
  if (lines.pop() !== '' || lines.length === 0 || lines.length > 128) refuse('signature lines');
  const head = body.split('\n');
  if (head.length !== 4) refuse('checkpoint with other than three lines');
  const c: Checkpoint = { origin: head[0] as string, size: decimal(head[1] as string), root: fromBase64(head[2] as string, 32), times: [] };
  if (c.origin !== origin) refuse(`checkpoint of ${c.origin}, not of ${origin}`);

  let byLog = false;
  const good = new Set<string>();
  const seen = new Set<string>();
  const names = new Map([...policy.witnesses].map(([name, k]) => [k.name + k.id, { name, k }]));
  const logs = new Map(policy.logs.filter((k) => k.name === origin).map((k) => [k.name + k.id, k]));
  for (const line of lines) {
    const m = /^\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    if (m === null) return refuse('signature line');
    const raw = fromBase64(m[2] as string);
    const who = (m[1] as string) + hex(raw.slice(0, 4));
    const sig = raw.slice(4);
    const log = logs.get(who);
    const witness = names.get(who);
    if (log === undefined && witness === undefined) continue;
    if (seen.has(who)) refuse('two lines of one key');
    seen.add(who);
    if (log !== undefined) {
      if (sig.length !== 64 || !ed25519.verify(sig, ascii(body), log.key, { zip215: false })) refuse('the log’s signature does not verify');
      byLog = true;
    } else if (witness !== undefined) {
      c.times.push(cosigned(witness.k, c, body, sig));
      good.add(witness.name);
    }
  }
  if (!byLog) refuse('no signature of the log');
  const holds = (name: string): boolean => {
    const g = policy.groups.get(name);
    return g === undefined ? good.has(name) : g.members.filter(holds).length >= g.k;
  };
  if (!holds(policy.quorum)) refuse('too few cosignatures for the quorum');
  return c;
}

// Verifies a cosignature and returns its time.
function cosigned(k: Key, c: Checkpoint, body: string, sig: Uint8Array): number {
  if (sig.length < 8) refuse(`cosignature of ${k.name}`);
  const time = new DataView(sig.buffer, sig.byteOffset).getBigUint64(0);
  if (time === 0n || time > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`time of ${k.name}`);
  const raw = sig.slice(8);
  let ok: boolean;
  if (k.type === MLDSA44) {
    const message = concat(
      ascii('subtree/v1\n\0'), Uint8Array.of(k.name.length), ascii(k.name), u64(time),
      Uint8Array.of(c.origin.length), ascii(c.origin), u64(0), u64(c.size), c.root,
    );
    ok = raw.length === 2420 && ml_dsa44.verify(raw, message, k.key);
  } else {
    ok = raw.length === 64 && ed25519.verify(raw, ascii(`cosignature/v1\ntime ${time}\n${body}`), k.key, { zip215: false });
  }
  if (!ok) refuse(`cosignature of ${k.name} does not verify`);
  return Number(time);
}

export interface TlogProof {
  index: number;
  path: Uint8Array[];
  checkpoint: string;
}

export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n');
  if (split < 0) refuse('tlog-proof');
  const lines = text.slice(0, split).split('\n');
  if (lines.shift() !== 'c2sp.org/tlog-proof@v1') refuse('not a tlog-proof');
  if ((lines[0] ?? '').startsWith('extra ')) lines.shift();
  const m = /^index (.*)$/.exec(lines.shift() ?? '');
  if (m === null) return refuse('tlog-proof without index');
  return { index: decimal(m[1] as string), path: lines.map((l) => fromBase64(l, 32)), checkpoint: text.slice(split + 2) };
}

export { equal };
