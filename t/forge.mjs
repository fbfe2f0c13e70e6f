// SPDX-License-Identifier: MIT
// A forge for tests: takes statuses, writes one line of JSON per request to
// LOG (n counts them), answers as the file PLAN says (a word a line, used up in order:
// ok, 500, 401, 422, drop, applydrop, html, stall), else ok.
// usage: node forge.mjs PORTFILE LOG PLAN
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [portfile, log, plan] = process.argv.slice(2)

let n = 0

function next() {
	if (!existsSync(plan)) return 'ok'
	const words = readFileSync(plan, 'utf8').split(/\s+/).filter(Boolean)
	const word = words.shift() ?? 'ok'
	writeFileSync(plan + '.new', words.join('\n'))
	renameSync(plan + '.new', plan)
	return word
}

const server = createServer((req, res) => {
	let body = ''
	req.on('data', (c) => { body += c })
	req.on('end', () => {
		const how = next()
		let json = null
		try { json = JSON.parse(body) } catch { /* logged as null */ }
		const applied = how === 'ok' || how === 'applydrop'
		appendFileSync(log, JSON.stringify({ n: ++n, time: Date.now(), how, applied,
			method: req.method, url: req.url, auth: req.headers.authorization ?? req.headers['private-token'],
			body: json }) + '\n')
		if (how === 'drop' || how === 'applydrop') { req.socket.destroy(); return }
		if (how === 'stall') return
		if (how === 'html') {
			res.writeHead(200, { 'content-type': 'text/html' })
			res.end('<html>login</html>')
			return
		}
		if (how !== 'ok') {
			res.writeHead(Number(how), { 'content-type': 'application/json' })
			res.end('{"message":"planned"}')
			return
		}
		res.writeHead(201, { 'content-type': 'application/json' })
		res.end(JSON.stringify({ id: 1, state: json.state, status: json.state, context: json.context }))
	})
})
server.listen(0, '127.0.0.1', () => {
	writeFileSync(portfile + '.new', String(server.address().port))
	renameSync(portfile + '.new', portfile)
})
setTimeout(() => process.exit(0), 1000 * Number(process.env.FORGE_SECONDS ?? 240))
