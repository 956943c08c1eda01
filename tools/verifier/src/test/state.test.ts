// State documents: a part that is left out, doubled, moved or split otherwise is not passed over.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ascii, Refused } from '../bytes.js';
import { parseState } from '../list.js';

const hash = 'ab'.repeat(32);
const line = (part: string, version: number, count: number): string => `${part} ${version} ${count} ${hash} ${hash} ${hash} ${hash}\n`;
const state = (...lines: string[]): Uint8Array => ascii(`haltlog/blacklist/state/v1\n3\n40\n${lines.length}\n${lines.join('')}`);

test('state documents', () => {
  const whole = [line('band-2/-', 1, 4), line('band-10/-', 1, 4), line('bandp-0/-', 1, 1), line('manifest/-', 1, 2), line('tensor/0', 1, 9000), line('tensor/0', 2, 9000), line('tensor/1', 1, 8000), line('tensor/1', 2, 8000)];
  assert.equal(parseState(state(...whole)).parts.length, 8);
  assert.equal(parseState(state()).parts.length, 0);
  for (const [name, lines] of Object.entries({
    'a part is left out': whole.slice(0, 7),
    'a part stands twice': [...whole, whole[7] as string],
    'parts change places': [whole[1] as string, whole[0] as string, ...whole.slice(2)],
    'split where it need not be': [line('tensor/0', 1, 10), line('tensor/1', 1, 10)],
    'not split where it has to be': [line('tensor/-', 1, 2 ** 14)],
    'split unevenly': [line('tensor/0', 1, 2 ** 14), line('tensor/10', 1, 1)],
    'no key version': [line('tensor/-', 0, 1)],
  })) {
    assert.throws(() => parseState(state(...lines)), Refused, name);
  }
});
