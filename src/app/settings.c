#include "app/settings.h"

#include <ctype.h>

#include "app/check.h"
#include "app/log.h"
#include "base/assert.h"

#define KIB (1024ull)
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)

/* Shorthands for the rows below. */
#define NUMBER(type, member, lowest, highest)                                  \
	.name = #member, .kind = TB_SETTING_NUMBER,                            \
	TB_SETTING_AT(type, member), .min = (lowest), .max = (highest)
#define TEXT(type, member, valid, words)                                       \
	.kind = TB_SETTING_TEXT, TB_SETTING_AT(type, member),                  \
	.is_valid = (valid), .expected = (words)
#define LIST(type, member, valid, words)                                       \
	.kind = TB_SETTING_LIST, TB_SETTING_AT(type, member),                  \
	.is_valid = (valid), .expected = (words)

static const struct tb_program_options program_defaults = {
	.data = "var",
	.store_engine = "sqlite",
	.log_level = TB_LOG_INFO,
	.absence_max_days = 90,
	.accept_unknown_tables = true,
};

static const struct tb_setting top_program_rows[] = {
	{ .name = "data",
	  TEXT(struct tb_program_options, data, tb_check_not_empty,
	       "the path of a folder"),
	  .doc = "The folder that holds the store, the keys and the lock." },
	{ NUMBER(struct tb_program_options, audit_keep_days, 0, 36500),
	  .doc = "Rows of the audit trail are dropped when they are older; 0: "
		 "never." },
};

static const struct tb_setting top_server_rows[] = {
	{ .name = "listen",
	  TEXT(struct tb_server_options, listen, tb_check_listen,
	       "an address and a port, as 127.0.0.1:8000 or [::1]:8000"),
	  .doc = "Where the server listens. TLS is the business of a reverse "
		 "proxy in front." },
};

static const struct tb_setting log_rows[] = {
	{ .name = "level",
	  .kind = TB_SETTING_CHOICE,
	  TB_SETTING_AT(struct tb_program_options, log_level),
	  .choices = tb_log_level_names,
	  .is_reloadable = true,
	  .doc = "The least important lines that are written. A request is "
		 "info; one that the client spoiled, warn; one that the "
		 "server failed, error." },
};

#define SERVER struct tb_server_options
static const struct tb_setting server_rows[] = {
	{ NUMBER(SERVER, workers, 1, 1024),
	  .doc = "Threads that run what may wait for the store." },
	{ NUMBER(SERVER, queue_max, 1, 1000000),
	  .doc = "Requests that wait for such a thread; over it 503." },
	{ NUMBER(SERVER, connections_max, 1, 1000000),
	  .doc = "Connections open at once." },
	{ NUMBER(SERVER, idle_timeout_s, 1, 86400),
	  .doc = "A connection is closed after so long without a request." },
	{ NUMBER(SERVER, request_timeout_s, 1, 86400),
	  .doc = "How long a client may take to send one request." },
	{ NUMBER(SERVER, body_small_bytes, KIB, 16 * MIB),
	  .doc = "Ceiling of bodies that are never large, as a login's." },
	{ NUMBER(SERVER, body_max_bytes, 64 * KIB, 2 * GIB),
	  .doc = "Ceiling of a pushed body, counted after decompression." },
	{ NUMBER(SERVER, memory_max_bytes, MIB, 1024 * GIB),
	  .doc = "Ceiling of all bodies in flight together; over it 503." },
	{ NUMBER(SERVER, drain_timeout_ms, 0, 3600000),
	  .doc = "How long running requests may take to end at a stop." },
	{ .name = "cors_origins",
	  LIST(SERVER, origins, tb_check_origin,
	       "an origin, as https://app.example.org"),
	  .is_reloadable = true,
	  .doc = "Origins whose pages may call. None are by default." },
	{ .name = "trusted_proxies",
	  LIST(SERVER, trusted_proxies, tb_check_cidr,
	       "an address range, as 10.0.0.0/8"),
	  .is_reloadable = true,
	  .doc = "Proxies whose word for the client's address is taken." },
};
#undef SERVER

static const struct tb_setting store_program_rows[] = {
	{ .name = "engine",
	  TEXT(struct tb_program_options, store_engine, tb_check_store_engine,
	       "a store that this program was built with, as sqlite"),
	  .doc = "What keeps the records." },
};

#define ENGINE struct tb_engine_options
static const struct tb_setting store_rows[] = {
	{ .name = "readers_max",
	  .kind = TB_SETTING_NUMBER,
	  TB_SETTING_AT(ENGINE, at.readers_max),
	  .min = 1,
	  .max = 4096,
	  .doc = "Snapshots open at once." },
	{ .name = "busy_timeout_ms",
	  .kind = TB_SETTING_NUMBER,
	  TB_SETTING_AT(ENGINE, at.busy_timeout_ms),
	  .min = 1,
	  .max = 600000,
	  .doc = "How long to wait for another process that writes." },
	{ NUMBER(ENGINE, group_max, 1, 65536),
	  .doc = "Commits that share one transaction." },
	{ NUMBER(ENGINE, weight_max, 1, 1000000),
	  .doc = "Changes in one transaction." },
	{ NUMBER(ENGINE, queue_max, 1, 1000000),
	  .doc = "Commits that wait for theirs; over it 503." },
};
#undef ENGINE

#define AUTH struct tb_auth_options
static const struct tb_setting auth_rows[] = {
	{ NUMBER(AUTH, token_life_s, 1, 31536000),
	  .doc = "How long a token is good that a command prints; each API has "
		 "its own setting for those that it issues." },
	{ NUMBER(AUTH, verified_max, 1, 100000000),
	  .doc = "Checked credentials kept in memory." },
	{ NUMBER(AUTH, verified_life_s, 1, 86400),
	  .doc = "How long a checked password is not checked again." },
	{ NUMBER(AUTH, failures_max, 1, 1000),
	  .doc = "Failed logins in a row before a user is locked for the "
		 "address they came from." },
	{ NUMBER(AUTH, lock_s, 1, 31536000),
	  .doc = "How long that lock holds." },
	{ NUMBER(AUTH, site_delay_max_s, 0, 3600),
	  .doc = "Sites are slowed after failures, at most by this; never "
		 "locked." },
	{ NUMBER(AUTH, address_failures_max, 1, 1000000),
	  .doc = "Failed logins of one address in ten minutes, over all "
		 "names, before it is held back." },
	{ NUMBER(AUTH, argon2_mem_bytes, 8 * KIB, 4 * GIB),
	  .doc = "Memory that hashing a password takes." },
	{ NUMBER(AUTH, argon2_ops, 1, 64),
	  .doc = "Passes that hashing a password makes." },
};
#undef AUTH

static const struct tb_setting sites_rows[] = {
	{ NUMBER(struct tb_program_options, absence_max_days, 1, 36500),
	  .doc = "A site away for longer starts over when it comes back." },
	{ .name = "accept_unknown_tables",
	  .kind = TB_SETTING_FLAG,
	  TB_SETTING_AT(struct tb_program_options, accept_unknown_tables),
	  .doc = "Keep pushed records of tables that are not declared below, "
		 "for the site that pushed them; else they are "
		 "quarantined." },
};

/* A table of the program: its section, rows, and where its struct is. */
#define TABLE(name, array, initial)                                            \
	{                                                                      \
		.section = (name), .rows = (array),                            \
		.n_rows = TB_ARRAY_LEN(array), .defaults = (initial),          \
		.size = sizeof(*(initial))                                     \
	}

static const struct {
	struct tb_settings settings;
	size_t offset; /* of the struct in struct tb_config */
} tables[] = {
	{ TABLE("", top_program_rows, &program_defaults),
	  offsetof(struct tb_config, program) },
	{ TABLE("", top_server_rows, &tb_server_default_options),
	  offsetof(struct tb_config, server) },
	{ TABLE("log", log_rows, &program_defaults),
	  offsetof(struct tb_config, program) },
	{ TABLE("server", server_rows, &tb_server_default_options),
	  offsetof(struct tb_config, server) },
	{ TABLE("store", store_program_rows, &program_defaults),
	  offsetof(struct tb_config, program) },
	{ TABLE("store", store_rows, &tb_engine_default_options),
	  offsetof(struct tb_config, engine) },
	{ TABLE("auth", auth_rows, &tb_auth_default_options),
	  offsetof(struct tb_config, auth) },
	{ TABLE("sites", sites_rows, &program_defaults),
	  offsetof(struct tb_config, program) },
};

_Static_assert(TB_ARRAY_LEN(tables) + TB_API_MODULES_MAX <=
		       TB_SETTINGS_PLACES_MAX,
	       "raise TB_SETTINGS_PLACES_MAX");

size_t tb_settings_places(struct tb_config *config,
			  struct tb_settings_place *rets)
{
	size_t n = 0;

	for (size_t i = 0; i < TB_ARRAY_LEN(tables); i++) {
		rets[n++] = (struct tb_settings_place) {
			&tables[i].settings,
			(char *)config + tables[i].offset,
		};
	}
	for (size_t i = 0; i < tb_api_modules_count; i++) {
		if (!tb_api_modules[i]->settings)
			continue;
		rets[n++] = (struct tb_settings_place) {
			tb_api_modules[i]->settings,
			config->api[i],
		};
	}
	return n;
}

enum tb_err tb_settings_init(struct tb_config *config)
{
	const struct tb_settings *settings;

	config->program = program_defaults;
	config->server = tb_server_default_options;
	config->engine = tb_engine_default_options;
	config->auth = tb_auth_default_options;
	for (size_t i = 0; i < tb_api_modules_count; i++) {
		settings = tb_api_modules[i]->settings;
		if (!settings)
			continue;
		config->api[i] = tb_arena_alloc(config->arena, settings->size);
		if (!config->api[i])
			return TB_ERR_NOMEM;
		memcpy(config->api[i], settings->defaults, settings->size);
	}
	return TB_OK;
}

enum tb_err tb_settings_locate(struct tb_config *config, struct tb_str section,
			       struct tb_str name,
			       const struct tb_setting **ret_setting,
			       void **ret_options)
{
	struct tb_settings_place places[TB_SETTINGS_PLACES_MAX];
	size_t n = tb_settings_places(config, places);
	const struct tb_setting *setting;

	for (size_t i = 0; i < n; i++) {
		if (!tb_str_eq(tb_str_z(places[i].settings->section), section))
			continue;
		setting = tb_settings_find(places[i].settings, name);
		if (!setting)
			continue;
		*ret_setting = setting;
		*ret_options = places[i].options;
		return TB_OK;
	}
	return TB_ERR_NOT_FOUND;
}

bool tb_settings_has_section(struct tb_config *config, struct tb_str section)
{
	struct tb_settings_place places[TB_SETTINGS_PLACES_MAX];
	size_t n = tb_settings_places(config, places);

	for (size_t i = 0; i < n; i++) {
		if (tb_str_eq(tb_str_z(places[i].settings->section), section))
			return true;
	}
	return false;
}

void tb_settings_put_key(struct tb_buf *buf, const struct tb_settings *settings,
			 const struct tb_setting *setting)
{
	tb_buf_append_z(buf, settings->section);
	if (settings->section[0])
		tb_buf_append_char(buf, '.');
	tb_buf_append_z(buf, setting->name);
}

void tb_settings_put_variable(struct tb_buf *buf,
			      const struct tb_settings *settings,
			      const struct tb_setting *setting)
{
	size_t from = buf->n;

	tb_buf_append_z(buf, "TOMBOLO_");
	tb_settings_put_key(buf, settings, setting);
	if (tb_buf_err(buf))
		return;
	for (size_t i = from; i < buf->n; i++) {
		buf->p[i] = buf->p[i] == '.'
				    ? '_'
				    : (char)toupper((unsigned char)buf->p[i]);
	}
}
