// Formats of docs/spec/recovery.md.
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { argon2id } from '@noble/hashes/argon2.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { arrayOf, b64u, bytesOf, isBytes, must, refuse, same, sha256, unb64u } from './formats.mjs';

export const recovery = {
  kit({ text }) {
    // The list has a word `hub` too: the line begins at the last one that two more follow.
    const tokens = text.split(/\s+/).filter((t) => t !== '');
    const at = tokens.findLastIndex((t, i) => t.toLowerCase() === 'hub' && i + 2 < tokens.length);
    must(at >= 0, 'no line with the hub');
    const words = tokens.slice(0, at).filter((w) => w !== '' && !/^[0-9]+$/.test(w)).map((w) => w.toLowerCase());
    const unknown = words.findIndex((w) => !wordlist.includes(w));
    must(unknown < 0, `word ${unknown + 1} is on no list`);
    must(words.length === 24, 'not 24 words');
    const [hub, url] = tokens.slice(at + 1);
    let root;
    try { root = mnemonicToEntropy(words.join(' '), wordlist); } catch { refuse('checksum'); }
    return { root: b64u(root), hub, hub_url: url };
  },
  unwrap({ wrapped, passphrase, device_secret: device }) {
    const [version, memory, passes, salt, commitment, nonce, ct] = arrayOf(unb64u(wrapped), 7);
    must(version === 1 && isBytes(salt, 16) && isBytes(commitment, 32) && isBytes(nonce, 12) && isBytes(ct, 48), 'malformed');
    must(memory >= 64 * 1024 && memory <= 1024 * 1024 && passes >= 3 && passes <= 16, 'cost');
    const stretched = argon2id(bytesOf(passphrase), salt, { t: passes, m: memory, p: 1, version: 0x13, dkLen: 32 });
    const keys = hkdf(sha256, stretched, unb64u(device, 16), bytesOf('denizen/v1/wrap'), 64);
    must(same(keys.slice(32), commitment), 'wrong passphrase');
    try { return { root: b64u(chacha20poly1305(keys.slice(0, 32), nonce).decrypt(ct)) }; } catch { return refuse('wrong passphrase'); }
  },
  unwrap_prf({ wrapped, prf }) {
    const [version, salt, commitment, nonce, ct] = arrayOf(unb64u(wrapped), 5);
    must(version === 2 && isBytes(salt, 16) && isBytes(commitment, 32) && isBytes(nonce, 12) && isBytes(ct, 48), 'malformed');
    const keys = hkdf(sha256, unb64u(prf, 32), salt, bytesOf('denizen/v1/wrap-prf'), 64);
    must(same(keys.slice(32), commitment), 'wrong passkey');
    try { return { root: b64u(chacha20poly1305(keys.slice(0, 32), nonce).decrypt(ct)) }; } catch { return refuse('wrong passkey'); }
  },
  stored({ stored, secret }) {
    const bytes = unb64u(stored, 220);
    const key = hkdf(sha256, unb64u(secret), undefined, bytesOf('denizen/v1/root-stored'), 32);
    let inside;
    try { inside = chacha20poly1305(key, bytes.slice(0, 12)).decrypt(bytes.slice(12)); } catch { refuse('wrong secret'); }
    const end = 2 + inside[0] * 256 + inside[1];
    must(end <= inside.length && inside.slice(end).every((zero) => zero === 0), 'malformed');
    return { wrapped: b64u(inside.slice(2, end)) };
  },
  locator({ prf, hub }) {
    const info = Uint8Array.of(...bytesOf('denizen/v1/passkey-locator'), 0, ...unb64u(hub, 32));
    return { locator: b64u(hkdf(sha256, unb64u(prf, 32), undefined, info, 32)) };
  },
};
