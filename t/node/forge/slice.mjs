// SPDX-License-Identifier: MIT
// slice.mjs IN OUT PATTERN...: an OpenAPI document with only the paths that
// match, and the components which these reach.
import { readFileSync, writeFileSync } from 'node:fs';

const [input, output, ...patterns] = process.argv.slice(2);
const doc = JSON.parse(readFileSync(input));
const wanted = patterns.map((p) => new RegExp(p));
const paths = Object.fromEntries(Object.entries(doc.paths)
	.filter(([path]) => wanted.some((w) => w.test(path))));
const components = {};
const todo = [paths];

while (todo.length) {
	const value = todo.pop();
	if (typeof value !== 'object' || value === null)
		continue;
	// GitHub answers the same under the media type that its manual wants
	// to be asked for; the document leaves that out.
	if (value.content?.['application/json'])
		value.content['application/vnd.github+json'] ??= value.content['application/json'];
	if (typeof value.$ref === 'string') {
		const [, , group, name] = value.$ref.split('/');
		components[group] ??= {};
		if (!components[group][name]) {
			components[group][name] = doc.components[group][name];
			todo.push(components[group][name]);
		}
	}
	todo.push(...Object.values(value));
}
if (!Object.keys(paths).length)
	throw new Error('no path matches');
const { openapi, info } = doc;
writeFileSync(output, JSON.stringify({ openapi, info, paths, components }));
