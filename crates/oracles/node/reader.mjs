// A reader of Denizen's formats, written from docs/spec/ alone. It shares no code with the product.
// Standard input: JSON {"jobs": [{op, in}]}; output: JSON [{out}] or [{refused}], one for each job, as
// docs/spec/vectors/README.md names them.
import { readFileSync } from 'node:fs';
import { attachments } from './reader/attachments.mjs';
import { credential } from './reader/credential.mjs';
import { pages as formats, Refused } from './reader/formats.mjs';
import { directory, hub, invitation } from './reader/hub.mjs';
import { mandate } from './reader/mandate.mjs';
import { recovery } from './reader/recovery.mjs';

const pages = { ...formats, link: { ...formats.link, invitation }, attachments, directory, hub, credential, mandate, recovery };

function run({ op, in: input }) {
  const [page, name] = op.split('.');
  const act = pages[page]?.[name];
  if (!act) return { unknown: op };
  try { return { out: act(input) }; } catch (error) {
    const expected = [Refused, SyntaxError, TypeError].some((kind) => error instanceof kind);
    if (!expected) throw error;
    return { refused: error.message };
  }
}

const { jobs } = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(jobs.map(run)));
