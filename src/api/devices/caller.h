/*
 * Who calls, for whom it may speak, and in whose org it acts: the same rules
 * for requests and for realtime clients.
 *
 * A token's holder acts in its own org. A device speaks for itself; a user for
 * every device that has no account of its own, an administrator for those,
 * too; events of a user are in the user's own name. Who sends no token may,
 * where nobody needs one, speak for everybody in the org of those.
 */
#ifndef TB_API_DEVICES_CALLER_H
#define TB_API_DEVICES_CALLER_H

#include "api/devices/state.h"
#include "auth/principal.h"

struct tb_devices_caller {
	const struct tb_devices *devices;
	const struct tb_principal *principal; /* borrowed; NULL: no token */
	uint32_t org;
};

/* Each may fail with UNAUTHENTICATED or DENIED, and then `*ret_flaw` says in
 * a static text what it is. */

/* Whether it may call at all. From memory. */
enum tb_err tb_devices_caller_init(struct tb_devices_caller *caller,
				   const struct tb_devices *devices,
				   const struct tb_principal *principal,
				   const char **ret_flaw) tb_must_check;
/* Whether it may speak for a device. Other errors: the store could not be
 * asked. Blocks. */
enum tb_err tb_devices_caller_check(const struct tb_devices_caller *caller,
				    struct tb_str device,
				    const char **ret_flaw) tb_must_check;
/* In whose name its events are, where they say that they are in `claimed`'s
 * (empty: in nobody's). From memory; borrowed from either. */
enum tb_err tb_devices_caller_user(const struct tb_devices_caller *caller,
				   struct tb_str claimed, struct tb_str *ret,
				   const char **ret_flaw) tb_must_check;

#endif
