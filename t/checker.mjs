// SPDX-License-Identifier: MIT
// The checker: reads what is left after a scenario has drained and says for
// each promise whether it was kept.
//
// usage: node checker.mjs check SCENE      every promise; exit 1 on a breach
//        node checker.mjs before SCENE     notes what must not change
//
// SCENE is a JSON file:
//   state      the state folder
//   dump       "tellusd --journal dump" after the agent was stopped
//   ledger     what the steps appended (ledger.pl), a JSON object a line
//   forge      the test forge's log
//   accepted   one JSON object a line for each delivery that was answered
//              with success: delivery and runs, or the pushed sha
//   watch      paths that nothing may change
//   canaries   texts that must not be found in the state, texts or dump
//   texts      files (logs, answers) that are searched for canaries
//   pid, idle  the agent, and its descriptors when it was idle: read while
//              it runs ("before" notes idle; "running" looks again)
//   crash_only true when no worker was killed and nothing was cut
import { readFileSync, existsSync, readdirSync, lstatSync, readlinkSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'

const FINAL = ['passed', 'failed', 'canceled', 'error', 'skipped', 'superseded']
const FORGE_STATE = { passed: 'success', failed: 'failure', error: 'error',
	canceled: 'error', superseded: 'error', blocked: 'error' }
const SPOOL_HEAD = 12
const FORGE_MINUTE_MAX = 80 // what GitHub allows to be written in a minute
const FORGE_RETRY_SLACK_MS = 50
const FDS_SLACK = 8 // connections that linger, a sweep
const CANARY_FILE_MAX = 64 << 20

const crcTable = new Uint32Array(256).map((_, n) => {
	for (let k = 0; k < 8; k++) n = n & 1 ? 0x82f63b78 ^ (n >>> 1) : n >>> 1
	return n >>> 0
})

function crc32c(bytes, crc = 0) {
	crc = ~crc >>> 0
	for (const b of bytes) crc = crcTable[(crc ^ b) & 255] ^ (crc >>> 8)
	return ~crc >>> 0
}

const lines = (path) => path && existsSync(path)
	? readFileSync(path, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l))
	: []

function records(path) {
	const b = readFileSync(path)
	const out = []
	for (let at = 0; at + SPOOL_HEAD <= b.length;) {
		const n = b.readUInt32LE(at + 4)
		if (at + SPOOL_HEAD + n > b.length) break
		out.push(JSON.parse(b.toString('utf8', at + SPOOL_HEAD, at + SPOOL_HEAD + n)))
		at += SPOOL_HEAD + n
	}
	return out
}

function* walk(path) {
	let st
	try { st = lstatSync(path) } catch { return }
	yield [path, st]
	if (!st.isDirectory()) return
	for (const name of readdirSync(path).sort()) yield* walk(join(path, name))
}

// Everything that can be seen of what is below these paths.
function snapshot(paths) {
	const all = {}
	for (const root of paths) {
		for (const [path, st] of walk(root)) {
			let what = `${st.mode.toString(8)} ${st.uid}:${st.gid}`
			if (st.isSymbolicLink()) what += ' ' + readlinkSync(path)
			if (st.isFile())
				what += ` ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
			all[path] = what
		}
	}
	return all
}

// Processes that have one of these folders open, or as their working folder,
// or name it in their environment or command.
function processes(folders) {
	const found = []
	for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
		if (Number(pid) === process.pid || Number(pid) === process.ppid) continue
		const seen = []
		try {
			for (const fd of readdirSync(`/proc/${pid}/fd`))
				try { seen.push(readlinkSync(`/proc/${pid}/fd/${fd}`)) } catch { /* gone */ }
			seen.push(readlinkSync(`/proc/${pid}/cwd`))
		} catch { /* gone, or not ours */ }
		if (seen.some((s) => folders.some((f) => s === f || s.startsWith(f + '/')))) {
			let cmd = ''
			try { cmd = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') } catch { /* gone */ }
			found.push({ pid: Number(pid), cmd })
		}
	}
	return found
}

const open = (pid) => readdirSync(`/proc/${pid}/fd`).length

// ---- what a run's events say ----

function load(scene) {
	const w = { scene, runs: new Map(), rows: new Map(), deliveries: [],
		outbox: [], dead: [], refused: [] }
	for (const l of lines(scene.dump)) {
		if (l.what === 'event') {
			if (!w.runs.has(l.run)) w.runs.set(l.run, [])
			w.runs.get(l.run).push({ seq: l.seq, ...l.event, data: l.event.data ?? {} })
		} else if (l.what === 'run') w.rows.set(l.run, l.row)
		else if (l.what === 'delivery') w.deliveries.push(l)
		else w[l.what].push(l)
	}
	w.ledger = lines(scene.ledger)
	w.forge = lines(scene.forge)
	w.accepted = lines(scene.accepted)
	for (const events of w.runs.values()) {
		events.sort((a, b) => a.seq - b.seq)
		let attempt = 1
		for (const ev of events) {
			if (ev.kind === 'retried') attempt++
			ev.run_attempt = attempt
		}
	}
	return w
}

const each = function* (w, ...kinds) {
	for (const [run, events] of w.runs)
		for (const ev of events)
			if (kinds.includes(ev.kind)) yield [run, ev, events]
}

const planned = (events) => events.find((e) => e.kind === 'planned')?.data
const stepOf = (events, ev) => planned(events)?.jobs?.[ev.job]?.steps?.[ev.step] ?? {}
const name = (run, ev) => `run ${run}.${ev.run_attempt} job ${ev.job} step ${ev.step}`
const ends = (ev) => ev.kind === 'step-finished' && !ev.data.again && ev.data.state !== 'skipped'

// Does a later event say that what was done is to be done again?
function rebuilt(events, ev) {
	return events.find((e) => e.seq > ev.seq && e.kind === 'lost' && e.job === ev.job &&
		e.run_attempt === ev.run_attempt && e.data.from !== undefined && e.data.from <= ev.step)
}

// ---- the promises: each gives what it looked at, and what it found ----

const checks = {
	I1(w, bad) {
		const received = new Map()
		for (const [run, ev] of each(w, 'received')) {
			const id = ev.data.delivery
			if (!received.has(id)) received.set(id, [])
			received.get(id).push(run)
		}
		for (const [id, runs] of received) {
			const keys = runs.map((r) => {
				const p = planned(w.runs.get(r))
				return `${w.runs.get(r)[0].data.ref} ${p?.file ?? `none ${p?.index}`}`
			})
			for (const k of keys)
				if (keys.filter((x) => x === k).length > 1)
					bad(`delivery ${id} has the runs ${runs} of ${k}`)
		}
		const answers = new Map()
		for (const a of w.accepted) {
			if (a.sha && ![...each(w, 'received')].some(([, ev]) => ev.data.sha === a.sha))
				bad(`push of ${a.sha} was accepted and has no run`)
			if (!a.delivery) continue
			const runs = received.get(a.delivery) ?? []
			if (!runs.length) bad(`delivery ${a.delivery} was accepted and has no run`)
			for (const r of a.runs ?? [])
				if (!runs.includes(r)) bad(`delivery ${a.delivery} was answered with run ${r}, which is not of it`)
			const first = JSON.stringify((a.runs ?? []).slice(0, 1))
			if (answers.has(a.delivery) && answers.get(a.delivery) !== first)
				bad(`delivery ${a.delivery} was answered with ${answers.get(a.delivery)}, then ${first}`)
			answers.set(a.delivery, first)
		}
		for (const d of w.deliveries)
			for (const r of d.runs)
				if (!w.runs.has(r)) bad(`key ${d.key} names run ${r}, which is not there`)
		for (const [run, events] of w.runs)
			events.forEach((ev, i) => {
				if (ev.seq !== i) bad(`run ${run}: event ${i} is missing`)
			})
		return `${received.size} deliveries, ${w.runs.size} runs`
	},

	I2(w, bad) {
		for (const [run, events] of w.runs) {
			const end = events.filter((e) => ['finished', 'retried'].includes(e.kind)).at(-1)
			const row = w.rows.get(run)
			if (!row) bad(`run ${run} has no row`)
			else if (row.state === 'blocked') {
				if (!events.some((e) => e.kind === 'blocked' || e.data.state === 'blocked' || e.data.verdict === 'ask'))
					bad(`run ${run} is blocked, and no event says so`)
			} else if (!FINAL.includes(row.state)) bad(`run ${run} is ${row.state}`)
			else if (end?.kind !== 'finished' || end.data.state !== row.state)
				bad(`run ${run} is ${row.state}, its events say ${end?.data.state ?? 'nothing'}`)
		}
		for (const run of w.rows.keys())
			if (!w.runs.has(run)) bad(`run ${run} has a row and no events`)
		if (w.outbox.length) bad(`${w.outbox.length} statuses wait still`)
		return `${w.runs.size} runs`
	},

	I3(w, bad) {
		for (const [run, events] of w.runs) {
			let over = null
			let epoch = 0
			const jobs = new Map()
			const attempts = new Map()
			for (const ev of events) {
				if (ev.kind === 'retried') {
					over = null
					jobs.clear()
				} else if (over && !['received', 'canceled', 'approved'].includes(ev.kind))
					bad(`run ${run}: ${ev.kind} (event ${ev.seq}) after it had finished`)
				if (ev.kind === 'finished') over = ev
				if (ev.kind === 'job-finished') {
					if (jobs.has(ev.job)) bad(`run ${run}.${ev.run_attempt} job ${ev.job} was ${jobs.get(ev.job)}, then ${ev.data.state}`)
					if (FINAL.includes(ev.data.state)) jobs.set(ev.job, ev.data.state)
				}
				if (['planning', 'started', 'undoing'].includes(ev.kind)) {
					const job = ev.kind === 'planning' ? -1 : ev.job
					if (ev.data.epoch < epoch) bad(`run ${run}: epoch ${ev.data.epoch} after ${epoch}`)
					epoch = Math.max(epoch, ev.data.epoch ?? 0)
					if (ev.attempt <= (attempts.get(job) ?? 0))
						bad(`run ${run} job ${job}: attempt ${ev.attempt} after ${attempts.get(job)}`)
					attempts.set(job, ev.attempt)
				}
			}
		}
		return `${w.runs.size} runs`
	},

	I4(w, bad) {
		const nonces = new Map()
		for (const [run, ev] of each(w, 'started', 'undoing'))
			nonces.set(`${run} ${ev.job} ${ev.attempt}`, ev.data.nonce)
		const started = new Set()
		for (const [run, ev] of each(w, 'step-started', 'undo-started')) {
			if (nonces.get(`${run} ${ev.job} ${ev.attempt}`) !== ev.nonce)
				bad(`${name(run, ev)}: started with a nonce that is not its attempt's`)
			started.add(`${ev.kind === 'undo-started'} ${run} ${ev.job} ${ev.step} ${ev.attempt} ${ev.data.try}`)
		}
		let n = 0
		for (const l of w.ledger.filter((x) => x.what === 'start')) {
			n++
			if (!started.has(`${!!l.undo_of} ${l.run} ${l.job} ${l.step} ${l.attempt} ${l.try}`))
				bad(`${l.key} ran (attempt ${l.attempt}, try ${l.try}) and no event says that it started`)
		}
		return `${n} commands`
	},

	I5(w, bad) {
		let n = 0
		for (const [run, ev, events] of each(w, 'step-finished')) {
			if (!ends(ev)) continue
			n++
			const same = (e) => e.seq > ev.seq && e.job === ev.job && e.step === ev.step && e.run_attempt === ev.run_attempt
			const start = events.findLast((e) => e.seq < ev.seq && e.kind === 'step-started' && e.job === ev.job && e.step === ev.step)
			if (!start) {
				bad(`${name(run, ev)} finished and never started`)
				continue
			}
			if (rebuilt(events, ev)) {
				if (['ask', 'fail'].includes(stepOf(events, ev).on_crash)) bad(`${name(run, ev)} was rebuilt, which its on-crash forbids`)
				continue
			}
			if (events.some((e) => same(e) && ['step-started', 'step-finished'].includes(e.kind)))
				bad(`${name(run, ev)} had finished and was begun again`)
			if (!w.scene.ledger || stepOf(events, ev).name?.startsWith('quiet')) continue
			const mine = w.ledger.filter((l) => !l.undo_of && l.run === run && l.job === ev.job && l.step === ev.step &&
				l.run_attempt === ev.run_attempt)
			const good = mine.filter((l) => l.what === 'end' && l.exit === 0 && l.try === start.data.try).length
			if (ev.data.state === 'passed' && good !== 1)
				bad(`${name(run, ev)} passed and has ${good} successful lines in the ledger`)
			if (mine.some((l) => l.what === 'start' && l.try > start.data.try))
				bad(`${name(run, ev)} had finished and ran again`)
			if (mine.filter((l) => l.what === 'start' && l.try === start.data.try).length > 1)
				bad(`${name(run, ev)} ran twice in one attempt`)
		}
		// What the workers wrote themselves, also where it was never read.
		for (const [path, st] of walk(join(w.scene.state, 'runs'))) {
			if (!st.isFile() || !/\/\d+\.\d+\/events$/.test(path)) continue
			const over = new Set()
			for (const ev of records(path)) {
				if (ev.kind === 'step-started' && over.has(ev.step)) bad(`${path}: step ${ev.step} had finished and began again`)
				if (ends(ev)) over.add(ev.step)
			}
		}
		return `${n} steps`
	},

	I6(w, bad) {
		let n = 0
		const again = new Map()
		for (const [run, ev] of each(w, 'step-finished'))
			if (ev.data.again) {
				const k = `${run} ${ev.job} ${ev.step} ${ev.run_attempt}`
				again.set(k, (again.get(k) ?? 0) + 1)
			}
		const starts = new Map()
		for (const l of w.ledger.filter((x) => x.what === 'start' && !x.undo_of)) {
			const rule = planned(w.runs.get(l.run) ?? [])?.jobs?.[l.job]?.steps?.[l.step]?.on_crash
			if (!['ask', 'fail'].includes(rule)) continue
			n++
			const k = `${l.run} ${l.job} ${l.step} ${l.run_attempt}`
			starts.set(k, (starts.get(k) ?? 0) + 1)
		}
		for (const [k, times] of starts)
			if (times > 1 + (again.get(k) ?? 0)) bad(`run, job, step, attempt ${k} ran ${times} times, which its on-crash forbids`)
		for (const [run, ev, events] of each(w, 'lost')) {
			const at = events.findLast((e) => e.seq < ev.seq && e.job === ev.job && e.kind.startsWith('step-'))
			if (ev.job < 0 || at?.kind !== 'step-started' || at.attempt !== ev.attempt) continue
			const rule = stepOf(events, at).on_crash
			if (!['ask', 'fail'].includes(rule)) continue
			if (w.scene.crash_only) bad(`${name(run, at)} was lost although only tellusd was killed`)
			if (ev.data.verdict !== rule && !events.some((e) => e.seq < ev.seq && e.kind === 'canceled' && e.run_attempt === ev.run_attempt))
				bad(`${name(run, at)} was interrupted and not declared unknown`)
		}
		return `${n} commands that may not run twice`
	},

	I7(w, bad) {
		for (const l of w.ledger.filter((x) => x.what === 'overlap'))
			bad(`${l.key} began (try ${l.try}) while a process of its job was alive`)
		return `${w.ledger.filter((x) => x.what === 'start').length} starts under a lock`
	},

	I8(w, bad) {
		const folders = [w.scene.state, ...(w.scene.gate ? [w.scene.gate] : [])]
		for (const p of processes(folders))
			if (!(w.scene.mine ?? []).includes(p.pid)) bad(`process ${p.pid} is left: ${p.cmd}`)
		for (const mount of readFileSync('/proc/self/mountinfo', 'utf8').split('\n'))
			if (mount.includes(w.scene.state + '/')) bad(`left mounted: ${mount}`)
		return 'the process table'
	},

	I9(w, bad) {
		const want = new Map()
		for (const [run, row] of w.rows) {
			const first = w.runs.get(run)?.[0]?.data ?? {}
			const p = planned(w.runs.get(run) ?? [])
			if (!p?.workflow || !FORGE_STATE[row.state] || (w.scene.unforged ?? []).includes(first.repository)) continue
			const at = w.runs.get(run).findLast((e) => ['finished', 'blocked', 'retried'].includes(e.kind))?.time ?? 0
			const key = `${row.sha} ${w.scene.context ?? 'tellus'}/${row.workflow}`
			if (!want.has(key) || want.get(key).at < at) want.set(key, { at, run, state: FORGE_STATE[row.state] })
		}
		const got = new Map()
		for (const f of w.forge.filter((x) => x.applied && x.body?.context))
			got.set(`${f.url.split('/').at(-1)} ${f.body.context}`, f.body.state)
		if (w.scene.forge)
			for (const [key, { run, state }] of want)
				if (got.get(key) !== state) bad(`run ${run} ended as ${state}, the forge shows ${got.get(key) ?? 'nothing'} at ${key}`)
		return `${want.size} commits and contexts`
	},

	I10(w, bad) {
		// What may be said of a commit in a context, in order; what is not
		// the last may be left out, anything may be said again.
		const said = new Map()
		for (const [run, events] of w.runs) {
			const key = `${w.rows.get(run)?.sha} ${w.scene.context ?? 'tellus'}/${planned(events)?.workflow}`
			if (!said.has(key)) said.set(key, [])
			for (const ev of events) {
				let state = 'pending'
				if (ev.kind === 'finished') state = FORGE_STATE[ev.data.state] ?? ev.data.state
				else if (ev.kind === 'blocked' || ev.data.state === 'blocked' || ev.data.verdict === 'ask') state = 'error'
				said.get(key).push({ run, state, time: ev.time })
			}
		}
		for (const list of said.values()) list.sort((a, b) => a.time - b.time)
		const at = new Map()
		let n = 0
		for (const f of w.forge.filter((x) => x.applied && x.body?.context)) {
			const run = Number(/\/runs\/(\d+)$/.exec(f.body.target_url ?? '')?.[1])
			const key = `${f.url.split('/').at(-1)} ${f.body.context}`
			const list = said.get(key)
			if (!list) continue
			n++
			let p = at.get(key) ?? 0
			// Events of one millisecond have no order between runs.
			while (p > 0 && list[p - 1].time === list[p].time) p--
			while (p < list.length && (list[p].run !== run || list[p].state !== f.body.state)) p++
			if (p === list.length) bad(`the forge was told ${f.body.state} of run ${run} at ${key} after what is newer (request ${f.n})`)
			else at.set(key, p)
		}
		return `${n} statuses`
	},

	I11(w, bad) {
		const times = w.forge.map((f) => f.time)
		for (let i = 0; i + FORGE_MINUTE_MAX < times.length; i++)
			if (!w.scene.unlimited && times[i + FORGE_MINUTE_MAX] - times[i] < 60000)
				bad(`${FORGE_MINUTE_MAX + 1} writes within a minute from request ${i}`)
		w.forge.forEach((f, i) => {
			if (f.wait_ms && times[i + 1] - f.time < f.wait_ms - FORGE_RETRY_SLACK_MS)
				bad(`request ${i + 1} came ${times[i + 1] - f.time} ms after the forge had asked for ${f.wait_ms}`)
		})
		return `${w.forge.length} requests`
	},

	I12(w, bad) {
		let n = 0
		const ends = new Map()
		for (const [run, ev, events] of each(w, 'step-started', 'step-finished', 'undo-started', 'undo-finished')) {
			if (ev.data.output === undefined) continue
			const path = `${w.scene.state}/runs/${run}/${ev.job}.${ev.attempt}/output`
			const k = `${run} ${ev.job} ${ev.attempt}`
			if (ev.kind.endsWith('started')) {
				if (ev.data.output !== (ends.get(k) ?? 0))
					bad(`${name(run, ev)}: its output begins at ${ev.data.output}, what came before ends at ${ends.get(k) ?? 0}`)
				continue
			}
			n++
			ends.set(k, ev.data.output + ev.data.length)
			let bytes
			try {
				bytes = readFileSync(path)
			} catch {
				if (ev.data.length) bad(`${name(run, ev)}: its output is not there`)
				continue
			}
			const part = bytes.subarray(ev.data.output, ev.data.output + ev.data.length)
			if (part.length !== ev.data.length) bad(`${name(run, ev)}: ${part.length} bytes of output, recorded are ${ev.data.length}`)
			else if (crc32c(part) !== ev.data.crc) bad(`${name(run, ev)}: its output has another checksum`)
			// Lines "NAME 1", "NAME 2", ... come without gap or repeat.
			const count = part.toString('latin1').split('\n').map((l) => /^count (\d+)$/.exec(l)?.[1]).filter(Boolean).map(Number)
			count.forEach((c, i) => { if (c !== i + 1) bad(`${name(run, ev)}: line ${i + 1} of its output says ${c}`) })
			const planned = stepOf(events, ev)
			if (planned.name === undefined && ev.kind === 'step-finished' && ev.data.state !== 'skipped')
				bad(`${name(run, ev)} is not in the plan`)
		}
		return `${n} outputs`
	},

	I13(w, bad) {
		const paths = w.scene.watch ?? []
		const was = w.scene.before?.watch ?? {}
		const is = snapshot(paths)
		for (const p of new Set([...Object.keys(was), ...Object.keys(is)]))
			if (was[p] !== is[p]) bad(`${p} was ${was[p] ?? 'not there'}, is ${is[p] ?? 'gone'}`)
		return `${Object.keys(is).length} files and folders`
	},

	I14(w, bad) {
		const canaries = w.scene.canaries ?? []
		const files = []
		for (const root of [w.scene.state, ...(w.scene.texts ?? []), w.scene.dump, w.scene.ledger].filter(Boolean))
			for (const [path, st] of walk(root)) if (st.isFile() && st.size <= CANARY_FILE_MAX) files.push(path)
		if (canaries.length)
			for (const path of files) {
				const bytes = readFileSync(path)
				for (const c of canaries) if (bytes.includes(c)) bad(`a canary is in ${path}`)
			}
		for (const f of w.forge)
			for (const c of canaries) if (JSON.stringify([f.url, f.body]).includes(c)) bad(`a canary was sent to ${f.url}`)
		return `${canaries.length} canaries, ${files.length} files`
	},

	I15(w, bad) {
		const fds = w.scene.before?.running
		if (fds && fds.after > fds.idle + FDS_SLACK) bad(`${fds.after} descriptors are open, ${fds.idle} were when it was idle`)
		let layers = 0
		for (const [run, row] of w.rows) {
			// Those of a failed run stay, within the budget, for a retry.
			if (!FINAL.includes(row.state) || ['failed', 'error'].includes(row.state)) continue
			for (const attempt of existsSync(`${w.scene.state}/runs/${run}`) ? readdirSync(`${w.scene.state}/runs/${run}`) : [])
				if (existsSync(`${w.scene.state}/runs/${run}/${attempt}/layers`)) {
					layers++
					bad(`the layers of run ${run}, which is over, are left (${attempt})`)
				}
		}
		return `${fds ? `${fds.after} descriptors (idle ${fds.idle}), ` : ''}${layers} layers left`
	},

	I16(w, bad) {
		let n = 0
		for (const [run, events] of w.runs) {
			const orders = new Map()
			const passed = new Set()
			for (const ev of events) {
				if (ev.kind === 'retried') {
					orders.clear()
					passed.clear()
				}
				if (ev.kind === 'undo-started') {
					n++
					const started = events.find((e) => e.kind === 'step-started' && e.seq < ev.seq && e.job === ev.job && e.step === ev.step)
					if (!started) bad(`${name(run, ev)} was undone and never ran`)
					else if (!started.data.undo) bad(`${name(run, ev)} was undone and registered no undo`)
					const k = `${ev.job} ${ev.run_attempt}`
					if ((orders.get(k) ?? Infinity) < ev.step) bad(`${name(run, ev)} was undone after a step before it`)
					orders.set(k, ev.step)
					if (passed.has(`${ev.job} ${ev.step}`)) bad(`${name(run, ev)} was undone twice`)
				}
				if (ev.kind === 'undo-finished' && ev.data.state === 'passed') {
					passed.add(`${ev.job} ${ev.step}`)
					const good = w.ledger.filter((l) => l.undo_of && l.what === 'end' && l.exit === 0 && l.run === run &&
						l.job === ev.job && l.step === ev.step && l.attempt === ev.attempt).length
					if (w.scene.ledger && good < 1) bad(`${name(run, ev)} was undone, and its ledger has no line of it`)
				}
			}
			// A run that failed for good has taken back what can be.
			const row = w.rows.get(run)
			if (!['failed', 'canceled'].includes(row?.state)) continue
			const last = events.at(-1).run_attempt
			for (const ev of events.filter((e) => e.kind === 'step-started' && e.data.undo && e.run_attempt === last))
				if (!passed.has(`${ev.job} ${ev.step}`) && !events.some((e) => e.kind === 'undo-finished' && e.job === ev.job && e.step === ev.step))
					bad(`${name(run, ev)} was not undone although the run ${row.state}`)
		}
		return `${n} undos`
	},

	I18(w, bad) {
		for (const d of w.dead)
			if (!d.record?.why || !d.record.intent) bad(`dead letter ${d.id} does not say what and why`)
		for (const r of w.refused)
			if (r.record?.run === undefined || !r.record.record) bad(`refused record ${r.id} does not say what and of which run`)
		const fenced = (w.scene.texts ?? []).filter(existsSync).map((p) => readFileSync(p, 'utf8'))
			.join('').split('\n').filter((l) => l.includes('fenced:')).length
		if (fenced > w.refused.length) bad(`${fenced} records were fenced, ${w.refused.length} are listed`)
		return `${w.dead.length} dead letters, ${w.refused.length} refused`
	},
}

const [verb, file] = process.argv.slice(2)
const scene = JSON.parse(readFileSync(file, 'utf8'))
const noted = file + '.before'

if (verb === 'before') {
	const was = existsSync(noted) ? JSON.parse(readFileSync(noted, 'utf8')) : {}
	was.watch = snapshot(scene.watch ?? [])
	writeFileSync(noted, JSON.stringify(was))
	process.exit(0)
}
if (verb === 'idle' || verb === 'running') {
	const was = existsSync(noted) ? JSON.parse(readFileSync(noted, 'utf8')) : {}
	was.running ??= {}
	was.running[verb === 'idle' ? 'idle' : 'after'] = open(Number(process.argv[4]))
	writeFileSync(noted, JSON.stringify(was))
	process.exit(0)
}

scene.before = existsSync(noted) ? JSON.parse(readFileSync(noted, 'utf8')) : {}
const world = load(scene)
let breaches = 0
if (!world.runs.size) {
	console.log('there is nothing to check: the dump has no runs')
	process.exit(1)
}
for (const [id, check] of Object.entries(checks)) {
	const found = []
	const what = check(world, (text) => found.push(text))
	breaches += found.length
	if (!found.length) console.log(`${id} ok: ${what}`)
	for (const text of found) console.log(`${id} VIOLATED: ${text}`)
}
process.exit(breaches ? 1 : 0)
