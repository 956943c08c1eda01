// What an epoch's parts hold, from a source that is not believed.

import { compare, refuse } from './bytes.js';
import type { Node } from './document.js';
import { hashOf } from './evidence.js';
import { formatFull, parseDelta, parseFull, parseState, type PartState, prefixOf } from './list.js';

// Where lists come from. Nothing of it is believed.
export interface Source {
  // Bytes by their SHA-256.
  object(hash: string): Promise<Uint8Array>;
  // The newest state document that it has.
  newest(): Promise<Uint8Array>;
  // Deltas of the epochs behind one of that number and up to another.
  deltas(after: number, upTo: number): Promise<Uint8Array[]>;
}

// Lists by what an epoch commits to. What is no longer served is the newest list without what was added since: either
// way it has the hash that the epoch commits to.
export class Lists {
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

export function key(label: Uint8Array): string {
  return Buffer.from(label).toString('latin1');
}
