// Bytes and the few text forms of the protocol, strictly: what a formatter would not print is refused.

export class Refused extends Error {}

export function refuse(what: string): never {
  throw new Refused(what);
}

const encoder = new TextEncoder();

export function ascii(s: string): Uint8Array {
  return encoder.encode(s);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

export function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

export function hex(b: Uint8Array): string {
  return Buffer.from(b.buffer, b.byteOffset, b.length).toString('hex');
}

export function fromHex(s: string, size?: number): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(s) || (size !== undefined && s.length !== 2 * size)) refuse(`not ${size ?? ''} bytes of lower-case hex: ${s.slice(0, 80)}`);
  return Uint8Array.from(Buffer.from(s, 'hex'));
}

export function base64(b: Uint8Array): string {
  return Buffer.from(b.buffer, b.byteOffset, b.length).toString('base64');
}

// Padded standard alphabet with zero padding bits, and no other spelling of the same bytes.
export function fromBase64(s: string, size?: number): Uint8Array {
  const b = Uint8Array.from(Buffer.from(s, 'base64'));
  if (base64(b) !== s) refuse(`not canonical base64: ${s.slice(0, 80)}`);
  if (size !== undefined && b.length !== size) refuse(`${b.length} bytes, want ${size}`);
  return b;
}

export function u16(n: number): Uint8Array {
  const b = new Uint8Array(2);
  new DataView(b.buffer).setUint16(0, n);
  return b;
}

export function u32(n: number): Uint8Array {
  const b = new Uint8Array(4);
  new DataView(b.buffer).setUint32(0, n);
  return b;
}

export function u64(n: bigint | number): Uint8Array {
  const b = new Uint8Array(8);
  new DataView(b.buffer).setBigUint64(0, BigInt(n));
  return b;
}

// A decimal number without sign and leading zeros, within the integers that JSON keeps exactly.
export function decimal(s: string): number {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(s) || !Number.isSafeInteger(Number(s))) refuse(`not a decimal number: ${s.slice(0, 40)}`);
  return Number(s);
}

// A cursor over bytes: every read is checked, and the end has to be reached.
export class Reader {
  private at = 0;
  constructor(private readonly b: Uint8Array) {}

  take(n: number): Uint8Array {
    if (this.at + n > this.b.length) refuse('ends early');
    this.at += n;
    return this.b.slice(this.at - n, this.at);
  }

  // The text up to the next line feed.
  line(limit = 512): string {
    const end = this.b.indexOf(0x0a, this.at);
    if (end < 0 || end - this.at > limit) refuse('line');
    const line = this.b.slice(this.at, end);
    this.at = end + 1;
    if (line.some((c) => c < 0x20 || c > 0x7e)) refuse('line is not printable');
    return Buffer.from(line).toString('latin1');
  }

  rest(): number {
    return this.b.length - this.at;
  }

  end(): void {
    if (this.at !== this.b.length) refuse('trailing bytes');
  }
}
