// Passkeys with the PRF extension. Source: Web Authentication Level 3, section 10.1.4.

/** The same input for every passkey: outputs differ by passkey, and one input needs no storing. */
const SALT = new TextEncoder().encode("denizen/v1/passkey-prf/root-secret");

interface PrfOutput { prf?: { enabled?: boolean; results?: { first?: BufferSource } } }

/** What a passkey gave. */
export interface Passkey { credentialId: Uint8Array; prf: Uint8Array }

/** Whether this browser has passkeys at all. Whether one has PRF shows only when it is made. */
export const passkeysWork = (): boolean => typeof PublicKeyCredential !== "undefined";

function output(credential: PublicKeyCredential): Uint8Array | undefined {
  const results = (credential.getClientExtensionResults() as PrfOutput).prf?.results?.first;
  if (results === undefined) return undefined;
  const bytes = ArrayBuffer.isView(results) ? new Uint8Array(results.buffer, results.byteOffset, results.byteLength) : new Uint8Array(results);
  return bytes.length === 32 ? Uint8Array.from(bytes) : undefined;
}

/** Makes a passkey; nothing if it was not made, or has no PRF. */
export async function makePasskey(name: string): Promise<Passkey | undefined> {
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      rp: { name: "Denizen" },
      // Random, and no name: nothing here says who she is.
      user: { id: crypto.getRandomValues(new Uint8Array(32)), name, displayName: name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }, { type: "public-key", alg: -257 }],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
      extensions: { prf: { eval: { first: SALT } } } as AuthenticationExtensionsClientInputs,
    },
  });
  if (!(made instanceof PublicKeyCredential)) return undefined;
  const credentialId = new Uint8Array(made.rawId);
  const prf = output(made);
  if (prf !== undefined) return { credentialId, prf };
  // Some authenticators give it only when the passkey is used.
  return askPasskey([credentialId]);
}

/** Asks for one of these passkeys. */
export async function askPasskey(credentialIds: Uint8Array[]): Promise<Passkey | undefined> {
  const given = await navigator.credentials.get({
    publicKey: {
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      allowCredentials: credentialIds.map((id) => ({ type: "public-key", id: id as BufferSource })),
      userVerification: "required",
      extensions: { prf: { eval: { first: SALT } } } as AuthenticationExtensionsClientInputs,
    },
  });
  if (!(given instanceof PublicKeyCredential)) return undefined;
  const prf = output(given);
  return prf === undefined ? undefined : { credentialId: new Uint8Array(given.rawId), prf };
}
