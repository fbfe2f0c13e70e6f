/* SPDX-License-Identifier: MIT */
/*
 * The HTTP client for shell tests: cli_http SOCKET PATH [ANSWER_MS] prints
 * the status and the body, or "error: ..." and exits 1.
 */
#include "base/base.h"
#include "base/enc.h"
#include "cli/http.h"

int
main(int argc, char **argv)
{
	AUTO(http_answer_release) struct http_answer a;
	struct http_call q = { .method = "GET" };
	struct err e;

	if (argc < 3)
		return 2;
	q.socket = argv[1];
	q.path = argv[2];
	if (argc > 3 && num_parse(argv[3], 1, 60000, &q.answer_ms) < 0)
		return 2;
	http_answer_init(&a);
	if (http_call(&q, &a, &e) < 0) {
		printf("error: %s\n", e.msg);
		return 1;
	}
	printf("%d %s\n", a.status, a.body.data);
	return 0;
}
