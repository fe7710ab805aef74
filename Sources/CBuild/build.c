#include "build.h"

const char *sono_build_commit(void) { return SONO_COMMIT; }
