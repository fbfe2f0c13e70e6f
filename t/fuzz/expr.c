/* SPDX-License-Identifier: MIT */
/* Any text as an expression, as a condition and as text with ${{ }}. */
#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"
#include "model/expr.h"
#include "replay.h"

static const char contexts[] =
	"{\"github\":{\"ref\":\"refs/heads/main\",\"n\":7,\"x\":null,"
	"\"event\":{\"commits\":[{\"id\":\"a\"},{\"id\":\"b\"},[1,2]]}},"
	"\"env\":{\"A\":\"1\"},\"steps\":{},\"needs\":{}}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const some[] = { "github", "env", NULL };
	AUTO(freep) char *text = xstrndup((const char *)data, size);
	AUTO(buf_release) struct buf out = BUF_INIT;
	json_t *all = json_loads(contexts, 0, NULL), *value = NULL;
	struct expr_env env = { .contexts = all };
	unsigned int column;
	struct err e;
	bool yes;

	if (expr_eval(text, &env, &value, &e) == 0 && !value)
		abort();
	expr_expand(text, &env, &out, &e);
	expr_cond(text, &env, &yes, &e);
	expr_check(text, false, some, &column, &e);
	if (expr_check(text, true, some, &column, &e) < 0 &&
		(column < 1 || column > size + 1))
		abort();
	json_decref(value);
	json_decref(all);
	return 0;
}

REPLAY_MAIN("expr")
