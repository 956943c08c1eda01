#!/usr/bin/env node
// verify CLEARANCE (--list DIR | --log URL) [--genesis HASH] [--quorum FILE]
//
// Exit codes: 0 verified, 1 error, 2 usage, 3 not verified.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Refused } from './bytes.js';
import { verifyClearance } from './clearance.js';
import { deltasOf, type Pins, stateOf } from './evidence.js';
import { parseState } from './list.js';
import type { Source } from './lists.js';

const MAX_OBJECT = 256 << 20;

// A folder that `haltlog sync` keeps: objects under their hashes.
function folder(dir: string): Source {
  const objects = join(dir, 'objects');
  const object = async (hash: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(objects, hash.slice(0, 2), hash)));
  const all = async (format: string): Promise<Uint8Array[]> => {
    const out: Uint8Array[] = [];
    for (const head of await readdir(objects)) {
      for (const name of await readdir(join(objects, head))) {
        const b = new Uint8Array(await readFile(join(objects, head, name)));
        if (Buffer.from(b.slice(0, format.length)).toString('latin1') === format) out.push(b);
      }
    }
    return out;
  };
  return {
    object,
    newest: async () => {
      const states = await all('haltlog/blacklist/state/v1\n');
      states.sort((a, b) => parseState(b).epoch - parseState(a).epoch);
      return states[0] ?? Promise.reject(new Error(`${dir} holds no list`));
    },
    deltas: async () => all('haltlog/blacklist/delta/v1\n'),
  };
}

// A daemon or a mirror.
function server(url: string): Source {
  const get = async (path: string): Promise<Uint8Array> => {
    const answer = await fetch(url.replace(/\/$/, '') + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const b = new Uint8Array(await answer.arrayBuffer());
    if (b.length > MAX_OBJECT) throw new Error(`${path} is too long`);
    return b;
  };
  const object = (hash: string): Promise<Uint8Array> => get(`/v1/blacklist/objects/${hash.slice(0, 2)}/${hash}`);
  return {
    object,
    newest: async () => object(stateOf(await get('/v1/blacklist/head'))),
    deltas: async (after, upTo) => {
      const out: Uint8Array[] = [];
      for (let number = after + 1; number <= upTo; number++) {
        for (const hash of deltasOf(await get(`/v1/blacklist/heads/${number}`))) out.push(await object(hash));
      }
      return out;
    },
  };
}

async function main(): Promise<number> {
  let args;
  try {
    args = parseArgs({
      allowPositionals: true,
      options: { list: { type: 'string' }, log: { type: 'string' }, genesis: { type: 'string' }, quorum: { type: 'string' } },
    });
  } catch (e) {
    console.error(String(e));
    return 2;
  }
  const { list, log, genesis, quorum } = args.values;
  const file = args.positionals[0];
  if (file === undefined || args.positionals.length !== 1 || (list === undefined) === (log === undefined)) {
    console.error('usage: verify CLEARANCE (--list DIR | --log URL) [--genesis HASH] [--quorum FILE]');
    return 2;
  }
  const pins: Pins = {};
  if (genesis !== undefined) pins.genesis = genesis;
  if (quorum !== undefined) pins.quorum = await readFile(quorum, 'utf8');
  try {
    const a = await verifyClearance(new Uint8Array(await readFile(file)), list !== undefined ? folder(list) : server(log as string), pins);
    console.log(`verified: ${a.fingerprints} committed labels are on no list of ${a.origin} at epoch ${a.epoch} (log size ${a.size}), by ${a.proofs} proofs` +
      (a.extended > 0 ? `, extending ${a.extended} older clearance(s)` : ''));
    console.log(`witnessed ${new Date(a.witnessed * 1000).toISOString()}; genesis ${a.genesis}${genesis === undefined ? ', trusted on first use' : ''}`);
    return 0;
  } catch (e) {
    if (e instanceof Refused || e instanceof SyntaxError) {
      console.error(`not verified: ${e.message}`);
      return 3;
    }
    throw e;
  }
}

main().then(
  (code) => { process.exitCode = code; },
  (e: unknown) => { console.error(`error: ${e instanceof Error ? e.message : String(e)}`); process.exitCode = 1; },
);
