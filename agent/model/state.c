/* SPDX-License-Identifier: MIT */
/* The states of a run and its legal moves, one row each; see run.h. */
#include "base/base.h"
#include "model/run.h"

static const char *const state_name[] = {
	[RUN_RECEIVED] = "received",
	[RUN_PLANNING] = "planning",
	[RUN_QUEUED] = "queued",
	[RUN_RUNNING] = "running",
	[RUN_WAITING] = "waiting",
	[RUN_BLOCKED] = "blocked",
	[RUN_PASSED] = "passed",
	[RUN_FAILED] = "failed",
	[RUN_CANCELED] = "canceled",
	[RUN_ERROR] = "error",
	[RUN_SKIPPED] = "skipped",
	[RUN_SUPERSEDED] = "superseded",
};

_Static_assert(ARRAY_LEN(state_name) == RUN_STATE_COUNT, "a state has no name");

/* In "to": the event itself says which; see run_next(). */
#define TARGET 100

/* clang-format off */
static const struct {
	signed char from, ev, to;
} move[] = {
	{ RUN_RECEIVED, EV_PLANNING,      RUN_PLANNING },
	{ RUN_PLANNING, EV_PLANNING,      RUN_PLANNING }, /* the last was lost */
	{ RUN_WAITING,  EV_PLANNING,      RUN_PLANNING },
	{ RUN_RECEIVED, EV_PLANNED,       RUN_QUEUED   }, /* one of several */
	{ RUN_PLANNING, EV_PLANNED,       RUN_QUEUED   },
	{ RUN_PLANNING, EV_PLAN_FAILED,   RUN_PLANNING },
	{ RUN_PLANNING, EV_LOST,          RUN_PLANNING },
	{ RUN_QUEUED,   EV_STARTED,       RUN_RUNNING  },
	{ RUN_RUNNING,  EV_STARTED,       RUN_RUNNING  },
	{ RUN_WAITING,  EV_STARTED,       RUN_RUNNING  },
	{ RUN_RUNNING,  EV_STEP_STARTED,  RUN_RUNNING  },
	{ RUN_RUNNING,  EV_STEP_FINISHED, RUN_RUNNING  },
	{ RUN_RUNNING,  EV_JOB_FINISHED,  RUN_RUNNING  },
	{ RUN_QUEUED,   EV_JOB_FINISHED,  RUN_QUEUED   }, /* skipped */
	{ RUN_WAITING,  EV_JOB_FINISHED,  RUN_WAITING  }, /* canceled */
	{ RUN_BLOCKED,  EV_JOB_FINISHED,  RUN_BLOCKED  }, /* canceled */
	{ RUN_RUNNING,  EV_YIELDED,       RUN_RUNNING  },
	{ RUN_QUEUED,   EV_UNDOING,       RUN_RUNNING  },
	{ RUN_RUNNING,  EV_UNDOING,       RUN_RUNNING  },
	{ RUN_WAITING,  EV_UNDOING,       RUN_RUNNING  },
	{ RUN_BLOCKED,  EV_UNDOING,       RUN_RUNNING  },
	{ RUN_RUNNING,  EV_UNDO_STARTED,  RUN_RUNNING  },
	{ RUN_RUNNING,  EV_UNDO_FINISHED, RUN_RUNNING  },
	{ RUN_RUNNING,  EV_UNDONE,        RUN_RUNNING  },
	{ RUN_RUNNING,  EV_LOST,          RUN_RUNNING  },
	{ RUN_RECEIVED, EV_CANCELED,      RUN_RECEIVED },
	{ RUN_PLANNING, EV_CANCELED,      RUN_PLANNING },
	{ RUN_QUEUED,   EV_CANCELED,      RUN_QUEUED   },
	{ RUN_RUNNING,  EV_CANCELED,      RUN_RUNNING  },
	{ RUN_WAITING,  EV_CANCELED,      RUN_WAITING  },
	{ RUN_BLOCKED,  EV_CANCELED,      RUN_BLOCKED  },
	{ RUN_PLANNING, EV_WAITING,       RUN_WAITING  },
	{ RUN_QUEUED,   EV_WAITING,       RUN_WAITING  },
	{ RUN_RUNNING,  EV_WAITING,       RUN_WAITING  },
	{ RUN_WAITING,  EV_RESUMED,       TARGET       },
	{ RUN_RECEIVED, EV_BLOCKED,       RUN_BLOCKED  }, /* for approval */
	{ RUN_BLOCKED,  EV_APPROVED,      TARGET       },
	{ RUN_PLANNING, EV_BLOCKED,       RUN_BLOCKED  },
	{ RUN_QUEUED,   EV_BLOCKED,       RUN_BLOCKED  },
	{ RUN_RUNNING,  EV_BLOCKED,       RUN_BLOCKED  },
	{ RUN_WAITING,  EV_BLOCKED,       RUN_BLOCKED  },
	{ RUN_BLOCKED,  EV_RETRIED,       TARGET       },
	{ RUN_PASSED,   EV_RETRIED,       TARGET       },
	{ RUN_FAILED,   EV_RETRIED,       TARGET       },
	{ RUN_CANCELED, EV_RETRIED,       TARGET       },
	{ RUN_ERROR,    EV_RETRIED,       TARGET       },
	{ RUN_RECEIVED, EV_FINISHED,      TARGET       },
	{ RUN_PLANNING, EV_FINISHED,      TARGET       },
	{ RUN_QUEUED,   EV_FINISHED,      TARGET       },
	{ RUN_RUNNING,  EV_FINISHED,      TARGET       },
	{ RUN_WAITING,  EV_FINISHED,      TARGET       },
	{ RUN_BLOCKED,  EV_FINISHED,      TARGET       },
};
/* clang-format on */

const char *
run_state_name(enum run_state s)
{
	if (s < 0 || s >= RUN_STATE_COUNT)
		return "unknown";
	return state_name[s];
}

enum run_state
run_state_from_name(const char *name)
{
	for (size_t i = 0; i < RUN_STATE_COUNT; i++)
		if (str_eq(state_name[i], name))
			return (enum run_state)i;
	return RUN_BAD_MOVE;
}

bool
run_state_is_final(enum run_state s)
{
	switch (s) {
	case RUN_PASSED:
	case RUN_FAILED:
	case RUN_CANCELED:
	case RUN_ERROR:
	case RUN_SKIPPED:
	case RUN_SUPERSEDED:
		return true;
	default:
		return false;
	}
}

/* What an event that names its target may lead to. */
static bool
target_is_legal(enum run_state to, enum event_kind ev)
{
	if (ev == EV_FINISHED)
		return run_state_is_final(to);
	return to == RUN_RECEIVED || to == RUN_QUEUED ||
	       (ev == EV_RESUMED && to == RUN_RUNNING);
}

enum run_state
run_next(enum run_state from, enum event_kind ev, enum run_state to)
{
	for (size_t i = 0; i < ARRAY_LEN(move); i++) {
		if (move[i].from != (int)from || move[i].ev != (int)ev)
			continue;
		if (move[i].to != TARGET)
			return (enum run_state)move[i].to;
		return target_is_legal(to, ev) ? to : RUN_BAD_MOVE;
	}
	return RUN_BAD_MOVE;
}
