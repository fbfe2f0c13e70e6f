// SPDX-License-Identifier: MIT
// Makes the deliveries for the test: every example payload of
// @octokit/webhooks-examples, and pushes and pull requests derived from
// them, signed by @octokit/webhooks-methods.  Prints one JSON object per
// line for forge_check, and with the option "want" what must come out.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sign } from '@octokit/webhooks-methods';

const require = createRequire(import.meta.url);
const examples = JSON.parse(readFileSync(
	require.resolve('@octokit/webhooks-examples/api.github.com/index.json')));
const secret = 'a secret, not a token';
const zero = '0'.repeat(40);
const sha = (digit) => digit.repeat(40);
const starting = ['opened', 'reopened', 'synchronize', 'ready_for_review'];

// What a payload means, said again in other words than the program's.
function meaning(event, body) {
	if (event === 'ping')
		return { what: 'ping' };
	if (event === 'push') {
		if (body.deleted || body.after === zero)
			return { what: 'ignored' };
		return { what: 'push', ref: body.ref, sha: body.ref.startsWith('refs/tags/') ?
			body.head_commit.id : body.after, before: body.before,
			forced: body.forced, fork: false };
	}
	if (event === 'pull_request' && starting.includes(body.action)) {
		const pr = body.pull_request;
		return { what: 'push', ref: `refs/pull/${pr.number}/head`,
			sha: pr.head.sha, action: body.action, number: pr.number,
			base_ref: pr.base.ref, forced: false,
			fork: !pr.head.repo || pr.head.repo.full_name !== pr.base.repo.full_name };
	}
	return { what: 'ignored' };
}

const clone = (value) => JSON.parse(JSON.stringify(value));
const first = (event, fits) => clone(
	examples.find((e) => e.name === event).examples.find(fits));

function derived() {
	const push = first('push', (p) => p.ref.startsWith('refs/heads/') &&
		!p.deleted && p.head_commit);
	const pr = first('pull_request', (p) => p.action === 'opened' &&
		p.pull_request.head.repo.id === p.pull_request.base.repo.id);
	const update = { ...clone(push), before: sha('a'), after: sha('b'), created: false };
	update.head_commit.id = sha('b');
	const fork = clone(pr);
	fork.pull_request.head.repo.id += 1;
	fork.pull_request.head.repo.full_name = 'somebody/else';
	const gone = clone(pr);
	gone.pull_request.head.repo = null;
	const sync = { ...clone(fork), action: 'synchronize', before: sha('c'), after: sha('d') };
	sync.pull_request.head.sha = sha('d');
	return [['push', update], ['push', { ...clone(update), forced: true }],
		['push', { ...clone(update), after: zero, deleted: true, head_commit: null }],
		['pull_request', fork], ['pull_request', gone], ['pull_request', sync]];
}

const all = examples.flatMap((e) => e.examples.map((body) => [e.name, body]));
const rows = process.argv[2] === 'derived' ? derived() : all;
for (const [event, payload] of rows) {
	const body = JSON.stringify(payload);
	const want = meaning(event, payload);
	if (process.argv[3] === 'want')
		console.log(JSON.stringify({ event, repository: payload.repository?.full_name, ...want }));
	else
		console.log(JSON.stringify({ kind: 'github', secret, body,
			headers: { 'X-GitHub-Event': event, 'X-GitHub-Delivery': 'x',
				'X-Hub-Signature-256': await sign(secret, body) } }));
}
