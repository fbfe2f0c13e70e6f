/* SPDX-License-Identifier: MIT */
/* See mail.h. */
#include "base/base.h"
#include "web/mail.h"
#include "os/fd.h"

#include <pthread.h>
#include <sys/eventfd.h>

struct mail {
	pthread_mutex_t lock;
	struct letter *first, **last;
	unsigned int refs;
	bool closed;
	int fd;
};

struct mail *
mail_new(struct err *e)
{
	struct mail *m = xcalloc(1, sizeof(*m));

	m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->fd < 0) {
		err_sys(e, "eventfd");
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	m->last = &m->first;
	m->refs = 1;
	return m;
}

struct mail *
mail_ref(struct mail *m)
{
	__atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
	return m;
}

void
mail_unref(struct mail *m)
{
	if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL))
		return;
	pthread_mutex_destroy(&m->lock);
	fd_closep(&m->fd);
	free(m);
}

int
mail_fd(const struct mail *m)
{
	return m->fd;
}

void
mail_wake(struct mail *m)
{
	uint64_t one = 1;
	ssize_t n;

	/* EAGAIN: the counter is full, so the thread is awake anyway. */
	do
		n = write(m->fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

bool
mail_post(struct mail *m, struct letter *l)
{
	bool wake, taken;

	pthread_mutex_lock(&m->lock);
	wake = !m->first;
	taken = !m->closed;
	if (taken) {
		l->next = NULL;
		*m->last = l;
		m->last = &l->next;
	}
	pthread_mutex_unlock(&m->lock);
	if (taken && wake)
		mail_wake(m);
	return taken;
}

void
mail_cancel(struct mail *m, struct letter *l)
{
	pthread_mutex_lock(&m->lock);
	for (struct letter **at = &m->first; *at; at = &(*at)->next) {
		if (*at != l)
			continue;
		*at = l->next;
		if (m->last == &l->next)
			m->last = at;
		break;
	}
	pthread_mutex_unlock(&m->lock);
}

/*
 * One at a time, so that opening a letter may cancel a later one (a stream
 * that ends takes back its run's letter).
 */
void
mail_open(struct mail *m)
{
	uint64_t count;
	ssize_t n = read(m->fd, &count, sizeof(count));

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return;
	for (;;) {
		struct letter *l;

		pthread_mutex_lock(&m->lock);
		l = m->first;
		if (l) {
			m->first = l->next;
			if (!m->first)
				m->last = &m->first;
		}
		pthread_mutex_unlock(&m->lock);
		if (!l)
			return;
		l->open(l);
	}
}

void
mail_close(struct mail *m)
{
	pthread_mutex_lock(&m->lock);
	m->closed = true;
	m->first = NULL;
	m->last = &m->first;
	pthread_mutex_unlock(&m->lock);
}
