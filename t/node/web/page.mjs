// SPDX-License-Identifier: MIT
// node page.mjs PHASE BASE CHROMIUM [GATE]: looks at the pages of an agent in
// a real browser.  Exit status 0 when all is as it should be, else what is
// wrong is printed.  t/0550-page.sh has the phases.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { chromium } from "playwright-core";

const [phase, base, executablePath, gate] = process.argv.slice(2);
const here = path.dirname(new URL(import.meta.url).pathname);
const payloads = JSON.parse(
	fs.readFileSync(path.join(here, "payloads.json"), "utf8"));
const WAIT_MS = 30000;
const TAGS = new Set(("html head meta title link script body a header nav " +
	"main footer p h1 h2 ol li span bdi code time template article dl " +
	"div dt dd section details summary pre").split(" "));

// A context that notes whatever a page may not do.
async function open(browser, options = {}) {
	const context = await browser.newContext(options);
	const bad = [];
	await context.addInitScript(() => {
		document.addEventListener("securitypolicyviolation", (ev) =>
			console.error("policy: " + ev.violatedDirective + " " +
				ev.blockedURI));
	});
	context.on("page", (page) => {
		page.on("console", (m) => {
			if (["error", "warning"].includes(m.type()))
				bad.push(`console: ${m.text()}`);
		});
		page.on("pageerror", (e) => bad.push(`error: ${e.message}`));
		page.on("dialog", (d) => bad.push(`dialog: ${d.message()}`));
		page.on("popup", () => bad.push("a window was opened"));
	});
	context.on("request", (q) => {
		if (new URL(q.url()).origin !== base)
			bad.push(`request: ${q.url()}`);
	});
	context.on("response", (a) => {
		if (a.status() >= 400)
			bad.push(`response: ${a.status()} ${a.url()}`);
	});
	return { context, bad };
}

// Only our own elements, no handler, no style, one script.
async function checkTree(page) {
	const tree = await page.evaluate(() => ({
		hit: window.hit,
		scripts: [...document.scripts].map((s) => s.src + s.text),
		all: [...document.querySelectorAll("*")].map((n) => ({
			tag: n.localName,
			attributes: n.getAttributeNames(),
			href: n.getAttribute("href"),
		})),
	}));
	assert.equal(tree.hit, undefined, "foreign code ran");
	assert.deepEqual(tree.scripts, [`${base}/assets/live.js`]);
	for (const node of tree.all) {
		assert(TAGS.has(node.tag), `an element <${node.tag}>`);
		for (const name of node.attributes)
			assert(!/^on|^style$|^srcdoc$/.test(name),
				`<${node.tag} ${name}>`);
		assert(node.href === null || /^(\/|#|https?:\/\/)/.test(node.href),
			`a link to ${node.href}`);
	}
}

// As a page shows text: what was a control character is a sign.
const shown = (text) => text.replace(/\r?\n|\t/g, " ").trim();

const phases = {
	// Both pages are open while the run goes on; the test's gate ends it.
	async live(browser) {
		const { context, bad } = await open(browser);
		const list = await context.newPage();
		const run = await context.newPage();
		await list.goto(base + "/");
		await run.goto(base + "/runs/1");
		const row = list.locator("[data-run='1'] .state");
		await row.filter({ hasText: "running" }).waitFor();
		const gateStep = run.locator(".step",
			{ hasText: "waits at the gate" });
		await gateStep.locator(".output",
			{ hasText: "before the gate" }).waitFor();
		assert.equal(await gateStep.locator(".word").innerText(),
			"running");
		assert(!(await run.locator("#jobs").innerText())
			.includes("behind the gate"));

		fs.writeFileSync(gate, "");
		await gateStep.locator(".output",
			{ hasText: "behind the gate" }).waitFor();
		await run.locator("#state.state-failed").waitFor();
		await row.filter({ hasText: "failed" }).waitFor();
		await run.locator("#reason .text:visible").waitFor();
		const colored = run.locator(".output .fg1.bold");
		assert.equal(await colored.textContent(), "red & bold");
		await checkTree(list);
		await checkTree(run);
		assert.match(await run.title(), /^Run 1 failed/);
		// What was built piece by piece is what a new page has.
		const pieces = await run.locator("#jobs .output")
			.evaluateAll((l) => l.map((n) => n.textContent));
		await run.reload();
		assert.deepEqual(await run.locator("#jobs .output")
			.evaluateAll((l) => l.map((n) => n.textContent)), pieces);
		return bad;
	},

	async follows(browser) {
		const { context, bad } = await open(browser);
		const list = await context.newPage();
		await list.goto(base + "/");
		assert.equal(await list.locator("[data-run='2']").count(), 0);
		fs.writeFileSync(gate, "");
		await list.locator("[data-run='2']").waitFor();
		const ids = await list.locator(".row")
			.evaluateAll((l) => l.map((n) => n.dataset.run));
		assert.deepEqual(ids, ["2", "1"]);
		await checkTree(list);
		return bad;
	},

	async text(browser) {
		const { context, bad } = await open(browser);
		const page = await context.newPage();
		for (const where of ["/", "/runs/1"]) {
			await page.goto(base + where);
			await checkTree(page);
		}
		const outputs = (await page.locator(".output")
			.evaluateAll((l) => l.map((n) => n.textContent)))
			.join("\n");
		for (const p of payloads)
			assert(outputs.includes(p), `not in the output: ${p}`);
		const names = await page.locator(".step .name")
			.evaluateAll((l) => l.map((n) => n.textContent));
		const steps = names.filter((n) =>
			payloads.some((p) => shown(p) === n.trim()));
		assert(steps.length >= 12, `step names: ${names}`);
		assert((await page.locator("p.subject").innerText())
			.includes("<script>"));
		return bad;
	},

	async keyboard(browser) {
		const { context, bad } = await open(browser);
		const page = await context.newPage();
		await page.goto(base + "/runs/1");
		await page.keyboard.press("Tab");
		assert.equal(await page.evaluate(() =>
			document.activeElement.className), "skip");
		const closed = page.locator(".step details:not([open])").first();
		await closed.evaluate((n) => n.setAttribute("id", "it"));
		await closed.locator("summary").focus();
		await page.keyboard.press("Enter");
		await page.locator("#it[open]").waitFor();
		return bad;
	},

	async whole(browser) {
		const { context, bad } = await open(browser);
		const page = await context.newPage();
		await page.goto(base + "/runs/1");
		const link = await page.locator(".whole a:visible").first()
			.getAttribute("href");
		assert.match(link, /^\/runs\/1\/0\/\d+\/log$/);
		const answer = await page.request.get(base + link);
		assert.equal(answer.status(), 200);
		assert.match(answer.headers()["content-type"], /^text\/plain/);
		assert.equal(answer.headers()["x-content-type-options"],
			"nosniff");
		return bad;
	},

	async plain(browser) {
		const { context, bad } = await open(browser,
			{ javaScriptEnabled: false });
		const page = await context.newPage();
		await page.goto(base + "/");
		await page.locator("a.what[href='/runs/1']").click();
		await page.waitForURL(base + "/runs/1");
		assert.match(await page.locator("h1").innerText(), /failed/);
		assert.match(await page.locator("#reason").innerText(), /Why/);
		assert((await page.locator(".step details[open] .output")
			.allInnerTexts()).join("").includes("behind the gate"));
		return bad;
	},

	async look(browser) {
		const seen = [], grounds = new Set(), problems = [];
		for (const colorScheme of ["light", "dark"])
			for (const width of [360, 1200]) {
				const { context, bad } = await open(browser,
					{ colorScheme, viewport: { width, height: 800 } });
				const page = await context.newPage();
				problems.push(bad);
				for (const where of ["/", "/runs/1"]) {
					await page.goto(base + where);
					seen.push(tones(await page.screenshot()));
					assert(await fits(page), `${where} is wider ` +
						`than a screen of ${width}`);
					assert.deepEqual(await faint(page), []);
				}
				grounds.add(await page.evaluate(() =>
					getComputedStyle(document.body).backgroundColor));
				await context.close();
			}
		assert(seen.every((n) => n > 20), `tones: ${seen}`);
		assert.equal(grounds.size, 2, "light and dark look the same");
		return problems.flat();
	},
};

const fits = (page) => page.evaluate(() =>
	document.documentElement.scrollWidth <= window.innerWidth);

// Texts whose contrast with their background is less than 4.5 to 1.
const faint = (page) => page.evaluate(() => {
	const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = (c) => {
		const [r, g, b] = c.map((v) => {
			v /= 255;
			return v <= 0.04045 ? v / 12.92 :
				((v + 0.055) / 1.055) ** 2.4;
		});
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = (n) => {
		for (; n; n = n.parentElement) {
			const c = parse(getComputedStyle(n).backgroundColor);
			if (c.length === 3 || c[3] === 1)
				return c.slice(0, 3);
		}
		return [255, 255, 255];
	};
	const bad = [];
	for (const n of document.querySelectorAll("main *, header *")) {
		const own = [...n.childNodes].some((k) =>
			k.nodeType === 3 && k.data.trim());
		if (!own || !n.checkVisibility())
			continue;
		const a = light(parse(getComputedStyle(n).color).slice(0, 3));
		const b = light(ground(n));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5)
			bad.push(`${n.localName}.${n.className}: ${ratio}`);
	}
	return bad;
});

// How many different bytes a PNG's pixels have: a blank one has few.
function tones(png) {
	const parts = [];
	for (let at = 8; at < png.length;) {
		const n = png.readUInt32BE(at);
		if (png.toString("latin1", at + 4, at + 8) === "IDAT")
			parts.push(png.subarray(at + 8, at + 8 + n));
		at += n + 12;
	}
	return new Set(zlib.inflateSync(Buffer.concat(parts))).size;
}

const browser = await chromium.launch({ executablePath,
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
	timeout: WAIT_MS });
try {
	const bad = await phases[phase](browser);
	assert.deepEqual(bad, []);
} catch (e) {
	console.log(e.message);
	process.exitCode = 1;
} finally {
	await browser.close();
}
