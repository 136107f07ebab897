// Signatures that the crates take and refuse: the cases of crates/jose/tests/native.rs, and the example of
// RFC 7515 appendix A.3.

/** A signature, and whether the crates take it. */
export interface Case { name: string; point: number[]; message: number[]; signature: number[]; good: boolean }

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;

const number = (bytes: number[]): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const bytes = (n: bigint): number[] => [...Buffer.from(n.toString(16).padStart(64, "0"), "hex")];
const decoded = (text: string): number[] => [...Buffer.from(text, "base64url")];

const EXAMPLE: Case = {
  name: "RFC 7515 appendix A.3",
  point: [4, ...decoded("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), ...decoded("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")],
  message: [...Buffer.from("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ")],
  signature: decoded("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
  good: true,
};

/** All cases, of the example's key. */
export function cases(): Case[] {
  const { point, message, signature } = EXAMPLE;
  const [r, s] = [signature.slice(0, 32), signature.slice(32)];
  const [x, y] = [point.slice(1, 33), point.slice(33)];
  const bad = (name: string, changed: Partial<Case>): Case => ({ ...EXAMPLE, ...changed, name, good: false });
  const bent = (all: number[], bit: number): number[] => all.map((b, at) => (at === bit >> 3 ? b ^ (1 << (bit & 7)) : b));
  const edges = [0n, 1n, 2n ** 256n - 1n, ...[ORDER, PRIME].flatMap((n) => [n - 1n, n, n + 1n])].map(bytes);
  return [
    EXAMPLE,
    { ...EXAMPLE, name: "the twin with the other s", signature: [...r, ...bytes(ORDER - number(s))] },
    ...Array.from({ length: 512 }, (_, bit) => bad(`bit ${bit} of the signature`, { signature: bent(signature, bit) })),
    ...Array.from({ length: message.length }, (_, at) => bad(`byte ${at} of the message`, { message: bent(message, 8 * at) })),
    ...[0, 1, 63, 65, 72, 128].map((length) => bad(`${length} bytes`, { signature: Array.from({ length }, (_, at) => signature[at] ?? 0) })),
    ...edges.flatMap((edge, one) => [bad(`r is edge ${one}`, { signature: [...edge, ...s] }), bad(`s is edge ${one}`, { signature: [...r, ...edge] })]),
    ...edges.flatMap((one, a) => edges.map((other, b) => bad(`edges ${a} and ${b}`, { signature: [...one, ...other] }))),
    bad("the mirrored point", { point: [4, ...x, ...bytes(PRIME - number(y))] }),
    bad("a point off the curve", { point: [4, ...x, ...bent(y, 0)] }),
    bad("in DER", { signature: [0x30, 69, 2, 32, ...r, 2, 33, 0, ...s] }),
  ];
}
