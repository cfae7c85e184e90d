#include "api/devices/caller.h"

#include "api/devices/errors.h"
#include "kernel/directory.h"

#define ARENA_MAX_BYTES ((size_t)8 << 20)

enum tb_err tb_devices_caller_init(struct tb_devices_caller *caller,
				   const struct tb_devices *devices,
				   const struct tb_principal *principal,
				   const char **ret_flaw)
{
	*caller = (struct tb_devices_caller) {
		.devices = devices,
		.principal = principal,
		.org = principal ? principal->org : devices->open_org,
	};
	/* "`open`: nobody needs a token; who sends none acts in the org
	 * `devices.org`." */
	if (!principal && devices->open_org == 0) {
		*ret_flaw = TB_DEVICES_NO_TOKEN;
		return TB_ERR_UNAUTHENTICATED;
	}
	/* "a site's: 403 `Insufficient permissions`" */
	if (principal && principal->kind == TB_PRINCIPAL_SITE) {
		*ret_flaw = TB_DEVICES_DENIED;
		return TB_ERR_DENIED;
	}
	return TB_OK;
}

/* True if the device has an account, so that it has a token of its own. */
static enum tb_err has_account(struct tb_core *core, uint32_t org,
			       struct tb_str device, bool *ret)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_account account;
	struct tb_tx *tx = NULL;
	enum tb_err err = TB_ERR_NOMEM;

	if (arena)
		err = tb_core_read(core, &tx);
	if (!err)
		err = tb_directory_find(tx, arena, TB_ACCOUNT_DEVICE, org,
					device, &account);
	tb_core_read_end(tx);
	tb_arena_destroy(arena);
	if (err && err != TB_ERR_NOT_FOUND)
		return err;
	*ret = err == TB_OK;
	return TB_OK;
}

enum tb_err tb_devices_caller_check(const struct tb_devices_caller *caller,
				    struct tb_str device, const char **ret_flaw)
{
	const struct tb_principal *principal = caller->principal;
	bool is_own = false;
	enum tb_err err;

	/* Who only follows changes is not believed to be anywhere either. */
	if (principal && principal->kind == TB_PRINCIPAL_SITE) {
		*ret_flaw = TB_DEVICES_DENIED;
		return TB_ERR_DENIED;
	}
	if (!principal || principal->is_admin)
		return TB_OK;
	/* "A device's token speaks for this device alone". */
	if (principal->kind == TB_PRINCIPAL_DEVICE) {
		if (tb_str_eq(device, principal->key))
			return TB_OK;
		*ret_flaw = TB_DEVICES_OTHER_DEVICE;
		return TB_ERR_DENIED;
	}
	/* "A user's token may speak for any device of the org that has no
	 * account of its own; for one that has, only an administrator's may".
	 */
	err = has_account(caller->devices->core, caller->org, device, &is_own);
	if (!err && is_own) {
		*ret_flaw = TB_DEVICES_OWN_TOKEN;
		err = TB_ERR_DENIED;
	}
	return err;
}

enum tb_err tb_devices_caller_user(const struct tb_devices_caller *caller,
				   struct tb_str claimed, struct tb_str *ret,
				   const char **ret_flaw)
{
	const struct tb_principal *principal = caller->principal;

	if (!principal || principal->kind != TB_PRINCIPAL_USER) {
		*ret = claimed;
		return TB_OK;
	}
	/* "The event's `user_id` is then the user's own id; another one in the
	 * body is 403". */
	if (claimed.n > 0 && !tb_str_eq(claimed, principal->key)) {
		*ret_flaw = TB_DEVICES_OTHER_USER;
		return TB_ERR_DENIED;
	}
	*ret = principal->key;
	return TB_OK;
}
