// SPDX-License-Identifier: MIT
//
// Keeps a page that is open up to date.  The page can be read without it.
// Everything that comes from a run becomes text nodes, attributes that we
// name here, or classes from a fixed list; nothing is ever parsed as HTML.
"use strict";

(() => {
	const OUTPUT_MAX = 256 * 1024; // characters kept of a step's output
	const ROWS_MAX = 200;
	const PARAMS_MAX = 16; // of one control sequence
	const SEQUENCE_MAX = 4096; // and its characters
	const AGAIN_MS = 5000;
	const SYMBOLS = {
		received: "\u25cb",
		planning: "\u25cb",
		queued: "\u25cb",
		running: "\u25b6",
		waiting: "\u25d4",
		blocked: "\u25a0",
		passed: "\u2713",
		failed: "\u2717",
		canceled: "\u2298",
		error: "!",
		skipped: "\u2013",
		superseded: "\u21b7",
	};

	const main = document.getElementById("main");
	const find = (root, selector) => root.querySelector(selector);

	function setText(root, selector, text) {
		const node = find(root, selector);
		if (node)
			node.textContent = text === undefined || text === null ?
				"" : String(text);
	}

	function showText(root, selector, text) {
		const node = find(root, selector);
		if (!node)
			return;
		node.hidden = !text;
		node.textContent = text || "";
	}

	function setState(node, state) {
		const known = Object.hasOwn(SYMBOLS, state);
		node.className = "state state-" + (known ? state : "unknown");
		setText(node, ".symbol", known ? SYMBOLS[state] : "?");
		setText(node, ".word", known ? state : "unknown");
	}

	function fromTemplate(id) {
		const t = document.getElementById(id);
		return t.content.firstElementChild.cloneNode(true);
	}

	// As the server says it: "230 ms", "4.2 s", "3 min 5 s", "2 h 10 min".
	function span(ms) {
		const s = Math.floor(ms / 1000);
		if (ms < 1000)
			return ms + " ms";
		if (s < 60)
			return s + "." + Math.floor(ms % 1000 / 100) + " s";
		if (s < 3600)
			return Math.floor(s / 60) + " min " + s % 60 + " s";
		return Math.floor(s / 3600) + " h " +
			Math.floor(s % 3600 / 60) + " min";
	}

	// ---- a step's output: the same subset of control sequences as in
	// ---- the pages that the server makes

	const plain = () => ({ fg: -1, bg: -1, bold: false, dim: false,
		italic: false, underline: false, strike: false });

	const FLAGS = { 1: ["bold", true], 2: ["dim", true],
		3: ["italic", true], 4: ["underline", true],
		9: ["strike", true], 22: ["bold", false],
		23: ["italic", false], 24: ["underline", false],
		29: ["strike", false] };

	function nearestColor(r, g, b) {
		const top = Math.max(r, g, b), low = Math.min(r, g, b);
		if (top - low < 48)
			return top < 64 ? 0 : top < 144 ? 8 : top < 224 ? 7 : 15;
		const half = Math.max(top >> 1, (top + low) >> 1);
		const c = (r > half ? 1 : 0) | (g > half ? 2 : 0) |
			(b > half ? 4 : 0);
		return top > 192 ? c + 8 : c;
	}

	function indexedColor(i) {
		const level = [0, 95, 135, 175, 215, 255];
		if (!(i >= 0 && i <= 255))
			return -1;
		if (i < 16)
			return i;
		if (i >= 232) {
			const grey = 8 + 10 * (i - 232);
			return nearestColor(grey, grey, grey);
		}
		i -= 16;
		return nearestColor(level[Math.floor(i / 36)],
			level[Math.floor(i / 6) % 6], level[i % 6]);
	}

	class Output {
		constructor(pre) {
			this.pre = pre;
			this.reset();
		}

		reset() {
			this.pre.replaceChildren();
			this.style = plain();
			this.run = "";
			this.length = 0;
			this.state = "ground";
			this.cr = false;
		}

		classes() {
			const s = this.style, list = [];
			if (s.fg >= 0)
				list.push("fg" + s.fg);
			if (s.bg >= 0)
				list.push("bg" + s.bg);
			for (const flag of ["bold", "dim", "italic",
				"underline", "strike"])
				if (s[flag])
					list.push(flag);
			return list.join(" ");
		}

		// What was collected so far, in the style of now.
		flush() {
			if (!this.run)
				return;
			const text = document.createTextNode(this.run);
			const name = this.classes();
			let node = text;
			if (name) {
				node = document.createElement("span");
				node.className = name;
				node.append(text);
			}
			this.pre.append(node);
			this.length += this.run.length;
			this.run = "";
			while (this.length > OUTPUT_MAX &&
				this.pre.childNodes.length > 1) {
				const first = this.pre.firstChild;
				this.length -= first.textContent.length;
				first.remove();
			}
		}

		put(c) {
			if (this.cr) {
				this.cr = false;
				this.run += "\n";
			}
			this.run += c;
		}

		control(c) {
			if (c === "\r") {
				this.cr = true;
			} else if (c === "\n") {
				this.cr = false;
				this.put(c);
			} else if (c === "\t") {
				this.put(c);
			} else if (c === "\0") {
				this.put("\u2400");
			}
		}

		extended(params, i, key) {
			const sub = i + 1 < params.length && params[i + 1].sub;
			let n = 0;
			while (i + 1 + n < params.length &&
				params[i + 1 + n].sub === sub)
				n++;
			const v = params.slice(i + 1, i + 1 + n).map((p) => p.n);
			if (n >= 2 && v[0] === 5) {
				this.style[key] = indexedColor(v[1]);
				return sub ? n : 2;
			}
			const skip = sub && n >= 5 ? 2 : 1;
			if (v[0] === 2 && n >= skip + 3) {
				this.style[key] = nearestColor(
					...v.slice(skip, skip + 3)
						.map((x) => Math.min(x, 255)));
				return sub ? n : 4;
			}
			return n;
		}

		plainParam(p) {
			const s = this.style;
			if (p === 0)
				this.style = plain();
			else if (Object.hasOwn(FLAGS, p))
				s[FLAGS[p][0]] = FLAGS[p][1];
			if (p === 22)
				s.dim = false;
			if (p >= 30 && p <= 37)
				s.fg = p - 30;
			else if (p >= 90 && p <= 97)
				s.fg = p - 82;
			else if (p === 39)
				s.fg = -1;
			else if (p >= 40 && p <= 47)
				s.bg = p - 40;
			else if (p >= 100 && p <= 107)
				s.bg = p - 92;
			else if (p === 49)
				s.bg = -1;
		}

		sgr(text) {
			const params = [];
			this.flush();
			for (const m of (";" + text).matchAll(/([;:])([0-9]*)/g))
				params.push({ n: Number(m[2]), sub: m[1] === ":" });
			if (params.length > PARAMS_MAX) {
				params.length = PARAMS_MAX;
				params[PARAMS_MAX - 1].n = Infinity;
			}
			for (let i = 0; i < params.length; i++) {
				const p = params[i];
				const next = params[i + 1];
				if (p.n === 38)
					i += this.extended(params, i, "fg");
				else if (p.n === 48)
					i += this.extended(params, i, "bg");
				else if (p.n === 4 && next && next.sub)
					this.style.underline = params[++i].n !== 0;
				else if (!p.sub)
					this.plainParam(p.n);
			}
		}

		csi(c) {
			if (c < "@") {
				if (this.params.length < SEQUENCE_MAX)
					this.params += c;
				return;
			}
			this.state = "ground";
			if (c === "m" && /^[0-9;:]*$/.test(this.params))
				this.sgr(this.params);
		}

		escape(c) {
			const first = this.state === "escape";
			this.state = "ground";
			if (c >= " " && c <= "/") {
				this.state = "more";
			} else if (first && c === "[") {
				this.state = "csi";
				this.params = "";
			} else if (first && "]PX^_".includes(c)) {
				this.state = "string";
			}
		}

		c1(c) {
			if (c === "\x9b") {
				this.state = "csi";
				this.params = "";
			} else if ("\x90\x98\x9d\x9e\x9f".includes(c)) {
				this.state = "string";
			}
		}

		char(c) {
			if (c === "\x1b" || c === "\x18" || c === "\x1a") {
				this.state = c === "\x1b" ? "escape" : "ground";
				return;
			}
			if (this.state === "string") {
				if (c === "\x07" || c === "\x9c" || c === "\n")
					this.state = "ground";
				if (c === "\n")
					this.control(c);
				return;
			}
			if (c >= "\x80")
				this.state = "ground";
			if (c >= "\x80" && c < "\xa0")
				this.c1(c);
			else if (c < " " || c === "\x7f") {
				if (c !== "\0" || this.state === "ground")
					this.control(c);
			} else if (this.state === "csi")
				this.csi(c);
			else if (this.state !== "ground")
				this.escape(c);
			else
				this.put(c);
		}

		add(text) {
			for (const c of text)
				this.char(c);
			this.flush();
		}

		end() {
			if (this.cr)
				this.put("");
			this.flush();
		}
	}

	// ---- one run

	const runPage = () => {
		const article = find(document, "article.run");
		const id = article.dataset.run;
		const jobs = document.getElementById("jobs");
		const outputs = new WeakMap();

		function jobNode(index, name) {
			let node = find(jobs, `[data-job="${Number(index)}"]`);
			if (node)
				return node;
			node = fromTemplate("job-template");
			node.dataset.job = Number(index);
			const head = find(node, "h2");
			head.id = "job-" + Number(index);
			node.setAttribute("aria-labelledby", head.id);
			setText(node, ".name", name);
			const after = [...jobs.children].find((other) =>
				Number(other.dataset.job) > Number(index));
			jobs.insertBefore(node, after || null);
			return node;
		}

		function stepNode(record) {
			const job = jobNode(record.job, record.name);
			const list = find(job, ".steps");
			const index = Number(record.step);
			let node = find(list, `[data-step="${index}"]`);
			if (node)
				return node;
			node = fromTemplate("step-template");
			node.dataset.step = index;
			find(node, "a").setAttribute("href",
				`/runs/${Number(id)}/${Number(record.job)}/${index}/log`);
			const after = [...list.children].find((other) =>
				Number(other.dataset.step) > index);
			list.insertBefore(node, after || null);
			return node;
		}

		function output(node) {
			const pre = find(node, ".output");
			if (!outputs.has(pre))
				outputs.set(pre, new Output(pre));
			return outputs.get(pre);
		}

		// The page came with all of it: the story is told from its
		// beginning, and what is there already need not be built again.
		function isKnown(node, record) {
			const attempt = node.dataset.attempt;
			if (attempt === undefined)
				return false;
			if (record.type === "step" &&
				String(record.attempt) !== attempt) {
				delete node.dataset.attempt;
				return false;
			}
			return true;
		}

		function note(record) {
			const parts = [];
			if (record.signal)
				parts.push("signal " + record.signal);
			else if (record.exit !== undefined &&
				(record.exit || record.state !== "passed"))
				parts.push("exit " + record.exit);
			if (record.ms !== undefined)
				parts.push(span(record.ms));
			if (record.attempt > 1)
				parts.push("attempt " + record.attempt);
			if (record.ignored)
				parts.push("failure ignored");
			return parts.join(" \u00b7 ");
		}

		function onRun(record) {
			const state = document.getElementById("state");
			setState(state, record.state);
			document.title = `Run ${Number(id)} ` +
				find(state, ".word").textContent + " - Tellus";
			if (record.subject)
				showText(article, "header .subject", record.subject);
			(record.jobs || []).forEach((name, i) => jobNode(i, name));
		}

		function onJob(record) {
			const node = jobNode(record.job, record.name);
			setState(find(node, "h2 .state"), record.state);
			setText(node, "h2 .name", record.name);
			setText(node, "h2 .note", record.attempt > 1 ?
				"attempt " + record.attempt : "");
		}

		function onStep(record) {
			const node = stepNode(record);
			const details = find(node, "details");
			if (isKnown(node, record))
				return;
			setState(find(node, ".state"), record.state);
			setText(node, ".name", record.name);
			setText(node, ".note", note(record));
			showText(node, ".text", record.text);
			showText(node, ".suggestion", record.suggestion);
			if (record.state === "running") {
				output(node).reset();
				find(node, ".whole").hidden = false;
				details.open = true;
				return;
			}
			output(node).end();
			if (record.state === "passed" && !node.dataset.touched)
				details.open = false;
		}

		// What an undo wrote is in the whole output.
		function onUndo(record) {
			const at = find(stepNode(record), ".note");
			const words = { passed: "undone", failed: "undo failed",
				queued: "undo tried " + Number(record.attempt) };
			if (!Object.hasOwn(words, record.state))
				return;
			const rest = at.textContent.replace(
				/(^| \u00b7 )(undone|undo failed|undo tried \d+)$/, "");
			at.textContent = (rest ? rest + " \u00b7 " : "") +
				words[record.state];
		}

		function onOutput(record) {
			const node = stepNode(record);
			if (record.undo)
				return;
			if (!isKnown(node, record))
				output(node).add(String(record.text));
		}

		function onEnd(record) {
			const reason = document.getElementById("reason");
			onRun(record);
			if (record.text) {
				showText(reason, ".text", record.text);
				showText(reason, ".suggestion", record.suggestion);
				reason.hidden = false;
			}
			document.getElementById("hint").hidden =
				record.state === "passed";
			return true;
		}

		jobs.addEventListener("click", (ev) => {
			const step = ev.target.closest(".step");
			if (step && ev.target.closest("summary"))
				step.dataset.touched = "1";
		});
		return { run: onRun, job: onJob, step: onStep,
			undo: onUndo, output: onOutput, end: onEnd };
	};

	// ---- the list

	const listPage = () => {
		const list = document.getElementById("runs");

		function fill(node, row) {
			const ref = String(row.ref || "");
			setState(find(node, ".state"), row.state);
			find(node, ".what").setAttribute("href",
				"/runs/" + Number(row.run));
			setText(node, ".number", "#" + Number(row.run));
			setText(node, ".subject", row.subject || "(no subject)");
			setText(node, ".repository", row.repository);
			setText(node, ".ref", ref.replace(
				/^refs\/(heads|tags)\//, ""));
			setText(node, ".sha", String(row.sha || "").slice(0, 8));
			setText(node, ".workflow", row.workflow);
			setText(node, ".author", row.author);
			const iso = String(row.created || "");
			find(node, ".created").setAttribute("datetime", iso);
			setText(node, ".created", iso.length < 16 ? "" :
				iso.slice(0, 10) + " " + iso.slice(11, 16) + " UTC");
			setText(node, ".took", row.ms === undefined ? "" :
				span(row.ms));
		}

		function onRun(row) {
			const id = Number(row.run);
			let node = find(list, `[data-run="${id}"]`);
			if (!node) {
				const first = list.firstElementChild;
				// Older ones, and those of a narrowed list, are
				// not for us to decide.
				if (location.search || (first &&
					Number(first.dataset.run) > id))
					return;
				node = fromTemplate("row-template");
				node.dataset.run = id;
				list.prepend(node);
				const none = document.getElementById("none");
				if (none)
					none.hidden = true;
				if (list.children.length > ROWS_MAX)
					list.lastElementChild.remove();
			}
			fill(node, row);
		}

		return { run: onRun };
	};

	// ---- the connection

	function say(text) {
		const node = document.getElementById("connection");
		node.textContent = text;
		node.hidden = !text;
	}

	// The browser connects again by itself after a break; the story is
	// then told from its beginning, and steps start over.  Where it has
	// given up (the agent said no) we ask again later.
	function connect(url, handlers) {
		const source = new EventSource(url);

		source.addEventListener("open", () => say(""));
		source.addEventListener("error", () => {
			say("The connection to the agent is lost; trying again.");
			if (source.readyState === EventSource.CLOSED)
				setTimeout(connect, AGAIN_MS, url, handlers);
		});
		for (const [type, handler] of Object.entries(handlers))
			source.addEventListener(type, (ev) => {
				if (handler(JSON.parse(ev.data)))
					source.close();
			});
	}

	const url = main.dataset.events;
	if (url)
		connect(url, find(document, "article.run") ? runPage() :
			listPage());
})();
