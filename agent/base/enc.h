/* SPDX-License-Identifier: MIT */
/*
 * Encodings and small parsers: hex, base64, CRC32C, UTF-8, percent,
 * numbers, durations and sizes.  No allocation but into a struct buf.
 */
#ifndef BASE_ENC_H
#define BASE_ENC_H

#include "base/base.h"
#include "base/buf.h"

/* Lower-case hex of n bytes; out has room for 2n + 1. */
void hex_put(char *out, const void *p, size_t n);
/* Exactly 2n hex digits into n bytes; -1 when s is anything else. */
int hex_get(void *out, size_t n, const char *s, size_t len);
bool is_hex(const char *s, size_t len);

/* RFC 4648 section 4, with padding.  Decoding is strict; returns -1. */
void base64_put(struct buf *b, const void *p, size_t n);
int base64_get(struct buf *out, const char *s, size_t len);

/* CRC32C (Castagnoli, RFC 3720 appendix B.4); start with crc = 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* RFC 3629: no overlong forms, no surrogates, up to U+10FFFF.  Returns the
 * length of the sequence at s (1-4), 0 if it is invalid, -1 if the n bytes
 * end in the middle of a sequence that is valid so far. */
int utf8_len(const char *s, size_t n);
bool utf8_valid(const char *s, size_t n);
/* Appends s, each invalid byte as U+FFFD. */
void utf8_addclean(struct buf *b, const char *s, size_t n);
/* Appends at most max bytes, cut at a code point, "..." at the end when
 * something was cut, control characters as spaces. */
void utf8_addcut(struct buf *b, const char *s, size_t max);
/* The same with max code points. */
void utf8_addcut_chars(struct buf *b, const char *s, size_t max_chars);

/* One word of a shell (heap memory): in quotes unless it needs none. */
char *shell_quote(const char *s);

/* Percent-encoding (RFC 3986): everything but unreserved characters. */
void percent_put(struct buf *b, const char *s);
/* -1 on a broken escape or on %00. */
int percent_get(struct buf *b, const char *s, size_t len);

/* Digits only, the whole string, within [min, max]; -1 otherwise. */
int num_parse(const char *s, int64_t min, int64_t max, int64_t *ret);
/* "90s" "10m" "2h" "1d" "250ms", or bare seconds; in milliseconds. */
int duration_parse(const char *s, int64_t *ret_ms);
/* "512M" "4G" "64K" "1T", or bare bytes (binary units, optional iB/B). */
int size_parse(const char *s, int64_t *ret_bytes);
/* 1, 1.5, 0.125: in thousandths; -1 for anything else. */
int thousandths_parse(const char *s, int64_t *ret);
/* "512 MiB", "1.5 GiB": for people. */
void size_add(struct buf *b, int64_t bytes);

/* The Levenshtein distance, for "did you mean". */
unsigned int edit_distance(const char *a, const char *b);
/* The nearest of n names within a distance of 3 and half the length of s
 * (rounded up), or NULL. */
const char *nearest_name(const char *s, const char *const *names, size_t n);

#endif
