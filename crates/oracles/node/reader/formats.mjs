// Formats of docs/spec/{keys,objects,envelope,message,link,log,deposit}.md.
import { isDeepStrictEqual } from 'node:util';
import { decode, encode } from 'cborg';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem768_x25519 as xwing } from '@noble/post-quantum/hybrid.js';

const utf8 = new TextEncoder();
const bytesOf = (text) => utf8.encode(text);
const textOf = (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
const concat = (...parts) => Uint8Array.from(parts.flatMap((p) => [...p]));
const same = (a, b) => Buffer.from(a).equals(Buffer.from(b));
const b64u = (bytes) => Buffer.from(bytes).toString('base64url');
const b64 = (bytes) => Buffer.from(bytes).toString('base64');
const be = (value, size) => {
  const out = new Uint8Array(size);
  for (let i = size - 1, rest = BigInt(value); i >= 0; i -= 1, rest >>= 8n) out[i] = Number(rest & 255n);
  return out;
};

class Refused extends Error {}
const refuse = (why) => { throw new Refused(why); };
const must = (holds, why) => { if (!holds) refuse(why); };

function unb64u(text, size) {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'));
  must(b64u(bytes) === text, 'not base64url');
  must(size === undefined || bytes.length === size, 'another length');
  return bytes;
}

function unb64(text, size) {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'));
  must(b64(bytes) === text, 'not base64');
  must(size === undefined || bytes.length === size, 'another length');
  return bytes;
}

/** CBOR whose only encoding is these bytes. */
function cbor(bytes) {
  let value;
  try { value = decode(bytes, { strict: true }); } catch { refuse('no CBOR'); }
  must(same(encode(value), bytes), 'another encoding');
  return value;
}

function arrayOf(bytes, count) {
  const value = cbor(bytes);
  must(Array.isArray(value) && value.length === count, 'another shape');
  return value;
}

const isBytes = (v, size) => v instanceof Uint8Array && (size === undefined || v.length === size);
const isUint = (v) => (typeof v === 'number' && Number.isInteger(v) && v >= 0) || (typeof v === 'bigint' && v >= 0n);

// --- keys.md -------------------------------------------------------------------------------

function derive(root, label, context) {
  const info = concat(bytesOf('denizen/v1/'), bytesOf(label), [0], context);
  return expand(sha256, extract(sha256, root, new Uint8Array(32)), info, 32);
}

const SCALAR_MAX = p256.Point.Fn.ORDER;

function p256Secret(root, label, context) {
  for (let attempt = 0; attempt < 256; attempt += 1) {
    const secret = derive(root, label, concat(context, [attempt]));
    const scalar = BigInt(`0x${Buffer.from(secret).toString('hex')}`);
    if (scalar > 0n && scalar < SCALAR_MAX) return secret;
  }
  return refuse('no scalar');
}

function ed25519Jwk(key) { return { kty: 'OKP', crv: 'Ed25519', x: b64u(key) }; }

function p256Jwk(secret) {
  const point = p256.getPublicKey(secret, false);
  return { kty: 'EC', crv: 'P-256', x: b64u(point.slice(1, 33)), y: b64u(point.slice(33)) };
}

function addressKeys({ root, index, salt }) {
  const secret = unb64u(root, 32);
  const context = be(index, 4);
  const edPair = (label) => {
    const seed = derive(secret, label, concat(context, [0]));
    return { secret: seed, public: ed25519.getPublicKey(seed) };
  };
  const kem = derive(secret, 'kem', concat(context, salt ? unb64u(salt, 32) : []));
  return {
    auth: edPair('auth'),
    deposit: edPair('deposit'),
    sign: p256Secret(secret, 'sign', context),
    cnf: p256Secret(secret, 'cnf', context),
    kem: { secret: kem, public: xwing.keygen(kem).publicKey },
  };
}

const keys = {
  address(input) {
    const made = addressKeys(input);
    const ed = (pair) => ({ secret: b64u(pair.secret), public: ed25519Jwk(pair.public) });
    const ec = (scalar) => ({ secret: b64u(scalar), public: p256Jwk(scalar) });
    return {
      address: b64u(sha256(made.auth.public)),
      auth: ed(made.auth), deposit: ed(made.deposit), sign: ec(made.sign), cnf: ec(made.cnf),
      kem: { secret: b64u(made.kem.secret), public: b64u(made.kem.public) },
    };
  },
  copy({ root, ref }) {
    const secret = p256Secret(unb64u(root, 32), 'cnf-copy', unb64u(ref, 16));
    return { secret: b64u(secret), public: p256Jwk(secret) };
  },
  local: ({ root }) => ({ key: b64u(derive(unb64u(root, 32), 'local', [])) }),
  pages: ({ root }) => ({ key: b64u(derive(unb64u(root, 32), 'pages', [])) }),
  device({ root, locator }) {
    const seed = derive(unb64u(root, 32), 'device', concat(unb64u(locator, 32), [0]));
    return { secret: b64u(seed), public: ed25519Jwk(ed25519.getPublicKey(seed)) };
  },
};

// --- objects.md ----------------------------------------------------------------------------

function verifies(jwk, alg, message, signature) {
  try {
    if (alg === 'Ed25519') {
      must(jwk.kty === 'OKP' && jwk.crv === 'Ed25519', 'another algorithm');
      return ed25519.verify(signature, message, unb64u(jwk.x, 32), { zip215: false });
    }
    must(alg === 'ES256' && jwk.kty === 'EC' && jwk.crv === 'P-256', 'another algorithm');
    const point = concat([4], unb64u(jwk.x, 32), unb64u(jwk.y, 32));
    return p256.verify(signature, message, point, { lowS: false, prehash: true });
  } catch { return false; }
}

const unverifiedPayload = (bytes) => {
  const payload = arrayOf(bytes, 3)[1];
  must(isBytes(payload), 'another shape');
  return payload;
};
const xwingPublic = (secret) => xwing.keygen(secret).publicKey;

function signedObject(bytes, key, typ) {
  must(bytes.length <= 512 * 1024, 'too large');
  const parts = arrayOf(bytes, 3);
  must(parts.every((p) => isBytes(p)), 'another shape');
  const [protectedBytes, payload, signature] = parts;
  const header = JSON.parse(textOf(protectedBytes));
  must(Object.keys(header).sort().join() === 'alg,b64,crit,kid,typ', 'other header members');
  must(header.b64 === false && header.crit.length === 1 && header.crit[0] === 'b64', 'other b64 or crit');
  must(header.typ === typ, 'another typ');
  const input = concat(bytesOf(b64u(protectedBytes)), bytesOf('.'), payload);
  must(verifies(key, header.alg, input, signature), 'bad signature');
  return { kid: header.kid, payload };
}

const KEY_STATEMENT = ['v', 'hub', 'address', 'suite', 'auth', 'sign', 'cnf', 'kem', 'deposit'];

const objects = {
  signed({ object, key, typ }) {
    const read = signedObject(unb64u(object), key, typ);
    return { kid: read.kid, payload: b64u(read.payload) };
  },
  keys({ object }) {
    const bytes = unb64u(object);
    const stated = JSON.parse(textOf(arrayOf(bytes, 3)[1]));
    must(Object.keys(stated).sort().join() === [...KEY_STATEMENT].sort().join(), 'other members');
    must(stated.address === b64u(sha256(unb64u(stated.auth.x, 32))), 'another address');
    signedObject(bytes, stated.auth, 'denizen-keys+json');
    must(stated.v === 1 && stated.suite === 1, 'another version');
    unb64u(stated.kem, 1216);
    return stated;
  },
  pass({ object, key, hub, use, now }) {
    const pass = JSON.parse(textOf(signedObject(unb64u(object), key, 'denizen-pass+json').payload));
    must(pass.v === 1 && pass.hub === hub && pass.use === use, 'for something else');
    must(pass.not_before <= now && now <= pass.not_after, 'expired');
    return pass;
  },
};

// --- envelope.md ---------------------------------------------------------------------------

const CLASSES = [4, 16, 64, 256].map((kib) => kib * 1024);
const HEADER = { to: 32, hub: 32, commit: 32 };

function readHeader(bytes) {
  const header = cbor(bytes);
  must(Object.keys(header).join() === 'to,hub,suite,commit', 'another header');
  for (const [name, size] of Object.entries(HEADER)) must(isBytes(header[name], size), 'another header');
  must(header.suite === 1, 'unknown suite');
  return header;
}

function readEnvelope(text) {
  const parts = arrayOf(unb64u(text), 3);
  must(parts.every((p) => isBytes(p)), 'another shape');
  const [headerBytes, enc, ct] = parts;
  const header = readHeader(headerBytes);
  must(enc.length === 1120, 'enc');
  must(CLASSES.some((size) => size + 16 === ct.length), 'no size class');
  return { header, headerBytes, enc, ct };
}

// RFC 9180 section 5.1, base mode, sequence number 0.
const SUITE_ID = concat(bytesOf('HPKE'), be(0x647a, 2), be(0x0001, 2), be(0x0003, 2));
const labeledExtract = (salt, label, ikm) => extract(sha256, concat(bytesOf('HPKE-v1'), SUITE_ID, bytesOf(label), ikm), salt);
const labeledExpand = (prk, label, info, size) => expand(sha256, prk, concat(be(size, 2), bytesOf('HPKE-v1'), SUITE_ID, bytesOf(label), info), size);

function keySchedule(shared, named = 'denizen/v1/message') {
  const none = new Uint8Array();
  const info = bytesOf(named);
  const context = concat([0], labeledExtract(none, 'psk_id_hash', none), labeledExtract(none, 'info_hash', info));
  const secret = labeledExtract(shared, 'secret', none);
  return { key: labeledExpand(secret, 'key', context, 32), nonce: labeledExpand(secret, 'base_nonce', context, 12) };
}

function openEnvelope({ headerBytes, enc, ct }, kemSecret) {
  let plaintext;
  try {
    const { key, nonce } = keySchedule(xwing.decapsulate(enc, kemSecret));
    plaintext = chacha20poly1305(key, nonce, headerBytes).decrypt(ct);
  } catch { refuse('does not open'); }
  const length = Buffer.from(plaintext).readUInt32BE(0);
  must(length + 4 <= plaintext.length, 'length');
  must(CLASSES.find((size) => size >= length + 4) === plaintext.length, 'not the smallest class');
  must(plaintext.slice(4 + length).every((byte) => byte === 0), 'padding');
  return plaintext.slice(4, 4 + length);
}

// A file between two people (mandate.md): another info, the type as AAD, no padding.
function openFile([enc, ct], kemSecret, typ) {
  try {
    const { key, nonce } = keySchedule(xwing.decapsulate(enc, kemSecret), 'denizen/v1/file');
    return chacha20poly1305(key, nonce, bytesOf(typ)).decrypt(ct);
  } catch { return refuse('does not open'); }
}

// An attachment that lies in an object has its hash beside it (attachments.md).
const attachmentHash = ({ salt, data, object }) => {
  if (object) { must(data === undefined, 'in two places'); return unb64u(object.hash, 32); }
  return sha256(concat(unb64u(salt, 32), bytesOf(data)));
};

/** RFC 9162 section 2.1.1 over hashes, with paths from the leaf up. */
function merkle(hashes) {
  if (hashes.length === 1) return { root: sha256(concat([0], hashes[0])), paths: [[]] };
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  const left = merkle(hashes.slice(0, split));
  const right = merkle(hashes.slice(split));
  return {
    root: sha256(concat([1], left.root, right.root)),
    paths: [...left.paths.map((p) => [...p, right.root]), ...right.paths.map((p) => [...p, left.root])],
  };
}

/** Root that a path gives; RFC 9162 section 2.1.3.2. */
function pathRoot(leafHash, index, size, path) {
  must(index < size, 'index beyond size');
  let fn = BigInt(index);
  let sn = BigInt(size) - 1n;
  let root = leafHash;
  for (const hash of path) {
    must(sn !== 0n, 'path too long');
    if ((fn & 1n) === 1n || fn === sn) {
      root = sha256(concat([1], hash, root));
      while ((fn & 1n) === 0n && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      root = sha256(concat([1], root, hash));
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  must(sn === 0n, 'path too short');
  return root;
}

const envelope = {
  parse(input) {
    const { header, ct } = readEnvelope(input.envelope);
    return { suite: header.suite, hub: b64u(header.hub), to: b64u(header.to), commit: b64u(header.commit), ct_size: ct.length };
  },
  open: (input) => ({ message: b64u(openEnvelope(readEnvelope(input.envelope), addressKeys(input).kem.secret)) }),
  commit({ attachments }) {
    const { root, paths } = merkle(attachments.map(attachmentHash));
    return { commit: b64u(root), paths: paths.map((p) => p.map(b64u)) };
  },
  delivered(input) {
    const leaf = sha256(concat([0], attachmentHash(input)));
    const root = pathRoot(leaf, input.index, input.count, input.path.map((h) => unb64u(h, 32)));
    must(b64u(root) === input.commit, 'another commit');
    return {};
  },
  /** Not of the vectors: the KEM alone, for its known answers. */
  decapsulate: ({ seed, ct }) => ({ ss: b64u(xwing.decapsulate(unb64u(ct, 1120), unb64u(seed, 32))) }),
  /** Not of the vectors: seals a message, so that the product can open it. */
  seal({ kem, header, message }) {
    const headerBytes = encode(Object.fromEntries(Object.entries(header).map(([n, v]) => [n, n === 'suite' ? v : unb64u(v, 32)])));
    const bytes = unb64u(message);
    const plaintext = new Uint8Array(CLASSES.find((size) => size >= bytes.length + 4));
    plaintext.set(be(bytes.length, 4));
    plaintext.set(bytes, 4);
    const { cipherText, sharedSecret } = xwing.encapsulate(unb64u(kem, 1216));
    const { key, nonce } = keySchedule(sharedSecret);
    return { envelope: b64u(encode([headerBytes, cipherText, chacha20poly1305(key, nonce, headerBytes).encrypt(plaintext)])) };
  },
};

// --- message.md ----------------------------------------------------------------------------

const BODIES = {
  'link/accept': 'invitation keys allowed_kinds copy_keys code_commitment case_reference language',
  'link/confirm': 'step challenge deposit_pass register_pass code',
  'link/update': 'reveal allowed_kinds statement',
  'link/move': 'keys copy_keys reason',
  'link/close': 'reason',
  'record/issue': 'record vct kept copies sensitivity legal_basis notice supersedes',
  'records/issue': 'records',
  'record/status': 'kept change reason notice',
  'copies/refill': 'kept copy_keys',
  'application/submit': 'service purpose replaces answers presentations special_confirmed',
  'application/amend': 'service purpose replaces answers presentations special_confirmed',
  'application/withdraw': 'text',
  'application/event': 'state case_reference code text due records',
  'access/notice': 'at role purpose claims',
  'evidence/update': 'old_sd_hash attachment reply',
  'dispute/open': 'kept claims text evidence',
  'dispute/event': 'state text due',
  'record/not-mine': 'kept text',
  'erasure/request': 'about',
  'erasure/done': 'destroyed kept',
  'mandate/give': 'mandate claims',
  'mandate/end': 'mandate',
  note: 'text',
};

function readMessage(bytes, key, from, header) {
  const message = JSON.parse(textOf(signedObject(bytes, key, 'denizen-message+json').payload));
  unb64u(message.id ?? refuse('no id'), 16);
  must(message.type === 'self/state' || BODIES[message.type], 'unknown type');
  const allowed = BODIES[message.type]?.split(' ');
  must(!allowed || Object.keys(message.body).every((name) => allowed.includes(name)), 'unknown member');
  must(isDeepStrictEqual(message.from, from), 'another sender');
  const { hub, address, suite } = message.to;
  must(hub === b64u(header.hub) && address === b64u(header.to) && suite === header.suite, 're-addressed');
  const attachments = message.attachments ?? [];
  must(attachments.length <= 256, 'too many attachments');
  const committed = attachments.length > 0 ? attachments : [{ salt: message.commit_salt, data: '' }];
  must(same(merkle(committed.map(attachmentHash)).root, header.commit), 'another commit');
  return message;
}

const message = {
  verify: (input) => readMessage(unb64u(input.message), input.key, input.from, readHeader(unb64u(input.header))),
};

// --- link.md -------------------------------------------------------------------------------

const link = {
  code({ accept, holder_challenge: holder, org_challenge: org }) {
    const challenge = unb64u(holder, 32);
    const hash = sha256(concat(bytesOf('denizen/v1/code'), sha256(unb64u(accept)), challenge, unb64u(org, 32)));
    const number = Buffer.from(hash).readBigUInt64BE(0) % 1000000n;
    return {
      commitment: b64u(sha256(concat(bytesOf('denizen/v1/code-commit'), challenge))),
      code: String(number).padStart(6, '0'),
    };
  },
  key_binding({ org, purpose, service, message: id }) {
    const parts = ['denizen/v1/kb', unb64u(org, 32), purpose, service ? unb64u(service, 32) : null, unb64u(id, 16)];
    return { aud: `denizen:${org}`, nonce: b64u(sha256(encode(parts))) };
  },
};

// --- log.md --------------------------------------------------------------------------------

const keyId = (name, type, key) => sha256(concat(bytesOf(name), [10, type], key)).slice(0, 4);

function readVkey(vkey) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? refuse('no vkey');
  const key = unb64(match[3], 33);
  must(key[0] === 1, 'another key type');
  const id = keyId(match[1], 1, key.slice(1));
  must(Buffer.from(id).toString('hex') === match[2], 'another key id');
  return { name: match[1], id, key: key.slice(1) };
}

function readNote(note) {
  must(bytesOf(note).length <= 64 * 1024, 'too large');
  must(![...note].some((c) => (c < ' ' && c !== '\n') || c === '\x7f'), 'control character');
  const at = note.lastIndexOf('\n\n');
  must(at >= 0 && note.endsWith('\n'), 'no note');
  const text = note.slice(0, at + 1);
  const lines = note.slice(at + 2, -1).split('\n').map((line) => {
    const match = /^\u2014 ([^+\s]+) (\S+)$/.exec(line) ?? refuse('no signature line');
    const blob = unb64(match[2]);
    must(blob.length > 4, 'no signature');
    return { name: match[1], id: blob.slice(0, 4), signature: blob.slice(4) };
  });
  must(lines.length <= 100, 'too many signatures');
  return { text, lines };
}

function openNote(note, log) {
  const { text, lines } = readNote(note);
  const ours = lines.filter((line) => line.name === log.name && same(line.id, log.id));
  must(ours.length === 1, 'not signed once by the log');
  must(verifies(ed25519Jwk(log.key), 'Ed25519', bytesOf(text), ours[0].signature), 'bad signature');
  return text;
}

function openCheckpoint(note, log) {
  const lines = openNote(note, log).split('\n');
  must(lines.length === 4 && lines[3] === '', 'not three lines');
  const [origin, size, root] = lines;
  must(origin === log.name, 'another log');
  must(/^(0|[1-9][0-9]*)$/.test(size) && BigInt(size) < 1n << 63n, 'size');
  return { origin, size: Number(size), root: unb64(root, 32) };
}

function readProof(text) {
  const at = text.indexOf('\n\n');
  must(at >= 0, 'no proof');
  const [magic, ...lines] = text.slice(0, at).split('\n');
  must(magic === 'c2sp.org/tlog-proof@v1', 'another version');
  const extra = lines[0]?.startsWith('extra ') ? unb64(lines.shift().slice(6)) : null;
  const index = /^index (0|[1-9][0-9]*)$/.exec(lines.shift() ?? '') ?? refuse('no index');
  must(lines.length <= 63, 'too many hashes');
  return { extra, index: Number(index[1]), hashes: lines.map((l) => unb64(l, 32)), checkpoint: text.slice(at + 2) };
}

/** RFC 9162 section 2.1.4.2. */
function consistent(old, oldRoot, size, root, proof) {
  must(old <= size, 'old beyond new');
  if (old === 0) { must(proof.length === 0 && same(oldRoot, sha256(new Uint8Array())), 'empty'); return; }
  if (old === size) { must(proof.length === 0 && same(oldRoot, root), 'another root'); return; }
  const path = [...proof];
  if (Number.isInteger(Math.log2(old))) path.unshift(oldRoot);
  must(path.length > 0, 'too short');
  let [fn, sn] = [BigInt(old) - 1n, BigInt(size) - 1n];
  while ((fn & 1n) === 1n) { fn >>= 1n; sn >>= 1n; }
  let [fr, sr] = [path[0], path[0]];
  for (const hash of path.slice(1)) {
    must(sn !== 0n, 'too long');
    if ((fn & 1n) === 1n || fn === sn) {
      fr = sha256(concat([1], hash, fr));
      sr = sha256(concat([1], hash, sr));
      while ((fn & 1n) === 0n && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      sr = sha256(concat([1], sr, hash));
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  must(sn === 0n && same(fr, oldRoot) && same(sr, root), 'not consistent');
}

const log = {
  note: ({ vkey, note }) => ({ text: openNote(note, readVkey(vkey)) }),
  checkpoint({ vkey, note }) {
    const { origin, size, root } = openCheckpoint(note, readVkey(vkey));
    return { origin, size, root: b64u(root) };
  },
  cosignature({ witness, key, note }) {
    const { text, lines } = readNote(note);
    const id = keyId(witness, 4, unb64u(key, 32));
    const line = lines.find((l) => l.name === witness && same(l.id, id)) ?? refuse('none');
    const time = Buffer.from(line.signature).readBigUInt64BE(0);
    const signed = bytesOf(`cosignature/v1\ntime ${time}\n${text}`);
    must(verifies(ed25519Jwk(unb64u(key, 32)), 'Ed25519', signed, line.signature.slice(8)), 'bad signature');
    return { time: Number(time) };
  },
  root({ entries }) {
    const read = entries.map((e) => unb64u(e));
    return { root: b64u(read.length === 0 ? sha256(new Uint8Array()) : merkle(read).root) };
  },
  inclusion({ leaf_hash: leaf, index, size, root, proof }) {
    const made = pathRoot(unb64u(leaf, 32), index, size, proof.map((h) => unb64u(h, 32)));
    must(b64u(made) === root, 'another root');
    return {};
  },
  consistency(input) {
    const proof = input.proof.map((h) => unb64u(h, 32));
    consistent(input.old, unb64u(input.old_root, 32), input.size, unb64u(input.root, 32), proof);
    return {};
  },
  tile_path({ path }) {
    const match = /^tile\/(entries|[0-7])\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]*))?$/.exec(path) ?? refuse('no path');
    must(!/^x000/.test(match[2]), 'leading zeros');
    const width = match[3] === undefined ? 256 : Number(match[3]);
    must(match[3] === undefined || width < 256, 'width');
    const index = Number(match[2].replaceAll('x', '').replaceAll('/', ''));
    return { level: match[1] === 'entries' ? null : Number(match[1]), index, width };
  },
  bundle({ bundle }) {
    const bytes = unb64u(bundle);
    const entries = [];
    for (let at = 0; at < bytes.length;) {
      must(at + 2 <= bytes.length, 'cut');
      const size = bytes[at] * 256 + bytes[at + 1];
      must(at + 2 + size <= bytes.length, 'cut');
      entries.push(b64u(bytes.slice(at + 2, at + 2 + size)));
      at += 2 + size;
    }
    must(entries.length <= 256, 'too many');
    return { entries };
  },
};

// --- deposit.md ----------------------------------------------------------------------------

const addressCommitment = (address, nonceA) => sha256(concat(bytesOf('denizen/v1/addr'), address, nonceA));
const entryOf = (opening) => sha256(concat(bytesOf('denizen/v1/deposit'), opening));
const TYPES = ['envelope', 'object'];

function readOpening(bytes) {
  const [type, addrC, pos, time, hash, commit, nonce] = arrayOf(bytes, 7);
  must(type === 0 || type === 1, 'unknown type');
  must([addrC, hash, commit, nonce].every((p) => isBytes(p, 32)) && isUint(pos) && isUint(time), 'another shape');
  return { type, addrC, pos: Number(pos), time: Number(time), hash, commit };
}

/** The key of a purpose that counts now, out of a hub's statement. */
function hubKey(statement, purpose, now) {
  const stated = statement.keys.filter((k) => k.purpose === purpose && k.not_before <= now && now <= k.not_after);
  return stated.reduce((a, k) => (a && a.not_before > k.not_before ? a : k), null) ?? refuse('no key');
}

function depositLog(statement, now) {
  const key = unb64u(hubKey(statement, 'log', now).key.x, 32);
  const name = statement.origins.deposits;
  return { name, key, id: keyId(name, 1, key) };
}

function checkProof(text, statement, now) {
  const proof = readProof(text);
  const opening = readOpening(proof.extra ?? refuse('no opening'));
  const checkpoint = openCheckpoint(proof.checkpoint, depositLog(statement, now));
  const leaf = sha256(concat([0], entryOf(proof.extra)));
  must(same(pathRoot(leaf, proof.index, checkpoint.size, proof.hashes), checkpoint.root), 'not in the log');
  return { opening, index: proof.index, size: checkpoint.size };
}

const deposit = {
  leaf(input) {
    const addrC = addressCommitment(unb64u(input.address, 32), unb64u(input.nonce_a, 32));
    const hashes = ['envelope_hash', 'commit', 'nonce'].map((name) => unb64u(input[name], 32));
    const opening = encode([TYPES.indexOf(input.type), addrC, input.pos, input.time, ...hashes]);
    const entry = entryOf(opening);
    return { addr_c: b64u(addrC), opening: b64u(opening), entry: b64u(entry), leaf_hash: b64u(sha256(concat([0], entry))) };
  },
  opening({ opening }) { readOpening(unb64u(opening)); return {}; },
  receipt({ envelope: bytes, receipt, hub_statement: statement, now }) {
    const { header } = readEnvelope(bytes);
    const { opening, index, size } = checkProof(receipt.proof, statement, now);
    must(same(opening.hash, sha256(unb64u(bytes))), 'of another envelope');
    must(same(opening.commit, header.commit), 'of another commit');
    must(same(opening.addrC, addressCommitment(header.to, unb64u(receipt.nonce_a, 32))), 'of another address');
    return { index, pos: opening.pos, time: opening.time, size, level: 'Durable' };
  },
  proof({ proof, hub_statement: statement, now }) {
    const { opening, index } = checkProof(proof, statement, now);
    return { index, envelope_hash: b64u(opening.hash), commit: b64u(opening.commit) };
  },
  head({ head, checkpoint, address, hub_statement: statement, now }) {
    const key = hubKey(statement, 'head', now).key;
    const read = JSON.parse(textOf(signedObject(unb64u(head), key, 'denizen-head+json').payload));
    must(read.address === address, 'of another address');
    must(read.checkpoint_hash === b64u(sha256(bytesOf(checkpoint))), 'beside another checkpoint');
    openCheckpoint(checkpoint, depositLog(statement, now));
    return read;
  },
  tombstones({ tombstones }) {
    return { tombstones_hash: b64u(sha256(concat(...tombstones.map((pair) => encode(pair))))) };
  },
};

export {
  derive, openFile, p256Jwk, p256Secret, unverifiedPayload, xwingPublic,
  Refused, arrayOf, b64, b64u, be, bytesOf, cbor, concat, hubKey, isBytes, isUint, keyId, must, openCheckpoint, p256,
  refuse, same, sha256, signedObject, textOf, unb64, unb64u, verifies, merkle, ed25519Jwk,
};
export const pages = { keys, objects, envelope, message, link, log, deposit };
