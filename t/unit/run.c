/* SPDX-License-Identifier: MIT */
/* Pushes, events, states and the folding of events into a run. */
#include "base/base.h"
#include "model/event.h"
#include "model/run.h"

#include "tap.h"

static const char sha[] = "1111111111111111111111111111111111111111";

static void
refs(void)
{
	static const char *const good[] = { "refs/heads/main",
		"refs/heads/a;b&c|d$(e)", "refs/tags/v1.0", "refs/heads/-x",
		"refs/heads/\xc3\xa9" };
	static const char *const bad[] = { "main", "refs/heads/", "refs//x",
		"refs/heads/a..b", "refs/heads/.x", "refs/heads/x.lock",
		"refs/heads/a b", "refs/heads/a\nb", "refs/heads/a~1",
		"refs/heads/x.", "refs/heads/@{u}", "refs/heads/\xff" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ok(ref_is_valid(good[i]), "'%s' is a ref", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(!ref_is_valid(bad[i]), "bad ref %zu is refused", i);
	ok(sha_is_valid(sha) && !sha_is_valid("1111") &&
			!sha_is_valid(
				"111111111111111111111111111111111111111G"),
		"a sha is 40 lower-case hex digits");
	is_str(ref_short("refs/heads/a/b"), "a/b", "the short name");
}

static void
pushes(void)
{
	struct push p = { .repository = xstrdup("demo"),
		.event = xstrdup("push"),
		.ref = xstrdup("refs/heads/main"),
		.sha = xstrdup(sha),
		.number = 7,
		.forced = true };
	struct push q = { 0 };
	struct err e = { 0 };
	json_t *o = push_to_json(&p);

	ok(push_from_json(&q, o, &e) == 0, "a push survives JSON");
	ok(str_eq(q.ref, p.ref) && q.number == 7 && q.forced && !q.fork,
		"with all its members");
	json_object_set_new(o, "sha", json_integer(7));
	push_release(&q);
	ok(push_from_json(&q, o, &e) < 0 && strstr(e.msg, "\"sha\""),
		"a member of the wrong type is named");
	json_decref(o);
	push_release(&p);
}

static void
moves(void)
{
	int legal = 0;

	ok(run_next(RUN_PASSED, EV_CANCELED, 0) == RUN_BAD_MOVE,
		"a finished run can not be cancelled");
	ok(run_next(RUN_RUNNING, EV_FINISHED, RUN_QUEUED) == RUN_BAD_MOVE,
		"finished must name a final state");
	ok(run_next(RUN_FAILED, EV_RETRIED, RUN_QUEUED) == RUN_QUEUED,
		"a failed run can be retried");
	ok(run_next(RUN_RUNNING, EV_RETRIED, RUN_QUEUED) == RUN_BAD_MOVE,
		"a running one can not");
	for (int s = 0; s < RUN_STATE_COUNT; s++) {
		ok(run_state_from_name(run_state_name(s)) == (enum run_state)s,
			"the name of %s is read back", run_state_name(s));
		for (int k = 1; k < EV_KIND_COUNT; k++)
			legal += run_next(s, k, RUN_PASSED) != RUN_BAD_MOVE;
	}
	is_int(legal, 45, "and no move is legal by accident");
}

static struct run *run;
static struct err err;

/* One event from JSON text with ' for ". */
static int
feed(const char *text)
{
	AUTO(freep) char *json = xstrdup(text);
	struct event ev;
	int rc;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (event_from_json(&ev, json, strlen(json), &err) < 0)
		return -1;
	ev.seq = run->next_seq;
	rc = run_apply(run, &ev, &err);
	event_release(&ev);
	return rc;
}

static void
start_run(void)
{
	run = run_new(42);
	feed("{'kind':'received','time':1000,'data':{'repository':'demo',"
	     "'event':'push','ref':'refs/heads/main','sha':"
	     "'1111111111111111111111111111111111111111'}}");
	feed("{'kind':'planning','time':1100,'attempt':1,'data':{'nonce':"
	     "'p','pid':5}}");
	feed("{'kind':'planned','time':1200,'attempt':1,'data':{'workflow':"
	     "'ci','file':'.tellus.yml','tree':'t','jobs':["
	     "{'id':'a','name':'A','steps':[{'name':'one'},{'name':'two'}]},"
	     "{'id':'b','needs':[0],'steps':[{'name':'x'}]}]}}");
	feed("{'kind':'started','time':1300,'job':0,'attempt':1,"
	     "'data':{'nonce':'n1','pid':9}}");
}

static void
a_run(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const struct reason *why;

	start_run();
	ok(run->state == RUN_RUNNING && run->njobs == 2, "a run starts");
	ok(feed("{'kind':'step-started','time':1,'job':0,'step':0,"
		"'attempt':1,'nonce':'other'}") < 0 &&
			strstr(err.msg, "fenced"),
		"a worker with another nonce is fenced");
	ok(feed("{'kind':'step-started','time':1400,'job':0,'step':0,"
		"'attempt':1,'nonce':'n1','data':{'output':0}}") == 0,
		"its own worker is heard");
	ok(feed("{'kind':'step-finished','time':1500,'job':0,'step':0,"
		"'attempt':1,'nonce':'n1','data':{'state':'passed',"
		"'exit':0,'output':0,'length':12,'layer':'l'}}") == 0,
		"a step passes");
	ok(feed("{'kind':'step-started','time':1,'job':0,'step':0,"
		"'attempt':1,'nonce':'n1'}") < 0,
		"a finished step can not start again");
	feed("{'kind':'step-started','time':1600,'job':0,'step':1,"
	     "'attempt':1,'nonce':'n1','data':{'output':12}}");
	ok(feed("{'kind':'lost','time':1700,'job':0,'attempt':1,"
		"'data':{'text':'killed'}}") == 0,
		"the worker is lost");
	ok(run->jobs[0].state == RUN_QUEUED &&
			run->jobs[0].steps[1].state == RUN_QUEUED &&
			run->jobs[0].steps[0].state == RUN_PASSED,
		"only the interrupted step is to be done again");
	ok(feed("{'kind':'step-finished','time':1,'job':0,'step':1,"
		"'attempt':1,'nonce':'n1','data':{'state':'passed'}}") < 0,
		"the lost worker is not heard any more");
	feed("{'kind':'started','time':1800,'job':0,'attempt':2,"
	     "'data':{'nonce':'n2'}}");
	feed("{'kind':'step-started','time':1900,'job':0,'step':1,"
	     "'attempt':2,'nonce':'n2','data':{'output':0}}");
	feed("{'kind':'step-finished','time':2000,'job':0,'step':1,"
	     "'attempt':2,'nonce':'n2','data':{'state':'failed','exit':2,"
	     "'class':'code','text':'exit status 2'}}");
	is_int(run->jobs[0].steps[1].tries, 2, "it was tried twice");
	ok(run_verdict(run, &why) == RUN_BAD_MOVE, "no verdict yet");
	feed("{'kind':'job-finished','time':2100,'job':0,'attempt':2,"
	     "'nonce':'n2','data':{'state':'failed','reason':{'class':"
	     "'code','text':'exit status 2','step':'two'}}}");
	feed("{'kind':'job-finished','time':2100,'job':1,"
	     "'data':{'state':'skipped'}}");
	ok(run_verdict(run, &why) == RUN_FAILED && why &&
			str_eq(why->step, "two"),
		"the verdict is the first failure's");
	feed("{'kind':'finished','time':2200,'data':{'state':'failed',"
	     "'class':'code','text':'exit status 2','step':'two'}}");
	ok(run->state == RUN_FAILED && run->finished_ms == 2200,
		"the run is finished");
	ok(feed("{'kind':'finished','time':1,'data':{'state':'passed'}}") < 0,
		"a final state never changes");
	run_to_json(run, true, &b);
	ok(strstr(b.data, "\"exit\":2") && strstr(b.data, "\"needs\":[\"a\"]"),
		"the JSON has jobs and steps");
	ok(feed("{'kind':'retried','time':3000,'data':{'by':'me'}}") == 0 &&
			run->attempt == 2 && run->state == RUN_QUEUED,
		"a retry is attempt 2 of the same run");
	ok(run->jobs[0].steps[0].state == RUN_QUEUED &&
			run->jobs[1].state == RUN_QUEUED,
		"and what did not pass is queued again");
	ok(feed("{'kind':'started','time':1,'job':0,'attempt':2,"
		"'data':{}}") < 0,
		"attempt numbers of a job never fall");
	run_free(run);
}

static void
a_clone(void)
{
	AUTO(buf_release) struct buf a = BUF_INIT, b = BUF_INIT;
	struct run *c;

	start_run();
	c = run_clone(run);
	run_to_json(run, true, &a);
	run_free(run);
	run_to_json(c, true, &b);
	is_str(b.data, a.data, "a clone outlives what it was made from");
	run_free(c);
}

int
main(void)
{
	refs();
	pushes();
	moves();
	a_run();
	a_clone();
	return tap_done();
}
