// SPDX-License-Identifier: MIT
// Reads what the workers of a state folder wrote and says which step ran
// again although its end was recorded, or ran twice at once.
// usage: node crash.mjs STATE
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const HEAD = 12

function records(path) {
	const b = readFileSync(path)
	const out = []
	for (let at = 0; at + HEAD <= b.length;) {
		const n = b.readUInt32LE(at + 4)
		if (at + HEAD + n > b.length) break
		out.push(JSON.parse(b.toString('utf8', at + HEAD, at + HEAD + n)))
		at += HEAD + n
	}
	return out
}

const runs = process.argv[2] + '/runs'
let seen = 0
let wrong = 0
for (const run of readdirSync(runs)) {
	const attempts = readdirSync(`${runs}/${run}`)
		.filter((name) => /^\d+\.\d+$/.test(name))
		.map((name) => name.split('.').map(Number))
		.sort((a, b) => a[0] - b[0] || a[1] - b[1])
	const ended = new Set()
	for (const [job, attempt] of attempts) {
		const at = `${runs}/${run}/${job}.${attempt}`
		if (!existsSync(`${at}/events`)) continue
		const spec = JSON.parse(readFileSync(`${at}/spec.json`, 'utf8'))
		for (const ev of records(`${at}/events`)) {
			const step = `run ${run}.${spec.run_attempt} job ${job} step ${ev.step}`
			if (ev.kind === 'step-started') seen++
			if (ev.kind === 'step-started' && ended.has(step)) {
				console.log(`${step} had ended and ran again in attempt ${attempt}`)
				wrong++
			}
			if (ev.kind === 'step-finished') ended.add(step)
		}
	}
}
console.log(`${seen} steps started, ${wrong} wrongly`)
process.exit(wrong || !seen ? 1 : 0)
