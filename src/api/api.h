/*
 * What an API's folder gives to the program: its routes, its settings, and
 * how its state is made. The folders are listed in apis.def, a line each; the
 * build, the configuration and the server are made from that list.
 */
#ifndef TB_API_API_H
#define TB_API_API_H

#include <stdbool.h>

#include "api/follow.h"
#include "api/setting.h"
#include "auth/auth.h"
#include "http/route.h"
#include "kernel/core.h"

struct tb_mount;
struct tb_api_module;
struct tb_sources;

/* Everything that can be followed: the modules beside their states. Filled
 * when all states are made; not to be looked at before the first request. */
struct tb_follows {
	const struct tb_api_module *const *modules;
	const struct tb_mount *mounts;
	size_t n;
};

/* What an API may use; borrowed, outlives the state. */
struct tb_api_env {
	struct tb_core *core;
	struct tb_auth *auth;
	const void *options; /* the struct that its settings describe */
	const char *data;    /* folder of the data */
	const char *listen;  /* where the server will listen */
	const struct tb_follows *follows;
	const struct tb_sources *sources; /* that jobs can reach */
	/* Adds to the sums of the audit trail what is no HTTP request. */
	void (*count)(void *ctx, uint32_t org, struct tb_str principal,
		      const char *operation, unsigned status);
	void *count_ctx;
	/* Where `create` may say why it failed, in words; NULL: nobody asks. */
	struct tb_buf *problem;
	bool is_demo;
};

struct tb_api_module {
	const struct tb_api *api;
	const struct tb_settings *settings; /* NULL: it has none */
	/* Why these options must not be served on this address, in a static
	 * text that says what to set; NULL: they may. Pure. NULL: they always
	 * may. */
	const char *(*refusal)(const void *options, const char *listen);
	/* Makes the state that handlers get. NULL: it needs none. */
	enum tb_err (*create)(const struct tb_api_env *env, void **ret_state);
	void (*destroy)(void *state); /* takes NULL */
	/* Called about once a minute and once before destroy, on a thread
	 * that serves no request; may commit. Thread-safe. NULL: nothing to do.
	 */
	void (*upkeep)(void *state);
	/* True if it is to answer this machine alone (struct tb_mount), in the
	 * state that create made. NULL: it answers everybody. */
	bool (*is_local)(const void *state);
	/* True if nobody calls without credentials (struct tb_mount). NULL: who
	 * may stands in the routes alone. */
	bool (*is_closed)(const void *state);
	/* The server is about to stop: answers those whose answer is awaited.
	 * NULL: nobody's is. */
	void (*quiesce)(void *state);
	/* Feeds and collections that can be followed live, and whether there
	 * may be something new. NULL: none. */
	tb_follow_fn *follow;
	tb_follow_peek_fn *follow_peek;
};

/* Each folder defines its own. */
#define TB_API(name) extern const struct tb_api_module tb_##name##_module;
#include "api/apis.def"
#undef TB_API

/* All of them, in the order of apis.def. */
extern const struct tb_api_module *const tb_api_modules[];
extern const size_t tb_api_modules_count;

#define TB_API_MODULES_MAX 16

#endif
