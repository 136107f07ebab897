// npm @sd-jwt/sd-jwt-vc, @sd-jwt/jwt-status-list and dcql beside the product. Standard input: JSON
// {"jobs": [...]}; output: one answer for each.
import { readFileSync } from 'node:fs';
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs';
import { getListFromStatusListJWT, StatusList } from '@sd-jwt/jwt-status-list';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import { DcqlQuery } from 'dcql';

async function instance({ issuerKey, issuerPublic, holderKey, statusToken, statusKey }) {
  return new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    signAlg: 'ES256',
    signer: issuerKey && (await ES256.getSigner(issuerKey)),
    verifier: issuerPublic && (await ES256.getVerifier(issuerPublic)),
    kbSignAlg: 'ES256',
    kbSigner: holderKey && (await ES256.getSigner(holderKey)),
    kbVerifier: async (data, signature, payload) => (await ES256.getVerifier(payload.cnf.jwk))(data, signature),
    statusListFetcher: async () => statusToken,
    statusVerifier: statusKey && (await ES256.getVerifier(statusKey)),
  });
}

const acts = {
  async verify(job) {
    const vc = await instance({ issuerPublic: job.issuer_key, statusToken: job.status_token, statusKey: job.status_key });
    try {
      const options = { keyBindingNonce: job.nonce, currentDate: job.now, skewSeconds: 0 };
      const { payload, kb } = await vc.verify(job.presentation, options);
      return { claims: payload, kb: kb?.payload };
    } catch (error) {
      return { refused: error.message };
    }
  },
  async issue(job) {
    const vc = await instance({ issuerKey: job.issuer_key, holderKey: job.holder_key });
    const credential = await vc.issue(job.payload, job.frame, { header: { kid: job.kid } });
    return { credential, ...(await acts.present({ ...job, credential })) };
  },
  async present(job) {
    const vc = await instance({ holderKey: job.holder_key });
    const kb = { payload: { iat: job.iat, aud: job.aud, nonce: job.nonce } };
    return { presentation: await vc.present(job.credential, job.disclose, { kb }) };
  },
  async status(job) {
    const list = getListFromStatusListJWT(job.token);
    return { bits: list.getBitsPerStatus(), entries: list.statusList.length, statuses: job.indexes.map((i) => list.getStatus(i)) };
  },
  async compress(job) {
    const list = new StatusList(new Array(job.entries).fill(0), 2);
    for (const [index, value] of job.set) list.setStatus(index, value);
    return { lst: list.compressStatusList() };
  },
  async dcql(job) {
    let query;
    try {
      query = DcqlQuery.parse(job.query);
      DcqlQuery.validate(query);
    } catch {
      return { refused: true };
    }
    const credentials = job.credentials.map(({ vct, claims }) => ({
      credential_format: 'dc+sd-jwt', vct, claims, cryptographic_holder_binding: true,
    }));
    const result = DcqlQuery.query(query, credentials);
    const ids = (match) => (match.valid_credentials ?? []).map((c) => job.credentials[c.input_credential_index].id);
    const matches = Object.entries(result.credential_matches).map(([query_id, match]) => [query_id, ids(match)]);
    const sets = (result.credential_sets ?? []).map((set) => set.matching_options?.[0] ?? null);
    return { satisfied: result.can_be_satisfied, matches: Object.fromEntries(matches), sets };
  },
};

const { jobs } = JSON.parse(readFileSync(0, 'utf8'));
const answers = [];
for (const job of jobs) answers.push(await acts[job.act](job));
process.stdout.write(JSON.stringify(answers));
