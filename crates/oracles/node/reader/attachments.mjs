// attachments.md: objects in chunks, and the bodies that carry them.
import { encode } from 'cborg';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { arrayOf, b64u, be, cbor, isBytes, isUint, must, same, unb64u } from './formats.mjs';

const CHUNK = 65536;
const SEALED = CHUNK + 16;
const LONGEST = 16 * 1024 * 1024 - 4;

function nonce(number, last) {
  const out = new Uint8Array(12);
  out.set(be(number, 11));
  out[11] = last ? 1 : 0;
  return out;
}

const aad = ({ to, hub, suite }) => encode({ to: unb64u(to, 32), hub: unb64u(hub, 32), type: 1, suite });

function chunksOf(size) {
  must(size <= LONGEST, 'too large');
  let chunks = 1;
  while (chunks * CHUNK < size + 4) chunks *= 2;
  return chunks;
}

const contentOf = ({ content_size: size }) => Uint8Array.from({ length: size }, (_, i) => i % 251);

function seal(input) {
  const content = contentOf(input);
  const chunks = chunksOf(content.length);
  const plaintext = new Uint8Array(chunks * CHUNK);
  plaintext.set(be(content.length, 4));
  plaintext.set(content, 4);
  const out = new Uint8Array(chunks * SEALED);
  for (let i = 0; i < chunks; i += 1) {
    const cipher = chacha20poly1305(unb64u(input.key, 32), nonce(i, i + 1 === chunks), aad(input));
    out.set(cipher.encrypt(plaintext.subarray(i * CHUNK, (i + 1) * CHUNK)), i * SEALED);
  }
  return out;
}

function open(bytes, id, at) {
  const chunks = bytes.length / SEALED;
  must(Number.isInteger(chunks) && chunks > 0, 'no whole chunks');
  must(same(sha256(bytes), id), 'another id');
  const plaintext = new Uint8Array(chunks * CHUNK);
  for (let i = 0; i < chunks; i += 1) {
    const cipher = chacha20poly1305(unb64u(at.key, 32), nonce(i, i + 1 === chunks), aad(at));
    let chunk;
    try { chunk = cipher.decrypt(bytes.subarray(i * SEALED, (i + 1) * SEALED)); } catch { must(false, 'does not open'); }
    plaintext.set(chunk, i * CHUNK);
  }
  const size = Buffer.from(plaintext.buffer).readUInt32BE(0);
  must(chunksOf(size) === chunks, 'another size');
  must(plaintext.subarray(4 + size).every((byte) => byte === 0), 'dirty padding');
  return plaintext.slice(4, 4 + size);
}

function alter(bytes, { how, size, at, order }) {
  if (how === undefined) return bytes;
  if (how === 'cut') return bytes.slice(0, size);
  if (how === 'flip') {
    const out = bytes.slice();
    out[at] ^= 1;
    return out;
  }
  const out = new Uint8Array(order.length * SEALED);
  order.forEach((from, to) => out.set(bytes.subarray(from * SEALED, (from + 1) * SEALED), to * SEALED));
  return out;
}

export const attachments = {
  aad: (input) => ({ aad: b64u(aad(input)) }),
  sealed(input) {
    const bytes = seal(input);
    const salted = new Uint8Array(32 + input.content_size);
    salted.set(unb64u(input.salt, 32));
    salted.set(contentOf(input), 32);
    return {
      id: b64u(sha256(bytes)), size: bytes.length, first: b64u(bytes.slice(0, 32)), last: b64u(bytes.slice(-32)),
      hash: b64u(sha256(salted)),
    };
  },
  open(input) {
    const bytes = alter(seal(input), input.altered);
    const id = input.id === null ? sha256(bytes) : unb64u(input.id, 32);
    const content = open(bytes, id, input.opened_with);
    return { size: content.length, sha256: b64u(sha256(content)) };
  },
  part({ body }) {
    const [id, size, offset, pass, reserved, bytes] = arrayOf(unb64u(body), 6);
    must(isBytes(id, 16) && isUint(size) && isUint(offset) && isBytes(bytes), 'another shape');
    must((pass === null || isBytes(pass)) && typeof reserved === 'boolean', 'another shape');
    return { deposit_id: b64u(id), size, offset, pass: pass && b64u(pass), reserved, bytes: b64u(bytes) };
  },
  state({ body }) {
    const value = cbor(unb64u(body));
    must(Array.isArray(value), 'another shape');
    const [kind, ...rest] = value;
    if (kind === 3 && rest.length === 1 && isUint(rest[0])) return { received: rest[0] };
    if (kind === 1 && rest.length === 1 && isUint(rest[0])) return { gone: rest[0] };
    must(kind === 0 && rest.length === 4, 'another shape');
    const [pos, index, proof, nonceA] = rest;
    must(isUint(pos) && isUint(index) && typeof proof === 'string' && isBytes(nonceA, 32), 'another shape');
    return { pos, index, receipt: { proof, nonce_a: b64u(nonceA) } };
  },
};
