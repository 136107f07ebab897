// ES256 by the browser's own cryptography, for many signatures at once. What is not good here is checked
// again by the module: it decides.

/** Checks signatures (`r || s`) under points of P-256; gives 1 for each that is good, else 0. Uses nothing
 *  from outside of it: a test runs it in every browser. */
export async function checkAhead(points: Uint8Array[], messages: Uint8Array[], signatures: Uint8Array[]): Promise<Uint8Array> {
  const [curve, algorithm] = [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }];
  // Few organisations sign many records: a key is found by looking at the few that are known.
  const keys: { point: Uint8Array; key: Promise<CryptoKey> }[] = [];
  const keyOf = (point: Uint8Array): Promise<CryptoKey> => {
    const known = keys.find((one) => one.point.length === point.length && one.point.every((byte, at) => byte === point[at]));
    if (known !== undefined) return known.key;
    const key = crypto.subtle.importKey("raw", point as BufferSource, curve, false, ["verify"]);
    keys.push({ point, key });
    return key;
  };
  const check = async (point: Uint8Array, at: number): Promise<boolean> => {
    const [message, signature] = [messages[at], signatures[at]];
    if (message === undefined || signature === undefined) return false;
    try {
      return await crypto.subtle.verify(algorithm, await keyOf(point), signature as BufferSource, message as BufferSource);
    } catch {
      return false;
    }
  };
  return Uint8Array.from(await Promise.all(points.map(check)), Number);
}
