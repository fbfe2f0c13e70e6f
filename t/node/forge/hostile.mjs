// SPDX-License-Identifier: MIT
// hostile.mjs PORTS LOG [KEY CERT]: a forge that misbehaves in the way that
// the first part of the path names.  Writes the ports (of itself, of another
// origin, of one with TLS) to PORTS when it is ready, and a JSON line for
// each request, with its origin, to LOG.  Needs no packages.
import { createServer } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const [portsFile, logFile, key, cert] = process.argv.slice(2);
const BATCH = 8;
let connections = 0, open = 0, most = 0, held = [];

const head = (code, headers = {}) => `HTTP/1.1 ${code} X\r\n` +
	Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('') + '\r\n';
const whole = (code, text, headers = {}) =>
	head(code, { 'Content-Length': Buffer.byteLength(text), ...headers }) + text;
const good = whole(201, '{"state":"success"}');

// Writes as long as the other side takes it.
function pour(socket, chunk) {
	const go = () => {
		while (!socket.destroyed && socket.write(chunk));
	};
	socket.on('drain', go);
	go();
}

// Answers when a batch is complete, a moment later, so that one more than
// allowed would be seen.
function hold(socket) {
	open++;
	most = Math.max(most, open);
	held.push(socket);
	if (held.length < BATCH)
		return;
	const batch = held;
	held = [];
	setTimeout(() => {
		open -= batch.length;
		for (const s of batch)
			s.write(good);
	}, 200);
}

const to = (code, where) => whole(code, '', { Location: where });
const answers = {
	ok: (s) => s.write(good),
	truncated: (s) => s.end(head(201, { 'Content-Length': 100 }) + '{"state":"success"}'),
	half: (s) => s.write(whole(201, '{"state":"succ')),
	html: (s) => s.write(whole(200, '<html><form>success</form></html>')),
	empty: (s) => s.write(whole(200, '')),
	gzip: (s) => s.write(whole(200, '\x1f\x8b\x08', { 'Content-Encoding': 'gzip' })),
	stall: () => {},
	'stall-body': (s) => s.write(head(201, { 'Content-Length': 100 }) + '{'),
	drop: (s) => s.destroy(),
	garbage: (s) => s.end('what is this\r\n\r\n'),
	endless: (s) => {
		s.write(head(201));
		pour(s, ' '.repeat(65536));
	},
	'endless-headers': (s) => {
		s.write('HTTP/1.1 201 X\r\n');
		pour(s, 'X-More: 0123456789\r\n'.repeat(1000));
	},
	'large-header': (s) => {
		s.write('HTTP/1.1 201 X\r\nX-Large: ');
		pour(s, 'x'.repeat(65536));
	},
	limited: (s) => s.write(whole(429, '{}', { 'Retry-After': '30' })),
	quota: (s) => s.write(whole(403, '{}', { 'X-RateLimit-Remaining': '0',
		'X-RateLimit-Reset': Math.floor(Date.now() / 1000) + 600 })),
	broken: (s) => s.write(whole(502, '<html>bad gateway</html>')),
	other: (s, path, ports) => s.write(to(307, `http://127.0.0.1:${ports[1]}/ok${path}`)),
	moved: (s, path) => s.write(to(301, `/ok${path}`)),
	same: (s, path, ports) => s.write(to(308, `http://127.0.0.1:${ports[0]}/ok${path}`)),
	loop: (s, path) => s.write(to(307, `/loop${path}`)),
	found: (s, path) => s.write(to(302, `/ok${path}`)),
	file: (s) => s.write(to(307, 'file:///etc/hostname')),
	user: (s, path, ports) => s.write(to(307, `http://me:pw@127.0.0.1:${ports[0]}/ok${path}`)),
	metadata: (s) => s.write(to(307, 'http://169.254.169.254/latest')),
	hold,
	counts: (s) => s.write(whole(200, JSON.stringify({ connections, most }))),
};

const ports = [];
const serve = (origin) => (socket) => {
	let text = '';
	connections++;
	socket.on('error', () => {});
	socket.on('data', (data) => {
		text += data;
		for (;;) {
			const end = text.indexOf('\r\n\r\n');
			if (end < 0)
				return;
			const [first, ...lines] = text.slice(0, end).split('\r\n');
			const headers = Object.fromEntries(lines.map((l) => {
				const colon = l.indexOf(':');
				return [l.slice(0, colon).toLowerCase(), l.slice(colon + 1).trim()];
			}));
			const length = Number(headers['content-length'] ?? 0);
			if (text.length < end + 4 + length)
				return;
			const body = text.slice(end + 4, end + 4 + length);
			text = text.slice(end + 4 + length);
			const [method, path] = first.split(' ');
			const [, name, ...rest] = path.split('/');
			appendFileSync(logFile, JSON.stringify({ origin, method, name, path, headers, body }) + '\n');
			(answers[name] ?? ((s) => s.write(whole(404, '{}'))))(socket, `/${rest.join('/')}`, ports);
		}
	});
};

const servers = [createServer(serve('self')), createServer(serve('other'))];
if (key)
	servers.push(createTls({ key: readFileSync(key), cert: readFileSync(cert) }, serve('tls')));
for (const server of servers) {
	server.on('tlsClientError', () => {});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	ports.push(server.address().port);
}
writeFileSync(`${portsFile}.new`, ports.join('\n') + '\n');
renameSync(`${portsFile}.new`, portsFile);
