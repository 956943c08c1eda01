// A foreign RFC 9497 client: reads {url, public, inputs} on standard input, blinds,
// asks the evaluator, verifies and finalises, and prints the outputs in hex.
import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/curves/utils.js';

let text = '';
for await (const chunk of process.stdin) text += chunk;
const { url, public: pk, inputs } = JSON.parse(text);

const { voprf } = ristretto255_oprf;
const publicKey = hexToBytes(pk);
const items = inputs.map((x) => ({ input: hexToBytes(x), ...voprf.blind(hexToBytes(x)) }));
const answer = await fetch(url, { method: 'POST', body: concatBytes(...items.map((i) => i.blinded)) });
if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
const body = new Uint8Array(await answer.arrayBuffer());
if (body.length !== 32 * items.length + 64) throw new Error(`answer of ${body.length} bytes`);
items.forEach((item, i) => { item.evaluated = body.slice(32 * i, 32 * (i + 1)); });
const proof = body.slice(32 * items.length);

const outputs = voprf.finalizeBatch(items, publicKey, proof);

// What the library takes must not be everything: one changed bit of the proof is refused.
const wrong = Uint8Array.from(proof);
wrong[0] ^= 1;
let refused = false;
try { voprf.finalizeBatch(items, publicKey, wrong); } catch { refused = true; }
if (!refused) throw new Error('a changed proof was taken');

console.log(JSON.stringify(outputs.map(bytesToHex)));
