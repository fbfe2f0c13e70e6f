# SPDX-License-Identifier: MIT
# The ledger: what steps did, in the order in which they did it, whatever
# happened to them and to the agent.  A box may write nowhere outside, but
# it may send to a socket in a folder that it is shown.
# usage: perl ledger.pl serve SOCKET FILE   appends a line per datagram
#        perl ledger.pl say SOCKET WHAT [EXIT]   from within a step; descriptor
#                          9 is the job's lock file
use strict;
use warnings;
use Fcntl qw(:flock);
use Socket;

my ($verb, $path, @rest) = @ARGV;

if ($verb eq 'serve') {
	my $parent = getppid();
	socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
	bind($s, pack_sockaddr_un($path)) or die "bind $path: $!";
	chmod 0666, $path;
	open(my $out, '>>', $rest[0]) or die "$rest[0]: $!";
	while (getppid() == $parent) {
		my $ready = '';
		vec($ready, fileno($s), 1) = 1;
		next unless select($ready, undef, undef, 1);
		defined recv($s, my $line, 4096, 0) or next;
		syswrite($out, $line);
	}
	exit 0;
}

my ($what, $exit) = @rest;
my ($run, $job, $step) = $ENV{TELLUS_IDEMPOTENCY_KEY} =~ /^run-(\d+)\.(\d+)\.(\d+)/
	or die 'no key';
if ($what eq 'start') {
	open(my $lock, '<&=', 9) or die "descriptor 9: $!";
	$what = 'overlap' unless flock($lock, LOCK_EX | LOCK_NB);
}
my $line = sprintf '{"what":"%s","run":%d,"job":%d,"step":%d,"attempt":%d,'
	. '"try":%d,"run_attempt":%d,"key":"%s"%s%s}',
	$what, $run, $job, $step, $ENV{TELLUS_ATTEMPT}, $ENV{TELLUS_STEP_ATTEMPT},
	$ENV{GITHUB_RUN_ATTEMPT} // 0, $ENV{TELLUS_IDEMPOTENCY_KEY},
	defined $exit ? ",\"exit\":$exit" : '',
	defined $ENV{TELLUS_UNDO_OF} ? ',"undo_of":"x"' : '';
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
send($s, "$line\n", 0, pack_sockaddr_un($path)) or die "send: $!";
