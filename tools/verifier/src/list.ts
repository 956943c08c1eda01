// Full lists, deltas and state documents of the blacklist, and the scalars that proofs speak of.

import { sha256 } from '@noble/hashes/sha2.js';

import { ascii, compare, concat, decimal, Reader, refuse } from './bytes.js';
import { hashToScalar, toElement } from './group.js';

const SCALAR = 'haltlog/v1/blacklist-scalar';

export interface List {
  part: string;
  keyVersion: number;
  labels: Uint8Array[];
}

export interface Delta extends List {
  from: number;
  to: number;
}

export function scalarOf(label: Uint8Array): bigint {
  return hashToScalar(SCALAR, label);
}

export function parseFull(b: Uint8Array): List {
  const r = new Reader(b);
  if (r.line() !== 'haltlog/blacklist/full/v1') refuse('not a full list');
  const part = r.line();
  const keyVersion = decimal(r.line());
  return { part, keyVersion, labels: labels(r, part, decimal(r.line())) };
}

export function parseDelta(b: Uint8Array): Delta {
  const r = new Reader(b);
  if (r.line() !== 'haltlog/blacklist/delta/v1') refuse('not a delta');
  const part = r.line();
  const keyVersion = decimal(r.line());
  const from = decimal(r.line());
  const to = decimal(r.line());
  return { part, keyVersion, from, to, labels: labels(r, part, decimal(r.line())) };
}

export function formatDelta(d: Delta): Uint8Array {
  return concat(ascii(`haltlog/blacklist/delta/v1\n${d.part}\n${d.keyVersion}\n${d.from}\n${d.to}\n${d.labels.length}\n`), ...d.labels);
}

export function formatFull(l: List): Uint8Array {
  return concat(ascii(`haltlog/blacklist/full/v1\n${l.part}\n${l.keyVersion}\n${l.labels.length}\n`), ...l.labels);
}

// The bits that decide in which part a label lies.
export function prefixOf(label: Uint8Array): string {
  return bits(sha256(concat(ascii('haltlog/blacklist/part/v1\0'), label)));
}

// count labels, ascending, each an element and of the part.
function labels(r: Reader, part: string, count: number): Uint8Array[] {
  if (r.rest() !== 32 * count) refuse('list of another length than it says');
  const prefix = part.slice(part.indexOf('/') + 1).replace('-', '');
  const out: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const label = r.take(32);
    toElement(label);
    if (i > 0 && compare(out[i - 1] as Uint8Array, label) >= 0) refuse('labels out of order');
    if (!prefixOf(label).startsWith(prefix)) refuse('label of another part');
    out.push(label);
  }
  return out;
}

function bits(b: Uint8Array): string {
  return Array.from(b.slice(0, 4), (x) => x.toString(2).padStart(8, '0')).join('');
}

export interface PartState {
  part: string;
  keyVersion: number;
  count: number;
  full: string; // hashes in hex
  lookup: string;
  polynomial: string;
  root: string;
}

export interface State {
  epoch: number;
  size: number;
  parts: PartState[];
}

export function parseState(b: Uint8Array): State {
  const r = new Reader(b);
  if (r.line() !== 'haltlog/blacklist/state/v1') refuse('not a state document');
  const epoch = decimal(r.line());
  const size = decimal(r.line());
  const count = decimal(r.line());
  const parts: PartState[] = [];
  for (let i = 0; i < count; i++) {
    const f = r.line().split(' ');
    if (f.length !== 7 || !f.slice(3).every((h) => /^[0-9a-f]{64}$/.test(h))) refuse('line of a state document');
    const [part, version, n, full, lookup, polynomial, root] = f as [string, string, string, string, string, string, string];
    if (!/^(manifest|tensor|bandp?-([0-9]|1[0-5]))\/(-|[01]{1,16})$/.test(part)) refuse(`part ${part}`);
    parts.push({ part, keyVersion: decimal(version), count: decimal(n), full, lookup, polynomial, root });
  }
  r.end();
  checkSplit(parts);
  return { epoch, size, parts };
}

const FAMILIES = ['band', 'bandp', 'manifest', 'tensor'];

// Parts in their order, and of every kind and key version all that its labels demand: a part that is left out would be
// one that nothing has to be proven against.
function checkSplit(parts: PartState[]): void {
  const place = (p: PartState): [number, number, string, number] => {
    const [kind, prefix] = p.part.split('/') as [string, string];
    const [family, band] = kind.split('-') as [string, string | undefined];
    return [FAMILIES.indexOf(family), Number(band ?? 0), prefix.replace('-', ''), p.keyVersion];
  };
  parts.forEach((p, i) => {
    if (p.keyVersion < 1 || (i > 0 && comparePlaces(place(parts[i - 1] as PartState), place(p)) >= 0)) refuse('parts of a state document out of order');
  });
  const groups = new Map<string, PartState[]>();
  for (const p of parts) {
    const name = `${p.part.slice(0, p.part.indexOf('/'))} ${p.keyVersion}`;
    groups.set(name, [...(groups.get(name) ?? []), p]);
  }
  for (const [name, group] of groups) {
    const count = group.reduce((n, p) => n + p.count, 0);
    const most = name.startsWith('tensor') ? 10 : name.startsWith('manifest') ? 0 : 6;
    const bits = Math.min(most, Math.floor(count / 2 ** 14).toString(2).replace(/^0$/, '').length);
    if (group.length !== 2 ** bits || group.some((p) => p.part.slice(p.part.indexOf('/') + 1).replace('-', '').length !== bits)) {
      refuse(`${name} is split into ${group.length} parts, want ${2 ** bits}`);
    }
  }
}

function comparePlaces(a: [number, number, string, number], b: [number, number, string, number]): number {
  for (let i = 0; i < 4; i++) {
    const x = a[i] as number | string;
    const y = b[i] as number | string;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
