/*
 * `tombolo serve`: the life of the server, from its configuration to the
 * signal that ends it. What is started is stopped in the opposite order.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/jobs/jobs.h"
#include "api/ops/demo.h"
#include "api/resources/resources.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/data.h"
#include "app/demo.h"
#include "app/demo_source.h"
#include "app/log.h"
#include "app/redeclare.h"
#include "app/upkeep.h"
#include "app/wiring.h"
#include "base/assert.h"
#include "engine/engine.h"
#include "jobs/runner.h"

#define TEXT_MAX_BYTES (64 * 1024)
#define PROBLEM_MAX_BYTES 1024
/* glibc would take eight for each core. */
#define HEAPS_MAX 2
#define DAY_US (86400 * 1000000ll)

struct serving {
	const struct tb_cli *cli;
	bool is_demo;
	struct tb_config *config;
	struct tb_config *reloaded; /* the last one that HUP read, or NULL */
	struct tb_log log;
	int lock_fd;
	struct tb_engine *engine;
	struct tb_keys *keys;
	struct tb_auth *auth;
	struct tb_wiring wiring;
	struct tb_upkeep *upkeep;
	struct tb_server *server;
	struct tb_control *control;
	struct tb_runner *runner;
	struct tb_demo_shop *shop; /* the demo's, or NULL */
	const char *shop_url;
};

static void on_access(void *ctx, const struct tb_access *access)
{
	struct serving *serving = ctx;

	tb_log_access(&serving->log, tb_log_now_us(), access);
	tb_upkeep_count(serving->upkeep, access);
}

static void log_error(struct serving *serving, const char *what,
		      enum tb_err err)
{
	tb_log_text(&serving->log, TB_LOG_ERROR, what, "error",
		    tb_str_z(tb_err_text(err)));
}

/* Takes over what commands beside the server have changed. */
static void on_refresh(void *ctx, bool asked)
{
	struct serving *serving = ctx;
	enum tb_err err = tb_engine_refresh(serving->engine);

	if (!err)
		err = tb_engine_maintain(serving->engine);
	if (!err && asked)
		err = tb_keys_reload(serving->keys);
	/* Who asks may want to read what is only known here so far. */
	if (asked)
		tb_wiring_upkeep(&serving->wiring);
	if (err)
		log_error(serving, "changes of others were not read", err);
}

/* What the program decides, whatever the file says. */
static enum tb_err adapt_config(struct serving *serving,
				struct tb_config *config)
{
	enum tb_err err = TB_OK;

	config->engine.writer = true;
	config->engine.at.create = serving->is_demo;
	config->server.loopback_only = serving->is_demo;
	config->server.on_access = on_access;
	config->server.on_access_ctx = serving;
	if (serving->is_demo)
		err = tb_demo_apply_declaration(config);
	if (!err && serving->shop)
		err = tb_demo_add_source(config, serving->shop_url);
	return err;
}

/* What an API would not serve, or not there. */
static enum tb_exit check_options(const struct tb_config *config)
{
	const struct tb_api_module *module;
	const char *refusal;

	for (size_t i = 0; i < tb_api_modules_count; i++) {
		module = tb_api_modules[i];
		refusal = module->refusal
				  ? module->refusal(config->api[i],
						    config->server.listen)
				  : NULL;
		if (refusal)
			return tb_fail(TB_ERR_DENIED, "%s", refusal);
	}
	return TB_EXIT_OK;
}

static enum tb_exit load_config(struct serving *serving)
{
	enum tb_exit exit =
		tb_session_open_config(serving->cli, &serving->config);
	enum tb_err err;

	if (exit)
		return exit;
	err = adapt_config(serving, serving->config);
	if (err)
		return tb_fail(err, "the demo's collections");
	tb_log_init(&serving->log, STDERR_FILENO,
		    (enum tb_log_level)serving->config->program.log_level);
	if (serving->is_demo &&
	    !tb_demo_may_listen(serving->config->server.listen))
		return tb_fail(TB_ERR_DENIED,
			       "--demo listens on loopback only, not on `%s`",
			       serving->config->server.listen);
	return check_options(serving->config);
}

/* The folder is this server's alone, and what is in it may be served. */
static enum tb_exit take_data(struct serving *serving)
{
	const char *data = serving->config->program.data;
	enum tb_data_state state;
	const char *refusal;
	enum tb_err err = tb_data_look(serving->config, &state);

	if (err)
		return tb_fail(err, "data in `%s`", data);
	refusal = tb_demo_refusal(serving->is_demo, state);
	if (refusal) {
		fprintf(stderr, "tombolo: `%s`: %s\n", data, refusal);
		return TB_EXIT_UNAVAILABLE;
	}
	err = serving->is_demo ? tb_data_prepare(data) : TB_OK;
	if (!err)
		err = tb_data_lock(data, &serving->lock_fd);
	if (err == TB_ERR_BUSY)
		return tb_fail(err, "another server runs on `%s`", data);
	return err ? tb_fail(err, "data in `%s`", data) : TB_EXIT_OK;
}

/* What is no HTTP request, but is on the audit trail like one. */
static void on_count(void *ctx, uint32_t org, struct tb_str principal,
		     const char *operation, unsigned status)
{
	struct serving *serving = ctx;

	tb_upkeep_add(serving->upkeep, org, principal, tb_str_z(operation),
		      status);
}

static enum tb_err open_keys(struct serving *serving)
{
	struct tb_str path;
	enum tb_err err = tb_data_keys_path(
		serving->config->arena, serving->config->program.data, &path);

	return err ? err : tb_keys_open(path.p, &serving->keys);
}

/* Each connection is a descriptor, and each reader of the store has some: what
 * the system lets this process have is taken. Less serves fewer at once. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
}

/* The parts of answers are made by many threads and dropped by others. In
 * glibc's heaps, one for each few threads, they would leave holes, which are
 * memory that nobody has and nobody gets; few heaps have few. (A mapping for
 * each part has none, and costs a fault for each page of it: a fifth of the
 * time of a pull.) Without it, more is taken. */
static void keep_heaps_few(void)
{
	(void)!mallopt(M_ARENA_MAX, HEAPS_MAX);
}

static void log_redeclared(void *ctx, bool is_mistake, const char *text)
{
	struct serving *serving = ctx;

	tb_log_text(&serving->log, is_mistake ? TB_LOG_ERROR : TB_LOG_INFO,
		    "collections", is_mistake ? "error" : "done",
		    tb_str_z(text));
}

static enum tb_exit wire(struct serving *serving, struct tb_api_env *env)
{
	char text[PROBLEM_MAX_BYTES];
	struct tb_buf problem;
	enum tb_err err;

	tb_buf_init_fixed(&problem, text, sizeof(text));
	env->core = tb_engine_core(serving->engine);
	env->auth = serving->auth;
	env->problem = &problem;
	err = tb_wiring_init(&serving->wiring, serving->config, env);
	if (!err)
		return TB_EXIT_OK;
	if (problem.n == 0)
		return tb_fail(err, "start");
	return tb_fail(err, "%.*s", TB_STR_ARG(tb_buf_str(&problem)));
}

/* What the demo has besides a store: records, and a shop that jobs read. */
static enum tb_err make_demo(struct serving *serving)
{
	struct tb_config *config = serving->config;
	struct tb_str text;
	struct tb_buf url;
	enum tb_err err = tb_demo_fill(config, tb_engine_core(serving->engine));

	if (!err)
		err = tb_demo_start_shop(config, &serving->shop);
	if (err)
		return err;
	tb_buf_init(&url, TEXT_MAX_BYTES);
	tb_demo_shop_put_url(&url, serving->shop);
	err = tb_buf_copy_out(&url, config->arena, &text);
	if (err)
		return err;
	serving->shop_url = text.p;
	return tb_demo_add_source(config, text.p);
}

/* Everything below the HTTP server. */
static enum tb_exit start_inside(struct serving *serving)
{
	struct tb_config *config = serving->config;
	struct tb_api_env env = {
		.sources = &config->sources,
		.data = config->program.data,
		.listen = config->server.listen,
		.count = on_count,
		.count_ctx = serving,
		.is_demo = serving->is_demo,
	};
	enum tb_err err = tb_engine_open(&config->engine, &serving->engine);

	if (err)
		return tb_fail(err, "store in `%s`", config->program.data);
	err = open_keys(serving);
	if (err)
		return tb_fail(err, "keys in `%s`", config->program.data);
	if (serving->is_demo)
		err = make_demo(serving);
	if (err)
		return tb_fail(err, "the demo");
	err = tb_redeclare(config, tb_engine_core(serving->engine),
			   log_redeclared, serving);
	if (err)
		return tb_fail(err, "the collections as they are declared");
	err = tb_auth_create(tb_engine_core(serving->engine), serving->keys,
			     &config->auth, &serving->auth);
	return err ? tb_fail(err, "start") : wire(serving, &env);
}

static int64_t deleted_us(const struct tb_config *config)
{
	return tb_resources_deleted_us(
		tb_config_api(config, &tb_resources_module));
}

static void log_job(void *ctx, const char *text)
{
	struct serving *serving = ctx;

	tb_log_text(&serving->log, TB_LOG_WARN, "job", "reason",
		    tb_str_z(text));
}

static enum tb_exit start_runner(struct serving *serving)
{
	struct tb_config *config = serving->config;
	const struct tb_jobs_options *options =
		tb_config_api(config, &tb_jobs_module);
	enum tb_err err = tb_runner_start(tb_engine_core(serving->engine),
					  &config->sources, &options->runner,
					  log_job, serving, &serving->runner);

	return err ? tb_fail(err, "start to run jobs") : TB_EXIT_OK;
}

/* What runs on threads of its own. Once the HTTP server listens, everything is
 * there but who runs jobs: a server that did not start has begun none. */
static enum tb_exit start_threads(struct serving *serving)
{
	struct tb_config *config = serving->config;
	struct tb_upkeep_options upkeep = {
		.engine = serving->engine,
		.keys = serving->keys,
		.log = &serving->log,
		.wiring = &serving->wiring,
		.ages = {
			.absence_us = config->program.absence_max_days * DAY_US,
			.deleted_us = deleted_us(config),
		},
		.audit_keep_us = config->program.audit_keep_days * DAY_US,
	};
	enum tb_err err = tb_log_start(&serving->log);

	if (!err)
		err = tb_upkeep_start(&upkeep, &serving->upkeep);
	if (!err)
		err = tb_control_start(config->program.data, on_refresh,
				       serving, &serving->control);
	if (err)
		return tb_fail(err, "start in `%s`", config->program.data);
	err = tb_server_start(&config->server, serving->auth,
			      serving->wiring.mounts, serving->wiring.n,
			      &serving->server);
	if (err)
		return tb_fail(err, "listen on `%s`", config->server.listen);
	return start_runner(serving);
}

static void stop(struct serving *serving)
{
	/* Jobs go on at the next start; nobody waits for them. */
	tb_runner_stop(serving->runner);
	tb_wiring_quiesce(&serving->wiring);
	tb_server_stop(serving->server);
	tb_demo_shop_stop(serving->shop);
	tb_control_stop(serving->control);
	tb_upkeep_stop(serving->upkeep);
	tb_wiring_fini(&serving->wiring);
	tb_auth_destroy(serving->auth);
	tb_keys_destroy(serving->keys);
	tb_engine_close(serving->engine);
	tb_log_stop(&serving->log);
	if (serving->lock_fd >= 0)
		close(serving->lock_fd);
	tb_config_destroy(serving->reloaded);
	tb_config_destroy(serving->config);
}

/* What a person at the terminal is told of the demo. */
static void put_demo(struct tb_buf *buf, struct tb_str base)
{
	tb_buf_printf(buf,
		      "Tombolo's demo is at %.*s/\n\n"
		      "Its accounts, all of them public:\n",
		      TB_STR_ARG(base));
	for (size_t i = 0; i < tb_demo_accounts_count; i++)
		tb_buf_printf(
			buf, "  %-10s %-20s %s\n", tb_demo_accounts[i].username,
			tb_demo_accounts[i].password, tb_demo_accounts[i].what);
	tb_buf_append_z(buf, "\nTo try:\n");
	for (size_t i = 0; i < tb_demo_lines_count; i++) {
		tb_buf_printf(buf, "  # %s\n  ", tb_demo_lines[i].what);
		tb_demo_put_line(buf, &tb_demo_lines[i], base);
		tb_buf_append_char(buf, '\n');
	}
	tb_buf_append_z(buf, "\nCtrl-C ends it.\n");
}

static void announce(struct serving *serving)
{
	struct tb_buf base;
	struct tb_buf text;

	tb_buf_init(&base, TEXT_MAX_BYTES);
	tb_buf_init(&text, TEXT_MAX_BYTES);
	tb_server_put_url(&base, serving->server);
	if (serving->is_demo)
		put_demo(&text, tb_buf_str(&base));
	tb_log_text(&serving->log, TB_LOG_INFO, "serving", "address",
		    tb_buf_str(&base));
	if (serving->shop)
		tb_log_text(&serving->log, TB_LOG_INFO, "shop of the demo",
			    "address", tb_str_z(serving->shop_url));
	/* Nobody has to be there to read it. */
	if (text.n > 0)
		(void)!fwrite(text.p, 1, text.n, stdout);
	(void)!fflush(stdout);
	tb_buf_fini(&text);
	tb_buf_fini(&base);
}

static void log_report(void *ctx, const char *text)
{
	struct serving *serving = ctx;

	tb_log_text(&serving->log, TB_LOG_ERROR, "configuration", "error",
		    tb_str_z(text));
}

static void log_difference(void *ctx, const char *key, bool is_reloadable)
{
	struct serving *serving = ctx;

	tb_log_text(&serving->log, is_reloadable ? TB_LOG_INFO : TB_LOG_WARN,
		    is_reloadable ? "setting reloaded"
				  : "setting needs a restart",
		    "setting", tb_str_z(key));
}

/* Takes over what can be changed in a server that runs. */
static enum tb_err apply_config(struct serving *serving,
				struct tb_config *config)
{
	const struct tb_config *current =
		serving->reloaded ? serving->reloaded : serving->config;
	enum tb_err err;

	err = adapt_config(serving, config);
	if (!err)
		err = tb_server_reload(serving->server, &config->server);
	if (err)
		return err;
	tb_log_set_level(&serving->log,
			 (enum tb_log_level)config->program.log_level);
	return tb_config_compare(current, config, log_difference, serving);
}

static void reload(struct serving *serving)
{
	struct tb_config *config;
	enum tb_err err = tb_keys_reload(serving->keys);

	if (err)
		log_error(serving, "the keys were not reloaded", err);
	err = tb_session_load_config(serving->cli, log_report, serving,
				     &config);
	if (err) {
		log_error(serving, "the configuration stays as it was", err);
		return;
	}
	err = apply_config(serving, config);
	if (err)
		log_error(serving, "the configuration was not taken over", err);
	/* The server may borrow from the new one, and no more from the one
	 * before. */
	tb_config_destroy(serving->reloaded);
	serving->reloaded = config;
}

static void set_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGHUP);
	/* Blocked before any thread is there, so that all of them inherit it
	 * and the signals wait for sigwait. */
	pthread_sigmask(SIG_BLOCK, ret, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A file at its limit is as a disk that is full. */
	signal(SIGXFSZ, SIG_IGN);
}

/* Serves until a signal ends it. */
static void wait_for_end(struct serving *serving, const sigset_t *signals)
{
	sigset_t again = *signals;
	int sig;

	while (!sigwait(signals, &sig) && sig == SIGHUP)
		reload(serving);
	tb_log_text(&serving->log, TB_LOG_INFO, "stopping", "signal",
		    tb_str_z(sig == SIGINT ? "INT" : "TERM"));
	/* A second one does not wait for what still runs. */
	sigdelset(&again, SIGHUP);
	pthread_sigmask(SIG_UNBLOCK, &again, NULL);
}

enum tb_exit tb_cmd_serve(const struct tb_cli *cli)
{
	struct serving serving = {
		.cli = cli,
		.is_demo = tb_cli_has(cli, TB_OPT_DEMO),
		.lock_fd = -1,
	};
	enum tb_exit exit;
	sigset_t signals;

	set_signals(&signals);
	raise_descriptors();
	keep_heaps_few();
	exit = load_config(&serving);
	if (!exit)
		exit = take_data(&serving);
	if (!exit)
		exit = start_inside(&serving);
	if (!exit)
		exit = start_threads(&serving);
	if (!exit) {
		announce(&serving);
		wait_for_end(&serving, &signals);
	}
	stop(&serving);
	return exit;
}
