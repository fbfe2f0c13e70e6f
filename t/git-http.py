# SPDX-License-Identifier: MIT
"""git http-backend behind a small HTTP server, for tests.

git-http.py LOG PORTFILE ROOT [USER:PASSWORD]: serves the repositories below
ROOT on a free port of 127.0.0.1 (or GIT_HTTP_PORT) and writes the port to PORTFILE.  Each
request is a line in LOG: METHOD PATH AUTHORIZATION.  /r/... redirects to
the address in the file ROOT/redirect, followed by the rest of the path;
/s/NUMBER/... answers with that status.
"""
import base64
import http.server
import os
import socketserver
import subprocess
import sys

log, portfile, root = sys.argv[1:4]
want = None
if len(sys.argv) > 4:
    want = "Basic " + base64.b64encode(sys.argv[4].encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if not size:
                return b"".join(parts)

    def backend(self, data):
        path, _, query = self.path.partition("?")
        env = dict(os.environ, GIT_PROJECT_ROOT=root, GIT_HTTP_EXPORT_ALL="1",
                   PATH_INFO=path, QUERY_STRING=query,
                   REQUEST_METHOD=self.command, REMOTE_ADDR="127.0.0.1",
                   CONTENT_TYPE=self.headers.get("Content-Type", ""),
                   CONTENT_LENGTH=str(len(data)))
        out = subprocess.run(["git", "http-backend"], input=data, env=env,
                             stdout=subprocess.PIPE, check=False).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode().splitlines():
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            else:
                headers.append((name, value))
        self.answer(status, headers, rest)

    def serve(self):
        auth = self.headers.get("Authorization")
        with open(log, "a") as f:
            f.write("%s %s %s\n" % (self.command, self.path, auth))
        data = self.body()
        if self.path.startswith("/s/"):
            return self.answer(int(self.path.split("/")[2]))
        if self.path.startswith("/r/"):
            with open(os.path.join(root, "redirect")) as f:
                to = f.read().strip() + self.path[2:]
            return self.answer(302, [("Location", to)])
        if want and auth != want:
            return self.answer(401, [("WWW-Authenticate", 'Basic realm="x"')])
        return self.backend(data)

    do_GET = do_POST = serve


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


Server.allow_reuse_address = True
server = Server(
    ("127.0.0.1", int(os.environ.get("GIT_HTTP_PORT") or 0)), Handler)
with open(portfile + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(portfile + ".new", portfile)
server.serve_forever()
