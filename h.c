#include "base/base.h"
#include "work/worker.h"
