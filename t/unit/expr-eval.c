/* SPDX-License-Identifier: MIT */
/*
 * For tests: reads {"contexts":{...},"expressions":["..."]} from standard
 * input and prints one JSON line per expression: {"value":...} or
 * {"error":"..."}.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"
#include "model/expr.h"

static void
print_result(const char *text, const struct expr_env *env)
{
	AUTO(buf_release) struct buf line = BUF_INIT;
	struct json_out o;
	struct err e = { .code = ERR_NONE };
	json_t *v = NULL;

	jout_start(&o, &line);
	jout_obj(&o, NULL);
	if (expr_eval(text, env, &v, &e) < 0)
		jout_str(&o, "error", e.msg);
	else
		jout_value(&o, "value", v);
	jout_end(&o);
	puts(line.data);
	json_decref(v);
}

int
main(void)
{
	json_error_t je;
	json_t *in = json_loadf(stdin, 0, &je);
	struct expr_env env = { .contexts = jget_obj(in, "contexts") };
	size_t i;
	json_t *text;

	if (!in) {
		fprintf(stderr, "%s\n", je.text);
		return 2;
	}
	json_array_foreach(jget_arr(in, "expressions"), i, text)
		print_result(json_string_value(text), &env);
	json_decref(in);
	return 0;
}
