// SPDX-License-Identifier: MIT
// compare.mjs WANT GOT: line by line, every member of "want" against the
// delivery that came out.  Prints each difference; a count is the last line.
import { readFileSync } from 'node:fs';

const lines = (name) => readFileSync(name, 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l));
const want = lines(process.argv[2]), got = lines(process.argv[3]);
let bad = want.length === got.length ? 0 : 1;
let pushes = 0;

want.forEach(({ event, what, repository, ...fields }, i) => {
	const g = got[i] ?? {};
	const seen = { verified: g.verified, what: g.what };
	const should = { verified: true, what };
	if (what === 'push') {
		pushes++;
		should.repository = repository;
		seen.repository = g.repository;
		for (const [key, value] of Object.entries(fields)) {
			should[key] = value;
			// flags that are off may be left out
			seen[key] = g.push?.[key] ?? (value === false ? false : undefined);
		}
	}
	if (what === 'ignored' && !g.why)
		seen.what = 'ignored without a reason';
	if (JSON.stringify(seen) !== JSON.stringify(should)) {
		bad++;
		console.log(`line ${i + 1}, ${event}: ${g.error ?? ''}\n  got  ${JSON.stringify(seen)}\n  want ${JSON.stringify(should)}`);
	}
});
console.log(`${want.length} payloads, ${pushes} start a run, ${bad} differ`);
process.exit(bad ? 1 : 0);
