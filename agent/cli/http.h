/* SPDX-License-Identifier: MIT */
/*
 * A small HTTP/1.1 client over a unix socket: one request, one connection.
 * It trusts nothing about the answer; one that is cut short is an error.
 * No TCP, no TLS, no redirects.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

/* Defaults and limits. */
#define HTTP_ANSWER_MS 30000
#define HTTP_HEAD_MAX 65536
#define HTTP_BODY_MAX (64 * 1024 * 1024) /* kept in memory */

/* A piece of the body; anything but 0 ends the call. */
typedef int http_body_fn(const char *p, size_t n, void *arg);

struct http_call {
	const char *socket, *method;
	const char *path;      /* with the query */
	const char *body;      /* JSON, or NULL */
	int64_t answer_ms;     /* until the answer's head; 0: the default */
	int64_t idle_ms;       /* between pieces of the body; 0: no limit */
	http_body_fn *on_body; /* gets the body of a 2xx answer */
	int watch_fd;          /* polled beside the socket; 0: none */
	int (*on_watch)(void *arg); /* anything but 0 ends the call */
	int64_t tick_ms;            /* calls on_tick while waiting; 0: never */
	void (*on_tick)(void *arg);
	void *arg; /* for the callbacks */
};

struct http_answer {
	int status;      /* 0: no head was read */
	bool sent;       /* the whole request went out */
	char type[64];   /* Content-Type, cut */
	struct buf body; /* unless on_body got it */
};

void http_answer_init(struct http_answer *a);
void http_answer_release(struct http_answer *a); /* also for AUTO */

/* 0 when the answer is complete, whatever its status; 1 when a callback
 * ended it; -1 otherwise (ERR_TEMP: cut short or too slow). */
int http_call(const struct http_call *q, struct http_answer *a, struct err *e);

/*
 * The body's framing, for http.c and its tests: by length, by chunks, or
 * until the end of the stream.
 */
enum http_frame { FRAME_LENGTH, FRAME_CHUNKED, FRAME_CLOSE };
enum http_chunk_state {
	CHUNK_SIZE,
	CHUNK_DATA,
	CHUNK_DATA_END,
	CHUNK_TRAILER,
	CHUNK_DONE,
};
struct http_framing {
	enum http_frame frame;
	int64_t left; /* of the body or of the chunk */
	enum http_chunk_state chunk;
	char line[128]; /* a chunk's size or a trailer, cut */
	size_t line_len;
};
/* Hands the body's bytes to fn.  1 at the body's end, 0 for "more", -1 when
 * the framing is broken, 2 when fn ended it. */
int http_unframe(struct http_framing *f, const char *p, size_t n,
	http_body_fn *fn, void *arg);

#endif
