/*
 * The command line: a table of commands and one of options, and what was made
 * of the arguments. Help is printed from the same tables. Parsing is pure.
 */
#ifndef TB_APP_CLI_H
#define TB_APP_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Exit codes, documented by `tombolo --help`. */
enum tb_exit {
	TB_EXIT_OK = 0,
	TB_EXIT_FAILED = 1,
	TB_EXIT_USAGE = 2,
	TB_EXIT_CONFIG = 3,
	TB_EXIT_UNAVAILABLE = 4,
	TB_EXIT_NOT_FOUND = 5,
	TB_EXIT_REFUSED = 6,
	TB_EXIT_DAMAGED = 7,
};

/* The code for an error. */
enum tb_exit tb_exit_of(enum tb_err err);

enum tb_option_id {
	TB_OPT_HELP,
	TB_OPT_CONFIG,
	TB_OPT_DATA,
	TB_OPT_LISTEN,
	TB_OPT_DEMO,
	TB_OPT_ORG,
	TB_OPT_TITLE,
	TB_OPT_ADMIN_NAME,
	TB_OPT_ADMIN,
	TB_OPT_NAME,
	TB_OPT_ID,
	TB_OPT_UUID,
	TB_OPT_CODE,
	TB_OPT_STORE,
	TB_OPT_ROLE,
	TB_OPT_PROFILE,
	TB_OPT_EMAIL,
	TB_OPT_FIRST_NAME,
	TB_OPT_LAST_NAME,
	TB_OPT_SITE,
	TB_OPT_EDIT_CENTRAL,
	TB_OPT_PASSWORD_FILE,
	TB_OPT_FROM,
	TB_OPT_PASSWORDS_TO,
	TB_OPT_TABLE,
	TB_OPT_ALL,
	TB_OPT_TAKE,
	TB_OPT_DEVICE,
	TB_OPT_EVENT_TYPE,
	TB_OPT_SINCE,
	TB_OPT_UNTIL,
	TB_OPT_BEFORE,
	TB_OPT_LIMIT,
	TB_OPT_SEALS,
	TB_OPT_PRODUCTS,
	TB_OPT_TOKEN,
	TB_OPT_TOKEN_FILE,
	TB_OPT_STATUS,
	TB_OPT_COUNT,
};

/* For the masks of commands. */
#define TB_OPT(id) (1ull << TB_OPT_##id)

struct tb_cli;
struct tb_session;

/* A command does its work in `run`, or, when it needs the store, in `act`,
 * within a session (app/session.h) that is opened for it. */
struct tb_command {
	const char *name; /* "serve", "site add" */
	const char *args; /* "NAME", or "" */
	size_t n_args_min;
	size_t n_args_max;
	uint64_t options;  /* TB_OPT(...) besides help, config and data */
	const char *help;  /* one line */
	const char *notes; /* more of it, or NULL */
	enum tb_exit (*run)(const struct tb_cli *cli);
	enum tb_exit (*act)(struct tb_session *session);
	bool makes_store; /* `act` starts from nothing */
	bool only_reads;  /* a server need not be told afterwards */
};

extern const struct tb_command tb_commands[];
extern const size_t tb_commands_count;

#define TB_CLI_ARGS_MAX 4
#define TB_CLI_GIVEN_MAX 256

struct tb_cli {
	const struct tb_command *commands; /* the table it was parsed with */
	size_t n_commands;
	const struct tb_command *command; /* NULL: only help was asked */
	char group[32]; /* the words so far ("site"), for help on them */
	const char *args[TB_CLI_ARGS_MAX];
	size_t n_args;
	struct {
		enum tb_option_id id;
		const char *value;
	} given[TB_CLI_GIVEN_MAX];
	size_t n_given;
	char problem[256]; /* why parsing failed */
};

/* Borrows argv. INVALID: `problem` says why; the rest tells how far it came.
 */
enum tb_err tb_cli_parse(const struct tb_command *commands, size_t n_commands,
			 int argc, char *const *argv,
			 struct tb_cli *ret) tb_must_check;

/* True if an option was given. */
bool tb_cli_has(const struct tb_cli *cli, enum tb_option_id id);
/* An option's value (the last one counts), or NULL. */
const char *tb_cli_value(const struct tb_cli *cli, enum tb_option_id id);
/* The values of an option that may be repeated: `i` from 0; NULL behind the
 * last. */
const char *tb_cli_next_value(const struct tb_cli *cli, enum tb_option_id id,
			      size_t *i);

/* Appends the command as a JSON array of its words, arguments and options, but
 * for those that say where the store is. */
void tb_cli_put_line(struct tb_buf *buf, const struct tb_cli *cli);

/* Appends the help that was asked for: of the command, of the group of
 * commands, or of all. */
void tb_cli_put_help(struct tb_buf *buf, const struct tb_cli *cli);

#endif
