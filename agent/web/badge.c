/* SPDX-License-Identifier: MIT */
/*
 * A badge: "tellus | passed".  All its words come from the table below, and
 * its colours are attributes, so that no style policy blocks them.
 */
#include "base/base.h"
#include "web/pages.h"

#define CHAR_PX 7 /* about as wide as a letter of the font at 11 px */
#define PAD_PX 6
#define LABEL "tellus"

#define GREEN "#1a7f37"
#define RED "#b42318"
#define BLUE "#175cd3"
#define GREY "#57606a"

static const struct {
	enum run_state state;
	const char *color;
} colors[] = {
	{ RUN_RUNNING, BLUE },
	{ RUN_PASSED, GREEN },
	{ RUN_FAILED, RED },
	{ RUN_ERROR, RED },
	{ RUN_BLOCKED, RED },
};

static void
put_text(struct buf *out, int x, int width, const char *text)
{
	buf_addf(out,
		"<text x=\"%d\" y=\"14\" textLength=\"%d\" "
		"lengthAdjust=\"spacingAndGlyphs\">%s</text>\n",
		x, width, text);
}

void
badge_svg(const char *name, struct buf *out)
{
	enum run_state s = name ? run_state_from_name(name) : RUN_BAD_MOVE;
	const char *word = s == RUN_BAD_MOVE ? "no runs" : run_state_name(s);
	const char *color = GREY;
	int left = (int)strlen(LABEL) * CHAR_PX, right;

	for (size_t i = 0; i < ARRAY_LEN(colors); i++)
		if (colors[i].state == s)
			color = colors[i].color;
	right = (int)strlen(word) * CHAR_PX;
	buf_addf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"20\" role=\"img\" aria-label=\"" LABEL ": %s\">\n"
		"<title>" LABEL ": %s</title>\n"
		"<rect width=\"%d\" height=\"20\" fill=\"#32383f\"/>\n"
		"<rect x=\"%d\" width=\"%d\" height=\"20\" fill=\"%s\"/>\n"
		"<g fill=\"#ffffff\" font-family=\"sans-serif\" "
		"font-size=\"11\">\n",
		left + right + 4 * PAD_PX, word, word, left + 2 * PAD_PX,
		left + 2 * PAD_PX, right + 2 * PAD_PX, color);
	put_text(out, PAD_PX, left, LABEL);
	put_text(out, left + 3 * PAD_PX, right, word);
	buf_addz(out, "</g>\n</svg>\n");
}
