// Formats of docs/spec/credential.md: SD-JWT VC, key binding, status lists, and the musts of R19.
import { inflateSync } from 'node:zlib';
import { b64u, bytesOf, must, refuse, sha256, textOf, unb64u, verifies } from './formats.mjs';

const REGISTERED = ['iss', 'iat', 'nbf', 'exp', 'cnf', 'vct', 'vct#integrity', 'status', '_sd_alg', '_sd'];
const STATUSES = ['Valid', 'Invalid', 'Suspended', 'Contested'];

/** JSON without duplicate members and not deeper than 64: a scan beside JSON.parse. */
function strictJson(text) {
  const value = JSON.parse(text);
  const names = [];
  let depth = 0;
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[[\]{}]/g;
  for (const [found, colon] of text.matchAll(token)) {
    if (found === '{' || found === '[') {
      depth += 1;
      must(depth <= 64, 'too deep');
      names.push(new Set());
    } else if (found === '}' || found === ']') {
      depth -= 1;
      names.pop();
    } else if (colon) {
      const name = JSON.parse(found.slice(0, found.lastIndexOf('"') + 1));
      must(!names.at(-1).has(name), 'a member twice');
      names.at(-1).add(name);
    }
  }
  return value;
}

function compact(text, key, typ) {
  const parts = text.split('.');
  must(parts.length === 3, 'no compact JWS');
  const header = JSON.parse(textOf(unb64u(parts[0])));
  must(header.alg === 'ES256' && key.crv === 'P-256', 'algorithm');
  must(header.crit === undefined, 'critical header');
  must(verifies(key, 'ES256', bytesOf(`${parts[0]}.${parts[1]}`), unb64u(parts[2], 64)), 'bad signature');
  must(header.typ === typ, 'another typ');
  return { header, payload: strictJson(textOf(unb64u(parts[1]))) };
}

function readDisclosure(text) {
  const read = strictJson(textOf(unb64u(text)));
  must(Array.isArray(read) && (read.length === 2 || read.length === 3) && typeof read[0] === 'string', 'no disclosure');
  must(read.length === 2 || typeof read[1] === 'string', 'no disclosure');
  return read.length === 3 ? { name: read[1], value: read[2] } : { value: read[1] };
}

class Reveal {
  constructor(texts) {
    this.waiting = new Map();
    this.seen = new Set();
    this.disclosed = [];
    for (const text of texts) {
      const digest = b64u(sha256(bytesOf(text)));
      must(!this.waiting.has(digest), 'a disclosure twice');
      this.waiting.set(digest, readDisclosure(text));
    }
  }

  take(digest) {
    must(typeof digest === 'string' && !this.seen.has(digest), 'a digest twice');
    this.seen.add(digest);
    const found = this.waiting.get(digest);
    this.waiting.delete(digest);
    return found;
  }

  value(value, path) {
    if (Array.isArray(value)) return this.array(value, path);
    return value !== null && typeof value === 'object' ? this.object(value, path) : value;
  }

  object({ _sd: digests = [], ...members }, path) {
    must(Array.isArray(digests) && !('...' in members), 'malformed');
    const out = {};
    for (const [name, value] of Object.entries(members)) out[name] = this.value(value, [...path, name]);
    for (const digest of digests) {
      const found = this.take(digest);
      if (!found) continue;
      const { name } = found;
      must(name !== undefined, 'an element where a member belongs');
      must(!(path.length === 0 && REGISTERED.includes(name)) && name !== '_sd' && name !== '...' && !(name in out), 'forbidden claim');
      this.disclosed.push([...path, name]);
      out[name] = this.value(found.value, [...path, name]);
    }
    return out;
  }

  array(items, path) {
    const out = [];
    for (const item of items) {
      const here = [...path, out.length];
      if (item === null || typeof item !== 'object' || !('...' in item)) {
        out.push(this.value(item, here));
        continue;
      }
      must(Object.keys(item).length === 1, 'malformed');
      const found = this.take(item['...']);
      if (!found) continue;
      must(found.name === undefined, 'a member where an element belongs');
      this.disclosed.push(here);
      out.push(this.value(found.value, here));
    }
    return out;
  }
}

function readCredential(text, key) {
  must(text.endsWith('~') && text.length <= 256 * 1024, 'malformed');
  const [jwt, ...disclosures] = text.slice(0, -1).split('~');
  must(disclosures.length <= 1024, 'too many');
  const { header, payload } = compact(jwt, key, 'dc+sd-jwt');
  must(typeof header.kid === 'string', 'no kid');
  const { iss, vct, iat = null, exp = null, nbf, cnf, status, _sd_alg: alg, 'vct#integrity': integrity = null, ...claims } = payload;
  must(alg === 'sha-256' || (alg === undefined && disclosures.length === 0), 'digest algorithm');
  must(typeof iss === 'string' && typeof vct === 'string', 'registered claim');
  must(cnf?.jwk?.kty === 'EC' && cnf.jwk.crv === 'P-256', 'cnf');
  const reveal = new Reveal(disclosures);
  const revealed = reveal.object(claims, []);
  must(reveal.waiting.size === 0, 'a disclosure that nothing refers to');
  return {
    iss, kid: header.kid, vct, cnf: cnf.jwk, iat, exp, status: status?.status_list ?? null, 'vct#integrity': integrity,
    claims: revealed, disclosed: reveal.disclosed,
  };
}

export const credential = {
  verify: (input) => readCredential(input.credential, input.issuer_key),
  presentation(input) {
    const at = input.presentation.lastIndexOf('~') + 1;
    const [bound, kb] = [input.presentation.slice(0, at), input.presentation.slice(at)];
    const read = readCredential(bound, input.issuer_key);
    const sdHash = b64u(sha256(bytesOf(bound)));
    if (input.aud === null) {
      must(kb === '', 'bound where nobody asked');
      return { ...read, sd_hash: sdHash, presented_at: null };
    }
    must(kb !== '', 'not bound');
    const { payload } = compact(kb, read.cnf, 'kb+jwt');
    must(payload.aud === input.aud && payload.nonce === input.nonce && payload.sd_hash === sdHash, 'another presentation');
    must(Number.isInteger(payload.iat) && input.iat_min <= payload.iat && payload.iat <= input.iat_max, 'outside its time');
    return { ...read, sd_hash: sdHash, presented_at: payload.iat };
  },
  status_list({ token, key, uri, seen_iat: seen, indexes }) {
    const { payload } = compact(token, key, 'statuslist+jwt');
    must(payload.sub === uri, 'another list');
    must(Number.isInteger(payload.iat) && (seen === null || payload.iat >= seen), 'older');
    must(payload.status_list.bits === 2, 'bits');
    let packed;
    try { packed = inflateSync(unb64u(payload.status_list.lst), { maxOutputLength: 1 << 20 }); } catch { refuse('no zlib'); }
    const status = (i) => STATUSES[((packed[Math.floor(i / 4)] ?? refuse('beyond the list')) >> (2 * (i % 4))) & 3];
    return { iat: payload.iat, ttl: payload.ttl ?? null, statuses: indexes.map(status) };
  },
};
