// SPDX-License-Identifier: MIT
// node workflow.mjs GATE: a workflow (JSON is YAML) whose names are hostile,
// on standard output; it waits until the file GATE is there, and fails.
// node workflow.mjs payloads|colors: what its steps print.
import fs from "node:fs";
import path from "node:path";

const here = path.dirname(new URL(import.meta.url).pathname);
const payloads = JSON.parse(
	fs.readFileSync(path.join(here, "payloads.json"), "utf8"));
// Names with expressions in them would be evaluated, or refused.
const names = payloads.filter((p) => !p.includes("${") && !/[\n\t]/.test(p));
const every = Math.ceil(names.length / 14);

// What a terminal would show in colours, and what it would make of rubbish;
// the last part is in no order, but the same each time.
function colors() {
	const esc = "\x1b[";
	const whole = ["31m", "1;92m", "m", "4:3;44m", "38;5;99m", "48:5:7m"];
	const tokens = [...whole.map((code) => esc + code), "words", "more",
		esc, esc, esc, "m", "m", "31", "1", "4",
		"44", "38", "48", "5", "2", "97", "0", ";", ";", ":", "?", "x",
		"<b>", "&", "\u20ac", "\n", "\n", "\r", "\r\n", "\t", "\0", "\x1b",
		"\x1b]", "\x1bP", "\x07", "\x1b\\", "\x18", "\x08", "\u009b", "\u009d",
		"\u009c", "\u0085", [0xc2], [0x9b], [0xff], [0xe2, 0x82], "H"];
	const bytes = [];
	let seed = 42;
	for (let i = 0; i < 12000; i++) {
		seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
		bytes.push(Buffer.from(tokens[(seed >>> 8) % tokens.length]));
	}
	return Buffer.concat([
		Buffer.from([
			`${esc}1;4mbold${esc}m ${esc};31mred${esc}0m`,
			`${esc}38;5;196mcube${esc}48;2;0;0;255mblue${esc}m`,
			`${esc}38:2::255:0:0mcolons ${esc}4:3mcurl${esc}4:0m`,
			"10%\r20%\r100%\r\n\u20ac \u{1f600} \u009b32mC1",
			`${esc}${"0;".repeat(20)}31mmany ${esc}?25lhidden`,
			"\x1b]8;;javascript:window.hit=1\x1b\\link\x1b]8;;\x07",
		].join("\n")),
		...bytes,
	]);
}

const what = process.argv[2];
if (what === "payloads")
	process.stdout.write(payloads.join("\n") + "\n");
else if (what === "colors")
	process.stdout.write(colors());
else
	console.log(JSON.stringify(workflow(what)));

function workflow(gate) {
	return {
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
							"'; do sleep 0.05; done",
					},
					{ name: "colors", run: "cat colors" },
					{
						name: "fails",
						run: "printf '\\033[1;31mred & bold\\033[0m\\n'\n" +
							"echo behind the gate\nexit 3",
					},
					{ name: "never runs", run: "true" },
				],
			},
		},
	};
}
