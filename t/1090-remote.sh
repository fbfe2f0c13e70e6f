#!/bin/sh
# SPDX-License-Identifier: MIT
# Remote repositories: fetched into a mirror over git and http, with a
# token where one is asked for.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

free_port () {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# deliver NAME SHA: a signed GitHub push for acme/NAME
deliver () {
	printf '{"ref":"refs/heads/main","before":"%040d","after":"%s","created":false,"deleted":false,"forced":false,"sender":{"login":"a"},"repository":{"id":1,"full_name":"acme/%s"},"head_commit":{"id":"%s","message":"m","author":{"name":"A"}}}' 0 "$2" "$1" "$2" >d.json
	sig=$(openssl dgst -sha256 -hmac secret d.json | sed 's/.*= *//')
	curl -s -o out -w '%{http_code}\n' "$base/hooks/github/acme/$1" -H 'X-GitHub-Event: push' -H 'Content-Type: application/json' \
		-H "X-GitHub-Delivery: $1-$2-$(date +%N)" -H "X-Hub-Signature-256: sha256=$sig" --data-binary @d.json
}

test_expect_success 'servers and an agent start' '
	printf secret >secret && printf sesame >token && chmod 600 secret token &&
	git init -q --bare srv/widget.git 2>/dev/null || { mkdir srv && git init -q --bare srv/widget.git; } &&
	git init -q w && printf "run: [ \"cat file; git log -1 --format=%%s; git status --porcelain\" ]\n" >w/.tellus.yml && echo one >w/file &&
	git -C w add -A && git -C w commit -qm one && git -C w push -q "$T/srv/widget.git" HEAD:main || false
	git config -f srv/widget.git/config uploadpack.allowAnySHA1InWant true || false
	gport=$(free_port) hport=$(free_port)
	"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port=$gport --base-path="$T/srv" --export-all --reuseaddr "$T/srv" & daemon=$!
	test_on_exit "kill $daemon"
	cat >http.py <<-\EOF
	import base64, http.server, os, subprocess, sys
	want = "Basic " + base64.b64encode(b"x-access-token:sesame").decode()
	class H(http.server.CGIHTTPRequestHandler):
	    def handle_git(self):
	        if self.headers.get("Authorization") != want:
	            self.send_response(401); self.send_header("WWW-Authenticate", "Basic realm=x"); self.send_header("Content-Length", "0"); self.end_headers(); return
	        path, _, query = self.path.partition("?")
	        n = int(self.headers.get("Content-Length") or 0)
	        env = dict(os.environ, GIT_PROJECT_ROOT=sys.argv[2], GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
	            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(n))
	        if self.headers.get("Content-Encoding"): env["HTTP_CONTENT_ENCODING"] = self.headers["Content-Encoding"]
	        body = self.rfile.read(n)
	        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
	            body = b""
	            while True:
	                k = int(self.rfile.readline(), 16); d = self.rfile.read(k); self.rfile.readline(); body += d
	                if not k: break
	            env["CONTENT_LENGTH"] = str(len(body))
	        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
	        head, _, data = out.partition(b"\r\n\r\n")
	        status = 200
	        lines = [l.split(b": ", 1) for l in head.split(b"\r\n")]
	        for k, v in lines:
	            if k.lower() == b"status": status = int(v.split()[0])
	        self.send_response(status)
	        for k, v in lines:
	            if k.lower() != b"status": self.send_header(k.decode(), v.decode())
	        self.send_header("Content-Length", str(len(data))); self.end_headers(); self.wfile.write(data)
	    do_GET = do_POST = handle_git
	    protocol_version = "HTTP/1.1"
	    def log_message(self, *a): pass
	http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
	EOF
	python3 http.py $hport "$T/srv" & web=$!
	test_on_exit "kill $web"
	wait_for 20 curl -s -o /dev/null http://127.0.0.1:$hport/ || false
	for n in git http wrong none; do
		case $n in
		git) url=git://127.0.0.1:$gport/widget.git ;;
		none) url=git://127.0.0.1:$gport/none.git ;;
		*) url=http://127.0.0.1:$hport/widget.git ;;
		esac
		printf "[repository \"acme/%s\"]\n\turl = %s\n\tforge = github\n\twebhook-secret-file = %s/secret\n\tstatuses = false\n" $n "$url" "$T"
		test $n = http && printf "\ttoken-file = %s/token\n" "$T"
	done | agent_config; agent_start
'

test_expect_success 'over git' '
	deliver git $(git -C w rev-parse HEAD) && cat out && wait_run 1 passed && tellus log 1 | tee log && test "$(cat log)" = "$(printf "one\none")"
'

test_expect_success 'over http with a token' '
	deliver http $(git -C w rev-parse HEAD) && cat out && wait_run 2 passed && test "$(tellus log 2 | head -n 1)" = one
'

test_expect_success 'the commit that was delivered is built, wherever the ref is now' '
	echo two >w/file && git -C w commit -qam two && git -C w push -q "$T/srv/widget.git" HEAD:main && old=$(git -C w rev-parse HEAD) &&
	echo three >w/file && git -C w commit -q --amend -am three && git -C w push -qf "$T/srv/widget.git" HEAD:main &&
	deliver http $old && wait_run 3 passed && test "$(tellus log 3 | head -n 1)" = two
'

test_expect_success 'without the token it is a clear error' '
	deliver wrong $(git -C w rev-parse HEAD) && wait_run 4 error && tellus show 4 --json | jq -r .reason.text | tee r && grep -iE "token|credential|refused" r
'

test_expect_success 'a repository that is not there is a clear error' '
	deliver none $(git -C w rev-parse HEAD) && wait_run 5 error && tellus show 5 --json | jq -r .reason.text
'

test_expect_success 'a server that is down is waited for' '
	kill $web && echo four >w/file && git -C w commit -qam four && git -C w push -q "$T/srv/widget.git" HEAD:main &&
	deliver http $(git -C w rev-parse HEAD) && wait_for 20 run_is 6 waiting && tellus show 6 || false
	python3 http.py $hport "$T/srv" & web=$!
	test_on_exit "kill $web"
	wait_run 6 passed && test "$(tellus log 6 | head -n 1)" = four
'

test_expect_success 'no token is in the state folder or the log' '
	! grep -r sesame state agent.log
'

test_done
