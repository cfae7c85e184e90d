/*
 * Limits on attempts to log in, counted for account and client address
 * together, so that nobody can lock an account for its owner elsewhere:
 * - a user is locked for an address after so many failures in a row;
 * - a site is never locked, but slowed: further attempts from that address
 *   are taken only so often, but for the password that passed there last, so
 *   that who guesses without pause does not keep the site itself out;
 * - an address that fails over many names is held back altogether, except
 *   for the accounts that logged in from there before.
 *
 * Bounded: what was used longest ago is forgotten first. Time and randomness
 * come in as arguments. Thread-safe; only for threads that may block.
 */
#ifndef TB_AUTH_LIMITS_H
#define TB_AUTH_LIMITS_H

#include <stdint.h>

#include "base/str.h"
#include "kernel/directory.h"

struct tb_limits;

struct tb_limits_options {
	uint32_t failures_max;         /* in a row, then locked or slowed */
	uint32_t lock_s;               /* users; also how long failures of
					* anyone are remembered */
	uint32_t site_delay_max_s;     /* 0: sites are not slowed */
	uint32_t address_failures_max; /* of an address, over all names ... */
	uint32_t address_window_s;     /* ... in so long */
	uint32_t tracked_max;          /* pairs, and addresses, remembered */
	uint32_t wait_ms;              /* for attempts under way, see begin */
};

struct tb_attempt {
	enum tb_account_kind kind;
	struct tb_str name; /* as given, known or not */
	struct tb_str address;
	struct tb_str secret; /* the password as given */
	int64_t now_us;
};

enum tb_attempt_outcome {
	TB_ATTEMPT_PASSED,
	TB_ATTEMPT_FAILED,
	TB_ATTEMPT_UNDECIDED, /* it could not be checked */
};

/* `secret` keys the hashes under which attempts are remembered. NULL: no
 * memory. */
struct tb_limits *tb_limits_create(const struct tb_limits_options *options,
				   const uint8_t secret[32]);
void tb_limits_destroy(struct tb_limits *limits); /* takes NULL */

/* Asks to make an attempt. 0: make it, then tell how it ended. Else the
 * seconds to wait before the next one; nothing is to be told then. As many
 * attempts at once as could still fail are let through; whoever comes then
 * waits here for their end, so that neither do many at once gain a guess nor
 * does a user who logs in many times at once lose a login. */
uint32_t tb_limits_begin(struct tb_limits *limits,
			 const struct tb_attempt *attempt);
void tb_limits_end(struct tb_limits *limits, const struct tb_attempt *attempt,
		   enum tb_attempt_outcome outcome);

#endif
