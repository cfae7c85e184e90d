/*
 * The configuration: one YAML file, over it the environment, over it the
 * command line; what none of them says has its default. Every mistake is
 * reported with file, line, key and what was expected. Immutable once loaded;
 * everything in it lives as long as it does.
 */
#ifndef TB_APP_CONFIG_H
#define TB_APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "auth/auth.h"
#include "base/buf.h"
#include "engine/engine.h"
#include "http/server.h"
#include "jobs/source.h"
#include "kernel/declaration.h"

/* What is the program's own, not one library's. */
struct tb_program_options {
	const char *data;         /* folder */
	const char *store_engine; /* a name in stores.def */
	unsigned log_level;       /* enum tb_log_level */
	uint32_t absence_max_days;
	uint32_t audit_keep_days; /* 0: for ever */
	bool accept_unknown_tables;
};

struct tb_config {
	struct tb_arena *arena;
	struct tb_program_options program;
	struct tb_engine_options engine;
	struct tb_server_options server;
	struct tb_auth_options auth;
	void *api[TB_API_MODULES_MAX]; /* options, as tb_api_modules */
	struct tb_declaration declaration;
	/* The file that declares them, and on which line each; NULL: none. */
	const char *declared_in;
	const size_t *declared_lines;
	struct tb_sources sources; /* what jobs can reach */
};

/* Where the values come from besides the file. */
struct tb_config_source {
	const char *path;       /* the file; NULL: none */
	struct tb_str preset;   /* settings below all others, as a file has
				 * them; p NULL: none */
	const char *const *env; /* "NAME=value", NULL-ended; NULL: none */
	const char *data;       /* of the command line; NULL: not given */
	const char *listen;     /* likewise */
};

/* Told of each mistake: one line without a line end ("tombolo.yaml:12:
 * server.workers: expected a whole number from 1 to 1024"). */
typedef void tb_config_report_fn(void *ctx, const char *text);

/* INVALID: mistakes, all reported. NOT_FOUND, IO: the file, reported too. */
enum tb_err tb_config_load(const struct tb_config_source *source,
			   tb_config_report_fn *report, void *report_ctx,
			   struct tb_config **ret) tb_must_check;
/* Takes over the collections of another configuration's text, and those of its
 * settings in a section that have their defaults so far; what else it says is
 * not read. INVALID: mistakes. */
enum tb_err tb_config_adopt(struct tb_config *config, struct tb_str text,
			    struct tb_str section) tb_must_check;
/* The options of an API. */
const void *tb_config_api(const struct tb_config *config,
			  const struct tb_api_module *module);
/* Takes NULL. */
void tb_config_destroy(struct tb_config *config);

/* Appends the whole configuration as YAML, each setting under its comment,
 * so that it can be loaded again. */
void tb_config_put(struct tb_buf *buf, const struct tb_config *config);

/* Names the settings in which two configurations differ. */
typedef void tb_config_differ_fn(void *ctx, const char *key,
				 bool is_reloadable);
enum tb_err tb_config_compare(const struct tb_config *a,
			      const struct tb_config *b,
			      tb_config_differ_fn *differ,
			      void *ctx) tb_must_check;

#endif
