# SPDX-License-Identifier: MIT
# Mirrors: fetching over git://, http:// and https:// and from folders, with
# credentials, and what is left after things went wrong.
. "${TELLUS_SRC:?}/t/lib.sh"

drv="$TELLUS_BUILD/t/unit/gitdrv"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
unset SSH_AUTH_SOCK TOKEN TOKEN_USER CA_FILE
lighttpd=$(command -v lighttpd || echo /usr/sbin/lighttpd)

free_port () {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
		Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

port_open () {
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(
		PeerAddr => "127.0.0.1", PeerPort => shift)' "$1"
}

# A server that answers every request with 401 and writes down what it got;
# "silent" instead: it accepts and says nothing.
listener () {
	perl -MIO::Socket::INET -e '
		my ($file, $port, $mode) = @ARGV; $| = 1; my @keep;
		my $s = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
			LocalAddr => "127.0.0.1", LocalPort => $port) or die;
		while (my $c = $s->accept) {
			if ($mode eq "silent") { push @keep, $c; next }
			open my $f, ">>", $file; my $n = 0;
			while (<$c>) { print $f $_; last if /^\r?\n$/ }
			close $f;
			print $c "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic " .
				"realm=\"x\"\r\nContent-Length: 0\r\n" .
				"Connection: close\r\n\r\n";
			close $c;
		}' "$@" &
	test_on_exit "kill $!"
}

up () {
	git -C work push -q --force origin "$@"
}

sha_of () {
	git -C work rev-parse "$1"
}

# Refs of a mirror.
refs () {
	git -C "$1" for-each-ref --format='%(refname)'
}

test_expect_success 'a server repository with branches, a tag and a request' '
	mkdir srv && git init -q --bare srv/a.git &&
	git -C srv/a.git config uploadpack.allowAnySHA1InWant true &&
	git init -q work && git -C work remote add origin ../srv/a.git &&
	cd work && echo 1 >f && git add f && git commit -qm one &&
	git tag -am v1 v1 && git branch side &&
	echo 2 >f && git commit -qam two && cd .. &&
	git -C work checkout -q side && echo s >work/s && git -C work add s &&
	git -C work commit -qm side && git -C work checkout -q main &&
	up main side v1 side:refs/pull/1/head
'

test_expect_success 'a git daemon' '
	gport=$(free_port) &&
	{ git daemon --listen=127.0.0.1 --port=$gport --base-path="$T/srv" \
		--export-all --reuseaddr "$T/srv" & } &&
	test_on_exit "kill $!" &&
	wait_for 10 port_open $gport && url=git://127.0.0.1:$gport/a.git
'

test_expect_success 'only the wanted branch is fetched, with its tags' '
	"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main) &&
	refs m.git >got &&
	printf "refs/heads/main\nrefs/tags/v1\n" | diff - got &&
	! git -C m.git cat-file -e $(sha_of side) &&
	git -C m.git fsck --strict
'

test_expect_success 'what is there is not fetched again' '
	"$drv" fetch "$T/m.git" git://127.0.0.1:1/a.git refs/heads/main \
		$(sha_of main) >got && test "$(cat got)" = 0
'

test_expect_success 'a pull request is fetched by its ref' '
	"$drv" fetch "$T/m.git" $url refs/pull/1/head $(sha_of side) &&
	test "$(git -C m.git rev-parse refs/pull/1/head)" = "$(sha_of side)"
'

test_expect_success 'after a forced push the old commit is fetched by its id' '
	git -C work commit -q --allow-empty -m lost && lost=$(sha_of main) &&
	up main && git -C work reset -q --hard HEAD~1 &&
	git -C work commit -q --allow-empty -m instead && up main &&
	"$drv" fetch "$T/m.git" $url refs/heads/main $lost &&
	git -C m.git cat-file -e $lost &&
	test "$(git -C m.git rev-parse main)" = "$(sha_of main)"
'

test_expect_success 'where ids are not given out, all branches are looked at' '
	git -C srv/a.git config uploadpack.allowAnySHA1InWant false &&
	git -C work checkout -q -b other && git -C work commit -q \
		--allow-empty -m o1 && o1=$(sha_of other) &&
	git -C work commit -q --allow-empty -m o2 && up other &&
	"$drv" fetch "$T/m.git" $url refs/heads/gone $o1 &&
	git -C m.git cat-file -e $o1 && git -C work checkout -q main
'

test_expect_success 'a commit that is gone is absent' '
	exits_with 13 "$drv" fetch "$T/m.git" $url refs/heads/main \
		1234567890123456789012345678901234567890 2>err &&
	grep -q "commit 12345678901234567890.* is not in .$url. (any more)" err
'

test_expect_success 'a branch in the place of a folder of branches' '
	git -C work checkout -q -b x && git -C work commit -q --allow-empty \
		-m x && up x && "$drv" fetch "$T/m.git" $url refs/heads/x \
		$(sha_of x) && git -C work checkout -q main &&
	git -C work branch -qD x && git -C srv/a.git branch -qD x &&
	git -C work checkout -q -b x/y && git -C work commit -q --allow-empty \
		-m xy && up x/y && xy=$(sha_of x/y) &&
	"$drv" fetch "$T/m.git" $url refs/heads/x/y $xy &&
	test "$(git -C m.git rev-parse refs/heads/x/y)" = $xy &&
	git -C work checkout -q main
'

test_expect_success 'an unknown repository is absent' '
	exits_with 13 "$drv" fetch "$T/n.git" git://127.0.0.1:$gport/none.git \
		refs/heads/main $(sha_of main) 2>err &&
	grep -q "no such repository" err && test $(wc -l <err) -eq 1
'

test_expect_success 'a server that is not there is a temporary error' '
	exits_with 11 "$drv" fetch "$T/n.git" git://127.0.0.1:1/a.git \
		refs/heads/main $(sha_of main) 2>err &&
	exits_with 11 "$drv" fetch "$T/n.git" http://127.0.0.1:1/a.git \
		refs/heads/main $(sha_of main) &&
	exits_with 11 "$drv" fetch "$T/n.git" http://no.such.host.invalid/a \
		refs/heads/main $(sha_of main)
'

test_expect_success 'a silent server can be given up, the mirror works after' '
	silent=$(free_port) && listener - $silent silent &&
	wait_for 10 port_open $silent &&
	git -C work commit -q --allow-empty -m next && up main &&
	exits_with 124 timeout 1 "$drv" fetch "$T/m.git" \
		git://127.0.0.1:$silent/a.git refs/heads/main $(sha_of main) &&
	exits_with 124 timeout 1 "$drv" fetch "$T/m.git" \
		http://127.0.0.1:$silent/a.git refs/heads/main $(sha_of main) &&
	"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main)
'

test_expect_success 'locks of a killed fetch are removed' '
	git -C work commit -q --allow-empty -m locks && up main &&
	: >m.git/refs/heads/main.lock && : >m.git/packed-refs.lock &&
	: >m.git/config.lock && : >m.git/objects/pack/pack_git2_abc &&
	"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main) &&
	test "$(git -C m.git rev-parse main)" = "$(sha_of main)" &&
	test -z "$(find m.git -name "*.lock" -o -name "pack_git2_*")"
'

test_expect_success 'two fetches into one mirror wait for each other' '
	git -C work commit -q --allow-empty -m both && up main &&
	{ "$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main) & p1=$!; } &&
	{ "$drv" fetch "$T/m.git" $url refs/heads/side $(sha_of side) & p2=$!; } &&
	wait $p1 && wait $p2 && git -C m.git fsck --strict
'

for what in "head:echo rubbish >m.git/HEAD" \
	"config:echo [ >m.git/config" \
	"packs:for p in m.git/objects/pack/*.pack; do chmod u+w \$p; echo x >\$p; done" \
	"objects:rm -rf m.git/objects/pack/*"
do
	test_expect_success "a mirror with damaged ${what%%:*} is cloned anew" '
		eval "${what#*:}" &&
		git -C work commit -q --allow-empty -m "after $what" && up main &&
		"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main) &&
		git -C m.git fsck --strict &&
		git -C m.git cat-file -e $(sha_of main)
	'
done

test_expect_success 'after another boot a damaged mirror is noticed' '
	"$drv" fetch "$T/m.git" $url refs/heads/side $(sha_of side) &&
	echo another >m.git/tellus-boot &&
	rm -f m.git/objects/pack/* && find m.git/objects -type f -delete &&
	"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main) &&
	git -C m.git fsck --strict &&
	test "$(cat m.git/tellus-boot)" = "$(cat /proc/sys/kernel/random/boot_id)"
'

test_expect_success 'a mirror that was discarded is fetched again' '
	"$drv" discard "$T/m.git" && test ! -e m.git &&
	"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main)
'

test_expect_success 'a pack above the limit is refused' '
	head -c 300000 /dev/urandom >work/big && git -C work add big &&
	git -C work commit -qm big && up main &&
	exits_with 1 "$drv" fetch "$T/m.git" $url refs/heads/main \
		$(sha_of main) 100000 2>err && grep -q "larger than 100000" err &&
	"$drv" fetch "$T/m.git" $url refs/heads/main $(sha_of main) 1000000
'

test_expect_success 'other schemes and bad ids are refused' '
	exits_with 1 "$drv" fetch "$T/n.git" "ext::sh -c id" refs/heads/main \
		$(sha_of main) &&
	exits_with 1 "$drv" fetch "$T/n.git" $url refs/heads/main main &&
	exits_with 1 "$drv" fetch relative.git $url refs/heads/main \
		$(sha_of main)
'

for form in "file://$T/srv/a.git" "$T/srv/a.git"
do
	test_expect_success "a local repository is copied: ${form%%/*}/" '
		rm -rf l.git && "$drv" fetch "$T/l.git" "$form" refs/heads/main \
			$(sha_of main~1) && git -C l.git fsck --strict &&
		! git -C l.git cat-file -e $(sha_of side) &&
		! git -C l.git cat-file -e $(sha_of main) &&
		"$drv" fetch "$T/l.git" "$form" refs/heads/main $(sha_of main) &&
		"$drv" fetch "$T/l.git" "$form" refs/pull/1/head $(sha_of side) &&
		git -C l.git fsck --strict && exits_with 13 "$drv" fetch \
			"$T/l.git" "$form" refs/heads/main \
			1234567890123456789012345678901234567890
	'
done

test_expect_success 'a local repository that is not there is absent' '
	exits_with 13 "$drv" fetch "$T/n2.git" "file://$T/srv/none.git" \
		refs/heads/main $(sha_of main)
'

# ---- http ----

if test ! -x "$lighttpd"
then
	test_skip 'fetching over http' 'lighttpd is not installed'
	test_done
fi

test_expect_success 'a web server with git, one part of it with a password' '
	hport=$(free_port) && oport=$(free_port) && sport=$(free_port) &&
	echo "robot:s3cret-canary" >passwords &&
	git init -q --bare srv/private.git &&
	git -C work push -q ../srv/private.git main side &&
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem \
		-out cert.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null &&
	cat key.pem cert.pem >both.pem &&
	cat >http.conf <<-END &&
	server.modules = ("mod_redirect", "mod_alias", "mod_setenv",
		"mod_auth", "mod_authn_file", "mod_cgi")
	server.bind = "127.0.0.1"
	server.port = $hport
	server.document-root = "$T/srv"
	server.errorlog = "$T/http.log"
	alias.url = ("/git" => "$(git --exec-path)/git-http-backend")
	auth.backend = "plain"
	auth.backend.plain.userfile = "$T/passwords"
	url.redirect = (
		"^/away/(.*)" => "http://127.0.0.1:$oport/git/\$1",
		"^/name/(.*)" => "http://localhost:$hport/git/\$1",
		"^/moved/(.*)" => "http://127.0.0.1:$hport/git/\$1")
	\$HTTP["url"] =~ "^/git/private" { auth.require = ("" =>
		("method" => "basic", "realm" => "git",
		"require" => "valid-user")) }
	\$HTTP["url"] =~ "^/git" { cgi.assign = ("" => "")
		setenv.set-environment = ("GIT_PROJECT_ROOT" => "$T/srv",
			"GIT_HTTP_EXPORT_ALL" => "1") }
	END
	{ "$lighttpd" -D -f http.conf & } && test_on_exit "kill $!" &&
	wait_for 10 port_open $hport && listener "$T/seen" $oport answer &&
	wait_for 10 port_open $oport && : >"$T/seen" &&
	http=http://127.0.0.1:$hport
'

test_expect_success 'a repository is fetched over http' '
	"$drv" fetch "$T/h.git" $http/git/a.git refs/heads/main $(sha_of main) &&
	refs h.git >got && printf "refs/heads/main\nrefs/tags/v1\n" |
		diff - got && git -C h.git fsck --strict
'

test_expect_success 'a private repository needs the token' '
	exits_with 12 "$drv" fetch "$T/p.git" $http/git/private.git \
		refs/heads/main $(sha_of main) 2>err &&
	grep -q "wants credentials" err &&
	TOKEN=s3cret-canary TOKEN_USER=robot "$drv" fetch "$T/p.git" \
		$http/git/private.git refs/heads/main $(sha_of main)
'

test_expect_success 'a wrong token is denied, and not shown' '
	TOKEN=wr0ng TOKEN_USER=robot exits_with 12 "$drv" fetch "$T/q.git" \
		$http/git/private.git refs/heads/main $(sha_of main) 2>err &&
	grep -q "refused our credentials" err && ! grep -q wr0ng err
'

test_expect_success 'the token is nowhere in the mirror' '
	! grep -r s3cret-canary p.git
'

test_expect_success 'an unknown repository over http is absent' '
	exits_with 13 "$drv" fetch "$T/q.git" $http/git/none.git \
		refs/heads/main $(sha_of main) 2>err &&
	grep -q "no such repository" err
'

test_expect_success 'a redirect to another port does not get the token' '
	rm -rf r.git && : >seen &&
	! TOKEN=s3cret-canary TOKEN_USER=robot "$drv" fetch "$T/r.git" \
		$http/away/private.git refs/heads/main $(sha_of main) 2>err &&
	! grep -qi "^authorization" seen && ! grep -q s3cret err
'

test_expect_success 'a redirect to another name does not get the token' '
	rm -rf r.git &&
	! TOKEN=s3cret-canary TOKEN_USER=robot "$drv" fetch "$T/r.git" \
		$http/name/private.git refs/heads/main $(sha_of main) 2>err &&
	! test -d r.git/refs/heads/main
'

test_expect_success 'a repository that moved on the same server is followed' '
	rm -rf r.git &&
	"$drv" fetch "$T/r.git" $http/moved/a.git refs/heads/main $(sha_of main)
'

test_expect_success 'an address with a password is refused' '
	exits_with 1 "$drv" fetch "$T/r.git" \
		http://robot:s3cret-canary@127.0.0.1:$hport/git/private.git \
		refs/heads/main $(sha_of main) 2>err &&
	grep -q token-file err && ! grep -q s3cret err
'

if test -e /usr/lib/lighttpd/mod_openssl.so
then
	test_expect_success 'a web server with a certificate of its own' '
		sed -e "s/\"mod_cgi\"/\"mod_cgi\", \"mod_openssl\"/" \
			-e "s/= $hport/= $sport/" http.conf >https.conf &&
		echo "ssl.engine = \"enable\" ssl.pemfile = \"$T/both.pem\"" |
			sed "s/ ssl.pem/\nssl.pem/" >>https.conf &&
		{ "$lighttpd" -D -f https.conf & } &&
		test_on_exit "kill $!" &&
		wait_for 10 port_open $sport && https=https://localhost:$sport
	'
	test_expect_success 'a certificate that is not trusted is refused' '
		exits_with 1 "$drv" fetch "$T/s.git" $https/git/a.git \
			refs/heads/main $(sha_of main) 2>err &&
		grep -q "certificate is not trusted" err
	'
	test_expect_success 'with its authority named it is trusted' '
		CA_FILE="$T/cert.pem" "$drv" fetch "$T/s.git" $https/git/a.git \
			refs/heads/main $(sha_of main)
	'
else
	test_skip 'fetching over https' 'lighttpd has no mod_openssl here'
fi

test_done
