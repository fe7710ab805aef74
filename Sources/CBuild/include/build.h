#ifndef SONO_BUILD_H
#define SONO_BUILD_H

// The commit that this program was built from, as `git describe --always --dirty` names it; "unknown" unless SONO_COMMIT
// was in the environment of `swift build`, as `make install` and `make deb` have it.
const char *sono_build_commit(void);

#endif
