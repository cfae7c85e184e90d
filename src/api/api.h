/*
 * What an API's folder gives to the program: its routes, its settings, and
 * how its state is made. The folders are listed in apis.def, a line each; the
 * build, the configuration and the server are made from that list.
 */
#ifndef TB_API_API_H
#define TB_API_API_H

#include <stdbool.h>

#include "api/setting.h"
#include "auth/auth.h"
#include "http/route.h"
#include "kernel/core.h"

/* What an API may use; borrowed, outlives the state. */
struct tb_api_env {
	struct tb_core *core;
	struct tb_auth *auth;
	const void *options; /* the struct that its settings describe */
	const char *data;    /* folder of the data */
	bool is_demo;
};

struct tb_api_module {
	const struct tb_api *api;
	const struct tb_settings *settings; /* NULL: it has none */
	/* Makes the state that handlers get. NULL: it needs none. */
	enum tb_err (*create)(const struct tb_api_env *env, void **ret_state);
	void (*destroy)(void *state); /* takes NULL */
	/* Called about once a minute and once before destroy, on a thread
	 * that serves no request; may commit. Thread-safe. NULL: nothing to do.
	 */
	void (*upkeep)(void *state);
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
