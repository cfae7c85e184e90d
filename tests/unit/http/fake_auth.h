/*
 * Authentication for the tests of http alone: what is in the Authorization
 * header says how the check ends.
 */
#ifndef TB_TESTS_FAKE_AUTH_H
#define TB_TESTS_FAKE_AUTH_H

#include "auth/auth.h"

/* "user", "site": that caller. "slow": a user, but not without blocking.
 * Anything else is refused. */
struct tb_auth {
	int unused;
};

/* References to principals that are held just now. */
long fake_auth_refs(void);

#endif
