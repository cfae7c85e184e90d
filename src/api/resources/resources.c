#include "api/resources/resources.h"

#include "api/resources/handlers.h"
#include "api/resources/state.h"
#include "base/alloc.h"
#include "base/assert.h"

#define GIB ((uint64_t)1 << 30)
#define HOUR_S (60 * 60)
#define DAY_S (24 * HOUR_S)
#define DAY_US (DAY_S * 1000000ll)
#define ARENA_MAX_BYTES ((size_t)64 << 20)

const struct tb_resources_options tb_resources_default_options = {
	.access_life_s = HOUR_S,
	.refresh_life_s = 7 * DAY_S,
	.page_max = 5000,
	.deleted_days = 30,
	.spool_max_bytes = 4 * GIB,
	.spool_total_max_bytes = 16 * GIB,
	.spool_path = "",
	.strategy = "Server-Authoritative",
	.strategy_description = "Server data is the source of truth.",
	.strategy_conflicts = "Stale client updates are rejected to maintain "
			      "data integrity.",
	.strategy_resolution = "Clients must refresh when conflicts occur.",
	.timestamp_doc = "ISO 8601 datetime (e.g., 2024-01-20T10:00:00Z)",
};

int64_t tb_resources_deleted_us(const struct tb_resources_options *options)
{
	return (int64_t)options->deleted_days * DAY_US;
}

/* What the answers of one user may hold: who reads slowly holds them for long.
 * Half of all, but room for the longest answer and what puts it in order. */
static uint64_t share_bytes(const struct tb_resources_options *options)
{
	uint64_t half = options->spool_total_max_bytes / 2;
	uint64_t least = 2 * options->spool_max_bytes;

	return half > least ? half : least;
}

/* ---- what is made once ---- */

/* "Server-Authoritative" is `server-authoritative` in a header. */
static enum tb_err make_strategy(struct tb_resources *resources)
{
	enum tb_err err = tb_arena_strdup(
		resources->arena, tb_str_z(resources->options->strategy),
		&resources->strategy);
	char *at = (char *)resources->strategy.p;

	if (err)
		return err;
	for (; *at; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at += 'a' - 'A';
		else if (*at <= ' ' || *at > '~')
			*at = '-';
	}
	return TB_OK;
}

static enum tb_err make_layouts(struct tb_resources *resources)
{
	const struct tb_declaration *declaration =
		tb_core_declaration(resources->core);
	size_t n = declaration->n_collections;
	enum tb_err err = TB_OK;

	resources->layouts = tb_arena_calloc(resources->arena, n + 1,
					     sizeof(resources->layouts[0]));
	if (!resources->layouts)
		return TB_ERR_NOMEM;
	for (size_t i = 0; !err && i < n; i++)
		if (declaration->collections[i].path.p)
			err = tb_layout_create(resources->arena, declaration,
					       &declaration->collections[i],
					       &resources->layouts[i]);
	return err;
}

static enum tb_err make(struct tb_resources *resources)
{
	enum tb_err err;

	resources->arena = tb_arena_create(ARENA_MAX_BYTES);
	resources->sights = tb_sights_create();
	if (!resources->arena || !resources->sights)
		return TB_ERR_NOMEM;
	err = make_strategy(resources);
	return err ? err : make_layouts(resources);
}

enum tb_err tb_resources_create(const struct tb_api_env *env,
				struct tb_resources **ret)
{
	const struct tb_resources_options *options = env->options;
	struct tb_resources *resources = tb_calloc(1, sizeof(*resources));
	enum tb_err err;

	if (!resources)
		return TB_ERR_NOMEM;
	resources->core = env->core;
	resources->auth = env->auth;
	resources->options = options;
	tb_spool_pool_init(&resources->spools,
			   options->spool_path[0] ? options->spool_path
						  : env->data,
			   options->spool_total_max_bytes);
	tb_spool_pool_divide(&resources->spools, share_bytes(options));
	err = make(resources);
	if (err)
		tb_resources_destroy(resources);
	else
		*ret = resources;
	return err;
}

void tb_resources_destroy(struct tb_resources *resources)
{
	if (!resources)
		return;
	tb_sights_destroy(resources->sights);
	tb_arena_destroy(resources->arena);
	tb_free(resources);
}

/* ---- settings ---- */

#define OPTIONS struct tb_resources_options
#define NUMBER(member, lowest, highest)                                        \
	.name = #member, .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(OPTIONS, member), .min = (lowest), .max = (highest)
#define TEXT(member)                                                           \
	.name = #member, .kind = TB_SETTING_TEXT,                              \
	TB_SETTING_AT(OPTIONS, member), .expected = "a text"

static const struct tb_setting rows[] = {
	{ NUMBER(access_life_s, 1, 31536000),
	  .doc = "How long an access token is good." },
	{ NUMBER(refresh_life_s, 1, 31536000),
	  .doc = "How long a refresh token is good." },
	{ NUMBER(page_max, 1, 1000000),
	  .doc = "A greater limit of a page counts as this." },
	{ NUMBER(deleted_days, 1, 36500),
	  .doc = "Days for which clients can ask what was deleted." },
	{ NUMBER(spool_max_bytes, 1024 * 1024, 1024 * GIB),
	  .doc = "The longest answer; over it 413." },
	{ NUMBER(spool_total_max_bytes, 1024 * 1024, 1024 * GIB),
	  .doc = "All answers under way together; over it 503. One user has "
		 "half "
		 "of it, or twice spool_max_bytes where that is more." },
	{ TEXT(spool_path),
	  .doc = "The folder for long answers while they are sent; empty: that "
		 "of the data." },
	{ TEXT(strategy), .doc = "What GET sync/status says: who is right." },
	{ TEXT(strategy_description), .doc = "The same in a sentence." },
	{ TEXT(strategy_conflicts),
	  .doc = "The same: what becomes of stale edits." },
	{ TEXT(strategy_resolution), .doc = "The same: what clients do then." },
	{ TEXT(timestamp_doc),
	  .doc = "The same: what last_sync_timestamp may be." },
};

static const struct tb_settings settings = {
	.section = "resources",
	.rows = rows,
	.n_rows = TB_ARRAY_LEN(rows),
	.defaults = &tb_resources_default_options,
	.size = sizeof(tb_resources_default_options),
};

/* ---- the module ---- */

static enum tb_err create(const struct tb_api_env *env, void **ret_state)
{
	struct tb_resources *resources;
	enum tb_err err = tb_resources_create(env, &resources);

	if (!err)
		*ret_state = resources;
	return err;
}

static void destroy(void *state)
{
	tb_resources_destroy(state);
}

const struct tb_api_module tb_resources_module = {
	.api = &tb_resources_api,
	.settings = &settings,
	.create = create,
	.destroy = destroy,
	.follow = tb_resources_follow,
	.follow_peek = tb_resources_follow_peek,
};
