/*
 * What a command works in: the configuration and the store, opened beside a
 * server that may be running, and told of what changed when the command is
 * done. One thread; commits run inline.
 */
#ifndef TB_APP_SESSION_H
#define TB_APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "app/cli.h"
#include "app/config.h"
#include "base/arena.h"
#include "kernel/audit.h"
#include "kernel/core.h"

struct tb_session {
	const struct tb_cli *cli;
	struct tb_config *config;
	struct tb_engine *engine;
	struct tb_core *core;
	struct tb_arena *arena;
	struct tb_str command; /* as it is noted; empty: not made yet */
};

/* Loads the configuration, as the options say. */
enum tb_err tb_session_load_config(const struct tb_cli *cli,
				   tb_config_report_fn *report, void *ctx,
				   struct tb_config **ret) tb_must_check;
/* The same; what is wrong goes to standard error. */
enum tb_exit tb_session_open_config(const struct tb_cli *cli,
				    struct tb_config **ret);
/* Opens, runs the command's `act`, closes, tells the server. */
enum tb_exit tb_session_run(const struct tb_cli *cli);

/* Prints "tombolo: <what>: <the error's text>" and gives its exit code. */
enum tb_exit tb_fail(enum tb_err err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints "tombolo: <what>" for a command line that cannot be carried out. */
enum tb_exit tb_fail_usage(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
/* Writes bytes to standard output; what cannot be written fails. */
enum tb_exit tb_print(const struct tb_buf *buf);

/* Who and what, for the audit trail: "admin", the operation, "cli", and the
 * command line. */
enum tb_err tb_session_note(struct tb_session *session, const char *operation,
			    struct tb_audit_note *ret) tb_must_check;

/* The org of --org, or the only one there is. Says what is wrong. */
enum tb_exit tb_session_org(struct tb_session *session, struct tb_org *ret);
/* The orgs that a list is over, in turn: --org's alone, or all. `*ret` is
 * given back at the next call, zeroed at the first. NOT_FOUND behind the
 * last. That the org of --org is there has been looked at before. */
enum tb_err tb_session_next_org(struct tb_session *session,
				struct tb_org *org) tb_must_check;

#endif
