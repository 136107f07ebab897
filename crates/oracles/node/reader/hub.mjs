// Formats of docs/spec/{hub,directory,link}.md that a hub or the directory is needed for.
import { inflateRawSync } from 'node:zlib';
import {
  arrayOf, b64, b64u, bytesOf, cbor, concat, ed25519Jwk, isBytes, isUint, keyId, merkle, must, openCheckpoint, refuse,
  same, sha256, signedObject, textOf, unb64u, verifies,
} from './formats.mjs';

// --- directory.md --------------------------------------------------------------------------

const claimed = (bytes) => {
  const [header, payload] = arrayOf(bytes, 3);
  return { header: JSON.parse(textOf(header)), payload: JSON.parse(textOf(payload)) };
};

function splitKid(kid) {
  const at = kid.indexOf('#');
  must(at > 0, 'no kid under a statement');
  return [kid.slice(0, at), kid.slice(at + 1)];
}

/** The stated key of a purpose that counts at a time: by key id. */
function statedKey(statement, purpose, kid, at) {
  const key = statement.keys.find((k) => k.purpose === purpose && k.kid === kid && k.not_before <= at && at <= k.not_after);
  return (key ?? refuse('no such key')).key;
}

/** The identity key that signs what follows a statement. */
const nextIdentity = (statement) => statement.identity_next?.key ?? statement.identity;

const sameKey = (a, b) => a.kty === b.kty && a.crv === b.crv && a.x === b.x;

class Replay {
  constructor(hub) { Object.assign(this, { hub, operator: null, organisations: new Map(), services: new Map(), decided: new Set() }); }

  statement(bytes, { payload }) {
    const hash = b64u(sha256(bytes));
    const id = payload.id ?? hash;
    const prior = payload.role === 'hub' ? this.operator : this.organisations.get(id);
    if (payload.id === undefined) {
      must(payload.prev === undefined, 'a first statement follows none');
    } else {
      must(prior && payload.prev === prior.chain.at(-1), 'does not follow the chain');
      must(sameKey(payload.identity, nextIdentity(prior.statement)), 'another identity key');
    }
    must(payload.v === 1 && payload.names.en !== undefined, 'not understood');
    signedObject(bytes, payload.identity, 'denizen-statement+json');
    if (payload.identity_next) {
      const { key, proof } = payload.identity_next;
      const parts = [bytesOf('denizen/v1/identity-next'), unb64u(id, 32), payload.prev ? unb64u(payload.prev, 32) : [], unb64u(key.x, 32)];
      must(verifies(key, 'Ed25519', concat(...parts), unb64u(proof)), 'nobody has the next key');
    }
    const known = { ...(prior ?? { chain: [] }), statement: payload };
    known.chain = [...known.chain, hash];
    if (payload.role === 'hub') {
      must(id === this.hub, 'another hub');
      this.operator = known;
    } else {
      this.organisations.set(id, known);
    }
  }

  byOperator(bytes, { header }) {
    must(this.operator && header.kid === `${this.hub}#identity`, 'not by the operator');
    signedObject(bytes, nextIdentity(this.operator.statement), header.typ);
  }

  organisation(id) { return this.organisations.get(id) ?? refuse('no statement'); }

  /** The organisation of an admission or suspension, which stands in the log once. */
  decide(bytes, id) {
    const org = this.organisation(id);
    const hash = b64u(sha256(bytes));
    must(!this.decided.has(hash), 'decided again');
    this.decided.add(hash);
    return org;
  }

  apply(bytes) {
    must(bytes.length <= 65535, 'too large');
    const entry = claimed(bytes);
    const { header, payload } = entry;
    switch (header.typ) {
      case 'denizen-statement+json': this.statement(bytes, entry); break;
      case 'denizen-admission+json': this.byOperator(bytes, entry); this.decide(bytes, payload.org).admission = payload; delete this.organisation(payload.org).suspension; break;
      case 'denizen-suspension+json': this.byOperator(bytes, entry); this.decide(bytes, payload.org).suspension = payload; break;
      case 'denizen-kind+json': this.byOperator(bytes, entry); kindFiles(payload); break;
      case 'denizen-bundle+json': this.byOperator(bytes, entry); break;
      case 'denizen-service+json': {
        const [id, kid] = splitKid(header.kid);
        must(id === payload.org, 'by another organisation');
        signedObject(bytes, statedKey(this.organisation(id).statement, 'message', kid, payload.created), header.typ);
        this.services.set(b64u(sha256(bytes)), payload);
        break;
      }
      default: refuse('of a type that is not on the list');
    }
  }
}

/** The files of a kind are those that its hashes name. */
function kindFiles({ metadata, schema, files }) {
  if (!files) return;
  const named = (text, hash) => b64u(sha256(Buffer.from(text))) === hash;
  must(named(files.metadata, metadata) && named(files.schema, schema), 'other files than its hashes name');
}

function replay({ hub, entries, checkpoint, seen }) {
  const read = entries.map((e) => unb64u(e));
  must(read.length > 0 && b64u(sha256(read[0])) === hub, 'another hub');
  const directory = new Replay(hub);
  read.forEach((bytes) => directory.apply(bytes));
  const { statement } = directory.operator;
  const name = statement.origins.directory;
  const key = unb64u(statement.keys.find((k) => k.purpose === 'log').key.x, 32);
  const { size, root } = openCheckpoint(checkpoint, { name, key, id: keyId(name, 1, key) });
  must(size === read.length && same(root, merkle(read).root), 'not what the checkpoint covers');
  if (seen) must(seen.size <= size && b64u(merkle(read.slice(0, seen.size)).root) === seen.root, 'rolled back');
  return { directory, size, root };
}

export const directory = {
  replay(input) {
    const read = replay(input);
    const organisations = [...read.directory.organisations].sort(([a], [b]) => Buffer.compare(Buffer.from(unb64u(a)), Buffer.from(unb64u(b))));
    return {
      size: read.size,
      root: b64u(read.root),
      organisations: organisations.map(([id, org]) => ({
        id, chain: org.chain, admission: org.admission ?? null, suspended: org.suspension !== undefined, identity: org.statement.identity,
      })),
      services: [...read.directory.services].map(([hash, entry]) => ({ hash, service: entry.service.service })),
    };
  },
};

// --- link.md -------------------------------------------------------------------------------

/** Texts that invitations have in common; a preset dictionary of deflate. */
const COMMON = Buffer.from([
  '{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"#message-1","typ":"denizen-invitation+json"}',
  '{"v":1,"nonce":"","org":"","hub":"","hub_url":"https://","identity":{"kty":"OKP","crv":"Ed25519","x":""},"statement":"","purpose":"",',
  '"sends":["urn:denizen:kind::1","urn:denizen:kind::1"],"asks":["urn:denizen:service:"],"case_reference":"","open":false,"expires":18}X@',
  '#pass-1","typ":"denizen-pass+json"}',
  '{"v":1,"use":"register","org":"","hub":"","bind":{"nonce":""},"uses":1,"not_before":18,"not_after":18,"quota":268435456}X@',
  '{"v":1,"use":"deposit","org":"","hub":"","inbox":"","bind":{"nonce":""},"uses":4,"not_before":18,"not_after":18,"quota":1048576}X@',
].join(''));

function unbase45(text) {
  const groups = text.match(/.{1,3}/gs) ?? [];
  return Buffer.concat(groups.map((group) => {
    const values = [...group].map((c) => '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'.indexOf(c));
    must(values.length > 1 && values.every((v) => v >= 0), 'no base45');
    const [number, size] = [values.reduceRight((sum, v) => sum * 45 + v, 0), values.length - 1];
    must(number < 256 ** size, 'no base45');
    return Buffer.from(number.toString(16).padStart(2 * size, '0'), 'hex');
  }));
}

/** The bytes of an invitation, from a link or from a QR code. */
function handedOver(text) {
  const [, prefix, rest] = /^(denizen:invite[#:])(.*)$/is.exec(text.trim()) ?? refuse('no invitation');
  if (prefix.endsWith('#')) return unb64u(rest);
  const packed = unbase45(rest.toUpperCase());
  const { buffer, engine } = inflated(packed);
  must(engine.bytesWritten === packed.length, 'bytes after the last block');
  return buffer;
}

function inflated(packed) {
  try {
    return inflateRawSync(packed, { dictionary: COMMON, maxOutputLength: 16384, info: true });
  } catch (error) {
    return refuse(error.message);
  }
}

export function invitation({ text, directory: log, now }) {
  const [object, registerPass, depositPass] = arrayOf(handedOver(text), 3);
  const { header, payload } = claimed(object);
  must(payload.v === 1, 'another version');
  const { directory: read } = replay(log);
  must(payload.hub === log.hub, 'another hub');
  const org = read.organisation(payload.org);
  must(org.admission && !org.suspension, 'not admitted');
  must(sameKey(payload.identity, org.statement.identity) && org.chain.includes(payload.statement), 'other keys');
  const [id, kid] = splitKid(header.kid);
  must(id === payload.org, 'by another organisation');
  signedObject(object, statedKey(org.statement, 'message', kid, now), 'denizen-invitation+json');
  must(now <= payload.expires, 'expired');
  return { invitation: payload, register_pass: b64u(registerPass), deposit_pass: b64u(depositPass) };
}

// --- hub.md --------------------------------------------------------------------------------

const receipt = (proof, nonceA) => ({ proof, nonce_a: b64u(nonceA) });

const OUTCOMES = [
  ([pos, index, proof, nonceA]) => ({ pos, index, receipt: receipt(proof, nonceA) }),
  ([index]) => ({ gone: index }),
  ([problem]) => ({ refused: problem }),
];

export const hub = {
  request(input) {
    must(input['content-digest'] === `sha-256=:${b64(sha256(unb64u(input.body)))}:`, 'another digest');
    const params = '("@method" "@path" "@query" "content-digest");created=';
    const match = /^sig1=(.*);created=([0-9]+);keyid="([A-Za-z0-9_.#-]+)";alg="ed25519";tag="denizen\/([A-Za-z0-9_-]+)"$/.exec(input['signature-input']) ?? refuse('another form');
    must(`${match[1]};created=` === params && match[4] === input.hub, 'another form or hub');
    must(Math.abs(Number(match[2]) - input.now) <= 300, 'too old or too new');
    const base = [
      `"@method": ${input.method}`, `"@path": ${input.path}`, `"@query": ?${input.query}`,
      `"content-digest": ${input['content-digest']}`, `"@signature-params": ${input['signature-input'].slice('sig1='.length)}`,
    ].join('\n');
    const signature = /^sig1=:([A-Za-z0-9+/=]+):$/.exec(input.signature) ?? refuse('no signature');
    must(verifies(input.key, 'Ed25519', bytesOf(base), new Uint8Array(Buffer.from(signature[1], 'base64'))), 'bad signature');
    return { keyid: match[3] };
  },
  register({ body }) {
    const read = JSON.parse(body);
    must(Object.keys(read).every((n) => ['v', 'auth', 'salt', 'accepts', 'pass'].includes(n)), 'unknown member');
    must(same(unb64u(read.auth.x, 32), unb64u(ed25519Jwk(unb64u(read.auth.x)).x)) && read.auth.crv === 'Ed25519', 'another key');
    if (read.salt !== undefined) unb64u(read.salt, 32);
    for (const accept of read.accepts) {
      const [[name, value], ...more] = Object.entries(accept);
      must(more.length === 0 && ['org', 'self', 'pass_by'].includes(name), 'another rule');
      if (name === 'self') must(value === true, 'another rule'); else unb64u(value, 32);
    }
    return read;
  },
  batch({ body }) {
    const items = cbor(unb64u(body));
    must(Array.isArray(items) && items.length <= 512, 'too many');
    return items.map(([id, envelope, pass, reserved]) => {
      must(isBytes(id, 16) && isBytes(envelope) && (pass === null || isBytes(pass)) && typeof reserved === 'boolean', 'another shape');
      return { deposit_id: b64u(id), envelope: b64u(envelope), pass: pass && b64u(pass), reserved };
    });
  },
  outcomes: ({ body }) => cbor(unb64u(body)).map(([kind, ...rest]) => (OUTCOMES[kind] ?? (() => refuse('another shape')))(rest)),
  fetch({ body }) {
    const [head, checkpoint, items] = arrayOf(unb64u(body), 3);
    const read = items.map((item) => {
      must(isUint(item[1]), 'no position');
      if (item[0] === 1) return { pos: item[1], index: item[2] };
      if (item[0] === 2) {
        must(isBytes(item[2], 32), 'another shape');
        return { pos: item[1], id: b64u(item[2]), receipt: receipt(item[3], item[4]) };
      }
      must(item[0] === 0 && isBytes(item[2]), 'another shape');
      return { pos: item[1], envelope: b64u(item[2]), receipt: receipt(item[3], item[4]) };
    });
    return { head: b64u(head), checkpoint, items: read };
  },
};
