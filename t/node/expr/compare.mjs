// SPDX-License-Identifier: MIT
// node compare.mjs cases.json ours.txt: evaluates every expression with
// @actions/expressions and holds our lines (see t/unit/expr-eval.c) against
// it.  TAP on standard output.  Messages are not compared, only whether
// there is an error.
import { readFileSync } from "node:fs";
import { Evaluator, Lexer, Parser, data, wellKnownFunctions }
	from "@actions/expressions";

const { contexts, expressions } = JSON.parse(readFileSync(process.argv[2]));
const ours = readFileSync(process.argv[3], "utf8").trimEnd().split("\n");

function toData(v) {
	if (v === null)
		return new data.Null();
	if (typeof v === "boolean")
		return new data.BooleanData(v);
	if (typeof v === "number")
		return new data.NumberData(v);
	if (typeof v === "string")
		return new data.StringData(v);
	if (Array.isArray(v))
		return new data.Array(...v.map(toData));
	return new data.Dictionary(...Object.entries(v)
		.map(([key, value]) => ({ key, value: toData(value) })));
}

function fromData(d) {
	switch (d.kind) {
	case data.Kind.Null:
		return null;
	case data.Kind.Number:
		return Number.isFinite(d.value) ? d.value : String(d.value);
	case data.Kind.Array:
		return d.values().map(fromData);
	case data.Kind.Dictionary:
		return Object.fromEntries(d.pairs()
			.map(p => [p.key, fromData(p.value)]));
	default:
		return d.value;
	}
}

function theirs(text) {
	try {
		const ast = new Parser(new Lexer(text).lex().tokens,
			Object.keys(contexts), []).parse();
		return { value: fromData(
			new Evaluator(ast, toData(contexts)).evaluate()) };
	} catch (e) {
		return { error: e.message };
	}
}

let failed = 0;
expressions.forEach((text, i) => {
	const want = theirs(text);
	const got = JSON.parse(ours[i] ?? "{}");
	const same = want.error !== undefined ? got.error !== undefined :
		JSON.stringify(got.value === -0 ? 0 : got.value) ===
			JSON.stringify(want.value === -0 ? 0 : want.value);
	const name = JSON.stringify(text).replaceAll("#", "\\#");
	console.log(`${same ? "ok" : "not ok"} ${i + 1} - ${name} is worth ` +
		"the same here and there");
	if (!same) {
		failed++;
		console.log(`# here  ${ours[i]}`);
		console.log(`# there ${JSON.stringify(want)}`);
	}
});
console.log(`1..${expressions.length}`);
process.exit(failed ? 1 : 0);
