/* SPDX-License-Identifier: MIT */
/*
 * The live lines at the bottom of a terminal: each running step with its
 * time and the last lines of its output.  They are erased before anything
 * permanent is printed and drawn again after it.
 */
#include "base/base.h"
#include "cli/render_priv.h"

#include "base/clock.h"
#include "base/enc.h"
#include "cli/term.h"

/* Up n lines, and clear to the end of the screen. */
void
live_erase(struct render *r)
{
	if (!r->o.live || !r->drawn)
		return;
	buf_addf(&r->out, "\r\033[%dA\033[J", r->drawn);
	r->drawn = 0;
}

void
live_keep(struct step_view *s, const char *line)
{
	if (s->ntail == LIVE_TAIL) {
		free(s->tail[0]);
		memmove(s->tail, s->tail + 1,
			(LIVE_TAIL - 1) * sizeof(s->tail[0]));
		s->ntail--;
	}
	s->tail[s->ntail++] = xstrdup(line);
}

void
live_forget(struct step_view *s)
{
	for (size_t i = 0; i < s->ntail; i++)
		free(s->tail[i]);
	memset(s->tail, 0, sizeof(s->tail));
	s->ntail = 0;
}

static void
put_cut(struct render *r, const char *text, int width)
{
	utf8_addcut_chars(&r->out, text, (size_t)MAX(width, 10));
	buf_addc(&r->out, '\n');
	r->drawn++;
}

static void
draw_step(struct render *r, const struct job_view *j, const struct step_view *s,
	int width)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	buf_addf(&b, "%s / %s  ", j->name ? j->name : "?",
		s->name ? s->name : "?");
	clock_addspan(&b, (clock_boot_ms() - s->since_ms) / 1000 * 1000);
	buf_addf(&r->out, "%s%s%s ", state_color("running", r->o.color),
		state_mark("running"), color_off(r->o.color));
	put_cut(r, b.data, width - 3);
	for (size_t i = 0; i < s->ntail; i++) {
		buf_addz(&r->out, "    ");
		put_cut(r, s->tail[i], width - 5);
	}
}

void
live_draw(struct render *r)
{
	int width, left = LIVE_STEPS;

	if (!r->o.live || r->ended)
		return;
	width = term_width(r->o.fd);
	/* No wrapping: a wide character must not make a line two. */
	buf_addz(&r->out, "\033[?7l");
	for (size_t i = 0; i < r->njobs; i++) {
		for (size_t k = 0; k < r->jobs[i].nsteps; k++) {
			const struct step_view *s = &r->jobs[i].steps[k];

			if (s->running && left-- > 0)
				draw_step(r, &r->jobs[i], s, width);
		}
	}
	buf_addz(&r->out, "\033[?7h");
}
