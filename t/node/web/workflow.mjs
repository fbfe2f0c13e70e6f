// SPDX-License-Identifier: MIT
// node workflow.mjs GATE: a workflow (JSON is YAML) whose names are hostile,
// on standard output; it waits until the file GATE is there, and fails.
import fs from "node:fs";
import path from "node:path";

const here = path.dirname(new URL(import.meta.url).pathname);
const payloads = JSON.parse(
	fs.readFileSync(path.join(here, "payloads.json"), "utf8"));
// Names with expressions in them would be evaluated, or refused.
const names = payloads.filter((p) => !p.includes("${") && !/[\n\t]/.test(p));
const every = Math.ceil(names.length / 14);
const gate = process.argv[2];

console.log(JSON.stringify({
	name: "<script>window.hit=1</script>",
	jobs: {
		a: {
			name: "\"><img src=x onerror=window.hit=1>",
			steps: [
				...names.filter((_, i) => i % every === 0)
					.map((name) => ({ name, run: "true" })),
				{ name: "prints", run: "cat payloads" },
				{
					name: "waits at the gate",
					run: "echo before the gate\n" +
						"while test ! -e '" + gate +
						"'; do sleep 0.05; done\n" +
						"printf '\\033[1;31mred & bold\\033[0m\\n'\n" +
						"echo behind the gate\nexit 3",
				},
				{ name: "never runs", run: "true" },
			],
		},
	},
}));
