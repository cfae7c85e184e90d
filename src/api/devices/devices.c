#include "api/devices/devices.h"

#include "api/devices/handlers.h"
#include "api/devices/realtime.h"
#include "api/devices/state.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "http/address.h"
#include "kernel/device_upkeep.h"
#include "kernel/directory.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define YEAR_S 31536000
#define DAY_US (86400 * 1000000ll)
/* Pieces of the work of time in a round, of one org: more than what arrives
 * in a minute. */
#define AGE_RUNS_MAX 256

const struct tb_devices_options tb_devices_default_options = {
	.auth = TB_DEVICES_TOKEN,
	.org = "",
	.token_lifetime_s = 3600,
	.batch_max = 1000,
	.devices_max = 10000,
	.absent_days = 30,
	.pending_days = 30,
	.keep_days = 365,
	.deadline_s = 300,
	.audit_scan_max = 1000000,
	.window = 64,
	.redeliver_s = 30,
	.loops = 2,
	.workers = 16,
	.clients_max = 20000,
	.events_per_s = 200,
	.outbox_bytes = MIB,
	.message_max_bytes = MIB,
	.connect_timeout_s = 10,
	.upgrade_timeout_s = 10,
	.ping_interval_s = 25,
	.ping_timeout_s = 20,
};

const char *tb_devices_refusal(const void *options, const char *listen)
{
	const struct tb_devices_options *devices = options;

	/* "The server does not start with it unless it listens on loopback
	 * only, or `devices.open_to_network: yes` says that this is meant." */
	if (devices->auth != TB_DEVICES_OPEN || devices->open_to_network ||
	    tb_address_host_is_loopback(tb_str_z(listen)))
		return NULL;
	return "devices.auth: open lets everybody who reaches this address "
	       "read and push events without a token; listen on loopback "
	       "(127.0.0.1 or [::1]), or set devices.auth: token, or, if it "
	       "is meant, devices.open_to_network: yes";
}

/* ---- the org of who sends no token ---- */

/* NOT_FOUND: there is no such org. */
static enum tb_err find_set_org(struct tb_core *core, const char *name,
				uint32_t *ret)
{
	struct tb_org org;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(core, &tx);

	if (err)
		return err;
	err = tb_directory_find_set_org(tx, tb_str_z(name), &org);
	tb_core_read_end(tx);
	if (!err)
		*ret = org.id;
	return err;
}

static enum tb_err find_open_org(struct tb_devices *devices,
				 const struct tb_api_env *env)
{
	const char *name = devices->options->org;
	enum tb_err err;

	if (devices->options->auth != TB_DEVICES_OPEN)
		return TB_OK;
	err = find_set_org(env->core, name, &devices->open_org);
	if (err != TB_ERR_NOT_FOUND || !env->problem)
		return err;
	if (name[0])
		tb_buf_printf(env->problem, "devices.org: there is no org `%s`",
			      name);
	else
		tb_buf_append_z(env->problem,
				"devices.auth: open wants devices.org: the "
				"org of who sends no token");
	return err;
}

/* ---- the state ---- */

static enum tb_err make(struct tb_devices *devices,
			const struct tb_api_env *env)
{
	enum tb_err err;

	devices->seen = tb_seen_create();
	if (!devices->seen)
		return TB_ERR_NOMEM;
	err = find_open_org(devices, env);
	return err ? err : tb_realtime_create(devices, &devices->realtime);
}

enum tb_err tb_devices_create(const struct tb_api_env *env,
			      struct tb_devices **ret)
{
	struct tb_devices *devices = tb_calloc(1, sizeof(*devices));
	enum tb_err err;

	if (!devices)
		return TB_ERR_NOMEM;
	devices->core = env->core;
	devices->auth = env->auth;
	devices->options = env->options;
	devices->follows = env->follows;
	devices->count = env->count;
	devices->count_ctx = env->count_ctx;
	err = make(devices, env);
	if (err)
		tb_devices_destroy(devices);
	else
		*ret = devices;
	return err;
}

void tb_devices_destroy(struct tb_devices *devices)
{
	if (!devices)
		return;
	tb_realtime_destroy(devices->realtime);
	tb_seen_destroy(devices->seen);
	tb_free(devices);
}

/* ---- settings ---- */

static const char *const auth_names[] = {
	[TB_DEVICES_TOKEN] = "token",
	[TB_DEVICES_OPEN] = "open",
	NULL,
};

#define OPTIONS struct tb_devices_options
#define NUMBER(member, lowest, highest)                                        \
	.name = #member, .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(OPTIONS, member), .min = (lowest), .max = (highest)

static const struct tb_setting rows[] = {
	{ .name = "auth",
	  .kind = TB_SETTING_CHOICE,
	  TB_SETTING_AT(OPTIONS, auth),
	  .choices = auth_names,
	  .doc = "Whether callers need a token; open: nobody does, which is "
		 "for servers that listen on loopback only." },
	{ .name = "org",
	  .kind = TB_SETTING_TEXT,
	  TB_SETTING_AT(OPTIONS, org),
	  .expected = "the name of an org",
	  .doc = "Where auth is open: the org of who sends no token; empty: "
		 "the only one there is." },
	{ .name = "open_to_network",
	  .kind = TB_SETTING_FLAG,
	  TB_SETTING_AT(OPTIONS, open_to_network),
	  .doc = "Lets a server with open auth listen on other addresses than "
		 "loopback: everybody who reaches it may read and push." },
	{ NUMBER(token_lifetime_s, 1, YEAR_S),
	  .doc = "How long a token of POST login is good." },
	{ NUMBER(batch_max, 1, 100000),
	  .doc = "Events in one push; over it 413." },
	{ NUMBER(devices_max, 1, 1000000),
	  .doc = "Devices registered in an org; over it 409." },
	{ NUMBER(absent_days, 1, 36500),
	  .doc = "Events wait no longer for a device that was not seen for "
		 "so long." },
	{ NUMBER(pending_days, 1, 36500),
	  .doc = "An event that waits for so long failed." },
	{ NUMBER(keep_days, 1, 36500),
	  .doc = "How long events are kept that wait for no device." },
	{ NUMBER(deadline_s, 1, YEAR_S),
	  .doc = "A critical event that waits for so long is overdue." },
	{ NUMBER(audit_scan_max, 1, 1000000000),
	  .doc = "Rows that one search of the audit trail looks at." },
	{ NUMBER(window, 1, 4096),
	  .doc = "Critical events that a device is sent again at a time "
		 "without having acknowledged them." },
	{ NUMBER(redeliver_s, 1, YEAR_S),
	  .doc = "A critical event is sent again to who does not acknowledge "
		 "it for so long." },
	{ NUMBER(loops, 1, 64), .doc = "Threads that serve realtime clients." },
	{ NUMBER(workers, 1, 1024),
	  .doc = "Threads that do what realtime clients ask for." },
	{ NUMBER(clients_max, 1, 1000000),
	  .doc = "Realtime clients at once; over it 503." },
	{ NUMBER(events_per_s, 0, 1000000),
	  .doc = "Events a second that a realtime client may send, in bursts "
		 "of twice as many; who sends more is read no faster. 0: no "
		 "limit." },
	{ NUMBER(outbox_bytes, 64 * KIB, 1024 * MIB),
	  .doc = "What waits for a realtime client that reads slowly." },
	{ NUMBER(message_max_bytes, 4 * KIB, 64 * MIB),
	  .doc = "The largest message that a realtime client may send." },
	{ NUMBER(connect_timeout_s, 1, 3600),
	  .doc = "A realtime connection is closed when it joins no namespace "
		 "for so long." },
	{ NUMBER(upgrade_timeout_s, 1, 3600),
	  .doc = "How long going over from polling to WebSocket may take." },
	{ NUMBER(ping_interval_s, 1, 3600),
	  .doc = "How often realtime clients are asked whether they are "
		 "there." },
	{ NUMBER(ping_timeout_s, 1, 3600),
	  .doc = "How long they may take to answer that." },
};

static const struct tb_settings settings = {
	.section = "devices",
	.rows = rows,
	.n_rows = TB_ARRAY_LEN(rows),
	.defaults = &tb_devices_default_options,
	.size = sizeof(tb_devices_default_options),
};

/* ---- the module ---- */

static enum tb_err create(const struct tb_api_env *env, void **ret_state)
{
	struct tb_devices *devices;
	enum tb_err err = tb_devices_create(env, &devices);

	if (!err)
		*ret_state = devices;
	return err;
}

static void destroy(void *state)
{
	tb_devices_destroy(state);
}

/* Lets time do its work in one org, a bounded piece of it: what is left is for
 * the next round. */
static void age(struct tb_devices *devices, uint32_t org)
{
	const struct tb_device_ages ages = {
		.absent_us = devices->options->absent_days * DAY_US,
		.pending_us = devices->options->pending_days * DAY_US,
		.keep_us = devices->options->keep_days * DAY_US,
	};
	bool more = true;

	/* What fails is tried again in the next round, too. */
	for (int i = 0; more && i < AGE_RUNS_MAX; i++)
		if (tb_device_upkeep(devices->core, org, &ages, &more))
			return;
}

static void age_all(struct tb_devices *devices)
{
	uint32_t org = TB_ORG_SYSTEM;
	struct tb_heads heads;

	while (tb_core_next_org(devices->core, org, &org, &heads))
		age(devices, org);
}

/* "On loopback, without that, this API then answers 403 to what came through a
 * proxy, to a `Host` that is not this machine, and to pages of other sites." */
static bool is_local(const void *state)
{
	const struct tb_devices *devices = state;

	return devices->options->auth == TB_DEVICES_OPEN &&
	       !devices->options->open_to_network;
}

static void quiesce(void *state)
{
	struct tb_devices *devices = state;

	tb_realtime_stop(devices->realtime);
}

static bool is_closed(const void *state)
{
	const struct tb_devices *devices = state;

	return devices->options->auth == TB_DEVICES_TOKEN;
}

static void upkeep(void *state)
{
	struct tb_devices *devices = state;

	tb_seen_flush(devices->seen, devices->core);
	age_all(devices);
}

const struct tb_api_module tb_devices_module = {
	.api = &tb_devices_api,
	.settings = &settings,
	.refusal = tb_devices_refusal,
	.create = create,
	.destroy = destroy,
	.upkeep = upkeep,
	.quiesce = quiesce,
	.follow = tb_devices_follow,
	.follow_peek = tb_devices_follow_peek,
	.is_local = is_local,
	.is_closed = is_closed,
};
