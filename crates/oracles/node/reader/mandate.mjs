// mandate.md: keys of one relation, proof of possession, a helper's card, a sealed file.
import { encode } from 'cborg';
import { sha256 } from '@noble/hashes/sha2.js';
import {
  arrayOf, b64u, bytesOf, concat, derive, isBytes, must, openFile, p256Jwk, p256Secret, signedObject, textOf, unb64u,
  unverifiedPayload, xwingPublic,
} from './formats.mjs';

const thumbprint = ({ crv, kty, x, y }) => b64u(sha256(bytesOf(JSON.stringify({ crv, kty, x, y }))));

/** An object that is signed by the key that it names. */
function ownObject(bytes, typ, members) {
  const claimed = JSON.parse(textOf(unverifiedPayload(bytes)));
  const { payload } = signedObject(bytes, claimed.key, typ);
  const value = JSON.parse(textOf(payload));
  must(value.v === 1, 'another version');
  must(Object.keys(value).every((name) => members.includes(name)), 'unknown member');
  return value;
}

export const mandate = {
  keys({ root, ref }) {
    const [secret, context] = [unb64u(root, 32), unb64u(ref, 16)];
    const pair = (label) => {
      const scalar = p256Secret(secret, label, context);
      return { secret: b64u(scalar), public: p256Jwk(scalar) };
    };
    const kem = derive(secret, 'person-kem', context);
    return {
      delegate: pair('delegate'), mandate: pair('mandate'),
      kem: { secret: b64u(kem), public: b64u(xwingPublic(kem)) },
    };
  },
  acting({ proof, org, purpose, service, message, sd_hash: shown, key_thumbprint: named, from, until }) {
    const value = ownObject(unb64u(proof), 'denizen-acting+json', ['v', 'key', 'nonce', 'iat']);
    must(thumbprint(value.key) === named, 'another key');
    const parts = [
      'denizen/v1/acting', unb64u(org, 32), purpose, service ? unb64u(service, 32) : null, unb64u(message, 16), shown,
    ];
    must(value.nonce === b64u(sha256(encode(parts))), 'another act');
    must(value.iat >= from && value.iat <= until, 'another time');
    return { acts: true };
  },
  card({ card }) {
    const bytes = unb64u(card);
    const value = ownObject(bytes, 'denizen-helper+json', ['v', 'name', 'key', 'kem']);
    must(unb64u(value.kem).length === 1216, 'another length');
    const hash = Buffer.from(sha256(concat(bytesOf('denizen/v1/helper-code'), bytes)));
    const groups = [0, 4, 8, 12, 16, 20].map((at) => String(hash.readUInt32BE(at) % 10000).padStart(4, '0'));
    return { name: value.name, key_thumbprint: thumbprint(value.key), digits: groups.join(' ') };
  },
  file({ kem, typ, sealed }) {
    const parts = arrayOf(unb64u(sealed), 2);
    must(parts.every((part) => isBytes(part)), 'another shape');
    return { object: b64u(openFile(parts, unb64u(kem, 32), typ)) };
  },
};
