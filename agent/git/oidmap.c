/* SPDX-License-Identifier: MIT */
/* See oidmap.h: open addressing, at most half full; ids are hashes. */
#include "base/base.h"
#include "git/oidmap.h"

#define ID_LEN 20
#define SLOTS_MIN 64

static size_t
slot_size(const struct oidmap *m)
{
	return 1 + ID_LEN + m->value;
}

void
oidmap_init(struct oidmap *m, size_t value)
{
	memset(m, 0, sizeof(*m));
	m->value = value;
}

void
oidmap_release(struct oidmap *m)
{
	free(m->data);
	m->data = NULL;
	m->len = m->slots = 0;
}

/* The slot of id, or the free one where it belongs. */
static unsigned char *
slot_of(const struct oidmap *m, const unsigned char *id)
{
	size_t at;

	memcpy(&at, id, sizeof(at));
	for (;; at++) {
		unsigned char *s =
			m->data + (at & (m->slots - 1)) * slot_size(m);

		if (!*s || !memcmp(s + 1, id, ID_LEN))
			return s;
	}
}

static void
widen(struct oidmap *m)
{
	struct oidmap old = *m;

	m->slots = old.slots ? old.slots * 2 : SLOTS_MIN;
	m->data = xcalloc(m->slots, slot_size(m));
	for (size_t i = 0; i < old.slots; i++) {
		unsigned char *from = old.data + i * slot_size(m);

		if (*from)
			memcpy(slot_of(m, from + 1), from, slot_size(m));
	}
	free(old.data);
}

bool
oidmap_get(const struct oidmap *m, const git_oid *id, void *ret)
{
	const unsigned char *s;

	if (!m->slots)
		return false;
	s = slot_of(m, id->id);
	if (!*s)
		return false;
	if (ret)
		memcpy(ret, s + 1 + ID_LEN, m->value);
	return true;
}

void
oidmap_put(struct oidmap *m, const git_oid *id, const void *value)
{
	unsigned char *s;

	if ((m->len + 1) * 2 > m->slots)
		widen(m);
	s = slot_of(m, id->id);
	if (!*s)
		m->len++;
	*s = 1;
	memcpy(s + 1, id->id, ID_LEN);
	if (m->value)
		memcpy(s + 1 + ID_LEN, value, m->value);
}
