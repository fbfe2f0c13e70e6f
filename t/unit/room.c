/* SPDX-License-Identifier: MIT */
/* Whether there is room for one more, by the figures alone. */
#include "base/base.h"
#include "core/room.h"

#include "tap.h"

#define G ((int64_t)1 << 30)

int
main(void)
{
	ok(room_decide(G, 0, 2 * G) == ROOM_FITS, "half of it fits");
	ok(room_decide(2 * G, 0, 2 * G) == ROOM_FITS, "all of it fits");
	ok(room_decide(G, G + 1, 2 * G) == ROOM_WAITS,
		"what others have is waited for");
	ok(room_decide(2 * G + 1, 0, 2 * G) == ROOM_NEVER,
		"more than there is never fits");
	ok(room_decide(2 * G + 1, 2 * G, 2 * G) == ROOM_NEVER,
		"nor when others have it");
	ok(room_decide(G, 3 * G, 2 * G) == ROOM_WAITS,
		"a budget that was made smaller is waited for");
	ok(room_decide(9 * G, 9 * G, 0) == ROOM_FITS, "no budget, no bound");
	is_int(room_default_floor(4 * G), 4 * G / 100 * 5,
		"5 % of a small disk");
	is_int(room_default_floor(1000 * G), G / 2, "512M of a large one");
	ok(room_memory_available() > 0, "the machine says what is free");
	return tap_done();
}
