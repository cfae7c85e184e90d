#include "api/devices/token_watch.h"

#include "api/devices/realtime_state.h"
#include "api/devices/task.h"
#include "auth/token.h"
#include "base/clock.h"

#define ENDED TB_STR("Token expired")
#define US_PER_S 1000000ll

enum tb_err tb_token_watch_verify(const struct tb_devices *devices,
				  struct tb_arena *arena, struct tb_str token,
				  struct tb_str address,
				  const struct tb_principal **ret,
				  int64_t *ret_expires_us)
{
	struct tb_credentials credentials = {
		.schemes = TB_AUTH_BEARER,
		.address = address,
		.now_us = tb_clock_now_us(),
	};
	struct tb_auth_result result;
	struct tb_token claims;
	enum tb_err err = tb_arena_printf(arena, &credentials.authorization,
					  "Bearer %.*s", TB_STR_ARG(token));

	if (err)
		return err;
	result = tb_auth_check(devices->auth, &credentials, true);
	if (result.outcome != TB_AUTH_OK)
		return result.failure == TB_AUTH_UNAVAILABLE
			       ? TB_ERR_BUSY
			       : TB_ERR_UNAUTHENTICATED;
	/* It was verified just now: it is one, unless there is space around it,
	 * which a header may have. */
	err = tb_token_parse_claims(arena, token, &claims);
	if (err) {
		tb_principal_unref(result.principal);
		return err == TB_ERR_INVALID ? TB_ERR_UNAUTHENTICATED : err;
	}
	*ret = result.principal;
	*ret_expires_us = claims.expires_s * US_PER_S;
	return TB_OK;
}

/* ---- its end ---- */

static void end(struct tb_peer *peer)
{
	tb_peer_emit_error(peer, NULL, ENDED);
	tb_client_close(peer->client);
	tb_peer_end(peer);
}

int64_t tb_token_watch_us(const struct tb_peer *peer)
{
	int64_t left_us;

	if (!peer->token || peer->state != TB_PEER_JOINED)
		return 0;
	left_us = peer->expires_us - tb_clock_now_us();
	return tb_clock_monotonic_us() + (left_us > 0 ? left_us : 0);
}

bool tb_token_watch_on_timer(struct tb_peer *peer)
{
	if (!peer->token || peer->state != TB_PEER_JOINED ||
	    tb_clock_now_us() < peer->expires_us)
		return false;
	end(peer);
	return true;
}

/* ---- its revocation ---- */

struct check {
	bool has_ended;
	bool has_failed;
	int64_t expires_us;
};

/* Whether it may still be here, and speak for its device. */
static void check_work(struct tb_task *task)
{
	struct tb_devices_caller caller = task->caller;
	struct check *check = task->own;
	const char *flaw;
	enum tb_err err;

	if (atomic_load(&task->realtime->is_stopped))
		return;
	err = tb_token_watch_verify(caller.devices, task->arena, task->token,
				    tb_client_address(task->client),
				    &task->found, &check->expires_us);
	caller.principal = task->found;
	if (!err && task->device.n > 0)
		err = tb_devices_caller_check(&caller, task->device, &flaw);
	check->has_ended =
		err == TB_ERR_UNAUTHENTICATED || err == TB_ERR_DENIED;
	check->has_failed = err && !check->has_ended;
}

static void check_done(struct tb_task *task)
{
	struct tb_peer *peer = task->peer;
	struct check *check = task->own;
	/* It was renewed while its old one was looked at. */
	bool is_other = !tb_str_eq(tb_str_z(peer->token), task->token);

	peer->is_checking = false;
	if (check->has_ended && !is_other) {
		end(peer);
		return;
	}
	if (!is_other && task->found) {
		tb_principal_unref(peer->principal);
		peer->principal = task->found;
		task->found = NULL;
		tb_subscriptions_on_change(peer);
		tb_peer_go_on(peer);
	}
	if (check->has_failed) {
		peer->checks_again = true;
		tb_peer_go_on_later(peer, true);
	} else if (peer->checks_again) {
		tb_token_watch_check(peer);
	}
}

void tb_token_watch_check(struct tb_peer *peer)
{
	struct tb_task *task;

	if (!peer->token || peer->state != TB_PEER_JOINED)
		return;
	peer->checks_again = peer->is_checking;
	if (peer->is_checking)
		return;
	task = tb_task_create(peer, check_work, check_done,
			      sizeof(struct check));
	if (!task) {
		peer->checks_again = true;
		tb_peer_go_on_later(peer, true);
		return;
	}
	peer->is_checking = true;
	tb_task_submit(task);
}
