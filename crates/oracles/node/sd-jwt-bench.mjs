// What npm @sd-jwt/sd-jwt-vc costs for the same credential. Standard input: one JSON job; output: CPU
// microseconds of this process for each issuing and each checking, and the last credential, which we check.
import { readFileSync } from 'node:fs';
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';

const job = JSON.parse(readFileSync(0, 'utf8'));
const vc = new SDJwtVcInstance({
  hasher: digest,
  hashAlg: 'sha-256',
  saltGenerator: generateSalt,
  signAlg: 'ES256',
  signer: await ES256.getSigner(job.issuer_key),
  verifier: await ES256.getVerifier(job.public),
});
const payload = { ...job.registered, cnf: { jwk: job.holder_public }, ...job.claims };
const frame = { _sd: Object.keys(job.claims) };
const issue = () => vc.issue(payload, frame, { header: { kid: job.kid } });
const verify = () => vc.verify(credential, { currentDate: job.registered.iat, skewSeconds: 0 });

// The median of its rounds, after one that warms up.
async function cost(work) {
  const rounds = [];
  for (let round = 0; round <= job.rounds; round++) {
    const before = process.cpuUsage();
    for (let time = 0; time < job.times; time++) await work();
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / job.times);
  }
  return rounds.slice(1).sort((a, b) => a - b)[Math.floor(job.rounds / 2)];
}

const credential = await issue();
const read = (await verify()).payload;
for (const [name, value] of Object.entries(job.claims)) {
  if (read[name] !== value) throw new Error(`${name} was not read back`);
}
process.stdout.write(JSON.stringify({ issue_us: await cost(issue), verify_us: await cost(verify), credential }));
