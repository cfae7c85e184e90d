#include "app/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/str.h"
#include "codec/json.h"

/* With the dashes in front of it. */
#define OPTION_MAX_BYTES 64

static const struct option {
	const char *name;
	const char *arg; /* NULL: a flag */
	const char *help;
} options[TB_OPT_COUNT] = {
	[TB_OPT_HELP] = { "help", NULL, "say how it is used" },
	[TB_OPT_CONFIG] = { "config", "FILE",
			    "the configuration (YAML); else TOMBOLO_CONFIG" },
	[TB_OPT_DATA] = { "data", "DIR", "the folder of the data" },
	[TB_OPT_LISTEN] = { "listen", "HOST:PORT", "where to listen" },
	[TB_OPT_DEMO] = { "demo", NULL, "serve the demo, on loopback only" },
	[TB_OPT_ORG] = { "org", "NAME",
			 "the org; may be left out if there is one" },
	[TB_OPT_TITLE] = { "title", "TEXT", "what people read" },
	[TB_OPT_ADMIN_NAME] = { "admin", "NAME", "the first administrator" },
	[TB_OPT_ADMIN] = { "admin", NULL, "make it an administrator" },
	[TB_OPT_NAME] = { "name", "TEXT", "what people read" },
	[TB_OPT_ID] = { "id", "ID", "the id" },
	[TB_OPT_UUID] = { "uuid", "UUID", "the user's uuid" },
	[TB_OPT_CODE] = { "code", "TEXT", "the site's code" },
	[TB_OPT_STORE] = { "store", "ID", "a store; may be repeated" },
	[TB_OPT_ROLE] = { "role", "ROLE", "a role; may be repeated" },
	[TB_OPT_PROFILE] = { "profile", "ID",
			     "the id of the record that the user is" },
	[TB_OPT_EMAIL] = { "email", "TEXT", "the email address" },
	[TB_OPT_FIRST_NAME] = { "first-name", "TEXT", "the first name" },
	[TB_OPT_LAST_NAME] = { "last-name", "TEXT", "the last name" },
	[TB_OPT_SITE] = { "site", "NAME", "a site, by its login name" },
	[TB_OPT_EDIT_CENTRAL] = { "edit-central", NULL,
				  "it may edit central data" },
	[TB_OPT_PASSWORD_FILE] = { "password-file", "FILE",
				   "take the password from this file's first "
				   "line, not from standard input" },
	[TB_OPT_FROM] = { "from", "FILE", "many, from a CSV file" },
	[TB_OPT_PASSWORDS_TO] = { "passwords-to", "FILE",
				  "a new file for the passwords made" },
	[TB_OPT_TABLE] = { "table", "NAME", "the record's table" },
	[TB_OPT_ALL] = { "all", NULL, "all of them" },
	[TB_OPT_TAKE] = { "take", "SIDE", "whose version: client or server" },
	[TB_OPT_DEVICE] = { "device", "ID", "of this device alone" },
	[TB_OPT_EVENT_TYPE] = { "event-type", "TYPE", "of this type alone" },
	[TB_OPT_SINCE] = { "since", "TIME", "not before this time" },
	[TB_OPT_UNTIL] = { "until", "TIME", "not after this time" },
	[TB_OPT_BEFORE] = { "before", "TIME", "those before this time" },
	[TB_OPT_LIMIT] = { "limit", "N", "at most so many" },
	[TB_OPT_SEALS] = { "seals", "FILE", "a log of the server" },
	[TB_OPT_PRODUCTS] = { "products", "N", "how many products it has" },
	[TB_OPT_TOKEN] = { "token", "TEXT", "the token that it asks for" },
	[TB_OPT_TOKEN_FILE] = { "token-file", "FILE",
				"take the token from this file's first line" },
	[TB_OPT_STATUS] = { "status", "STATUS", "of this status alone" },
};

#define ALWAYS (TB_OPT(HELP) | TB_OPT(CONFIG) | TB_OPT(DATA))

static const struct {
	enum tb_exit code;
	const char *text;
} exits[] = {
	{ TB_EXIT_OK, "done" },
	{ TB_EXIT_FAILED, "failed: input/output, memory, or a bug" },
	{ TB_EXIT_USAGE, "the command line is wrong" },
	{ TB_EXIT_CONFIG, "the configuration is wrong" },
	{ TB_EXIT_UNAVAILABLE, "the store is busy, locked, full, or missing" },
	{ TB_EXIT_NOT_FOUND, "what was named does not exist" },
	{ TB_EXIT_REFUSED, "refused: exists already, invalid, not permitted" },
	{ TB_EXIT_DAMAGED, "a check found damage" },
};

enum tb_exit tb_exit_of(enum tb_err err)
{
	switch (err) {
	case TB_ERR_OK:
		return TB_EXIT_OK;
	case TB_ERR_BUSY:
	case TB_ERR_TIMEOUT:
	case TB_ERR_CLOSED:
	case TB_ERR_FULL:
	case TB_ERR_NEWER:
		return TB_EXIT_UNAVAILABLE;
	case TB_ERR_NOT_FOUND:
		return TB_EXIT_NOT_FOUND;
	case TB_ERR_INVALID:
	case TB_ERR_TOO_LARGE:
	case TB_ERR_TOO_DEEP:
	case TB_ERR_EXISTS:
	case TB_ERR_CONFLICT:
	case TB_ERR_DENIED:
	case TB_ERR_UNAUTHENTICATED:
	case TB_ERR_RESYNC:
		return TB_EXIT_REFUSED;
	case TB_ERR_CORRUPT:
		return TB_EXIT_DAMAGED;
	default:
		return TB_EXIT_FAILED;
	}
}

/* The option of this name that the mask permits; COUNT when there is none. */
static enum tb_option_id find_option(struct tb_str name, uint64_t mask)
{
	for (unsigned id = 0; id < TB_OPT_COUNT; id++) {
		if ((mask >> id & 1) &&
		    tb_str_eq(name, tb_str_z(options[id].name)))
			return (enum tb_option_id)id;
	}
	return TB_OPT_COUNT;
}

static enum tb_err refuse(struct tb_cli *cli, const char *what,
			  struct tb_str which)
{
	snprintf(cli->problem, sizeof(cli->problem), "%s `%.*s`", what,
		 TB_STR_ARG(which));
	return TB_ERR_INVALID;
}

/* Takes "--name", "--name=value" or "--name value"; `next` is the argument
 * behind it or NULL, `*ret_used` how many were taken. */
static enum tb_err take_option(struct tb_cli *cli, const char *arg,
			       const char *next, int *ret_used)
{
	uint64_t mask = ALWAYS | (cli->command ? cli->command->options : 0);
	struct tb_str value = tb_str_z(arg + 2);
	struct tb_str name = tb_str_cut(&value, '=');
	enum tb_option_id id = find_option(name, mask);
	const char *text = value.p;
	int used = 1;

	if (id == TB_OPT_COUNT)
		return refuse(cli, "unknown option", tb_str_z(arg));
	if (!options[id].arg && text)
		return refuse(cli, "no value goes with", name);
	if (options[id].arg && !text) {
		if (!next)
			return refuse(cli, "a value must follow",
				      tb_str_z(arg));
		text = next;
		used = 2;
	}
	if (cli->n_given == TB_CLI_GIVEN_MAX)
		return refuse(cli, "too many options at", tb_str_z(arg));
	cli->given[cli->n_given].id = id;
	cli->given[cli->n_given].value = text;
	cli->n_given++;
	*ret_used = used;
	return TB_OK;
}

/* True if `name` is `words` or begins with them and a space. */
static bool is_below(const char *name, const char *words)
{
	size_t n = strlen(words);

	return strncmp(name, words, n) == 0 &&
	       (n == 0 || name[n] == '\0' || name[n] == ' ');
}

/* A word before the command is known: the next one of its name. */
static enum tb_err take_word(struct tb_cli *cli, const char *word)
{
	char words[sizeof(cli->group)];
	int n = snprintf(words, sizeof(words), "%s%s%s", cli->group,
			 cli->group[0] ? " " : "", word);
	bool is_group = false;

	if (n < 0 || (size_t)n >= sizeof(words))
		return refuse(cli, "unknown command", tb_str_z(word));
	for (size_t i = 0; i < cli->n_commands; i++) {
		if (strcmp(cli->commands[i].name, words) == 0)
			cli->command = &cli->commands[i];
		is_group |= is_below(cli->commands[i].name, words);
	}
	if (!is_group)
		return refuse(cli, "unknown command", tb_str_z(words));
	memcpy(cli->group, words, sizeof(words));
	return TB_OK;
}

static enum tb_err take_arg(struct tb_cli *cli, const char *arg)
{
	if (cli->n_args == cli->command->n_args_max)
		return refuse(cli, "unexpected", tb_str_z(arg));
	TB_ASSERT(cli->n_args < TB_CLI_ARGS_MAX);
	cli->args[cli->n_args++] = arg;
	return TB_OK;
}

static enum tb_err check_complete(struct tb_cli *cli)
{
	if (tb_cli_has(cli, TB_OPT_HELP))
		return TB_OK;
	if (!cli->command)
		return refuse(cli, "a command is missing behind",
			      cli->group[0] ? tb_str_z(cli->group)
					    : TB_STR("tombolo"));
	if (cli->n_args < cli->command->n_args_min)
		return refuse(cli, "missing", tb_str_z(cli->command->args));
	return TB_OK;
}

enum tb_err tb_cli_parse(const struct tb_command *commands, size_t n_commands,
			 int argc, char *const *argv, struct tb_cli *ret)
{
	bool only_args = false; /* behind "--" */
	enum tb_err err = TB_OK;
	int used;

	memset(ret, 0, sizeof(*ret));
	ret->commands = commands;
	ret->n_commands = n_commands;
	for (int i = 1; !err && i < argc; i += used) {
		used = 1;
		if (!only_args && strcmp(argv[i], "--") == 0)
			only_args = true;
		else if (!only_args && strcmp(argv[i], "-h") == 0)
			err = take_option(ret, "--help", NULL, &used);
		else if (!only_args && strncmp(argv[i], "--", 2) == 0)
			err = take_option(ret, argv[i],
					  i + 1 < argc ? argv[i + 1] : NULL,
					  &used);
		else if (ret->command)
			err = take_arg(ret, argv[i]);
		else
			err = take_word(ret, argv[i]);
	}
	return err ? err : check_complete(ret);
}

bool tb_cli_has(const struct tb_cli *cli, enum tb_option_id id)
{
	size_t i = 0;

	for (; i < cli->n_given; i++) {
		if (cli->given[i].id == id)
			return true;
	}
	return false;
}

const char *tb_cli_value(const struct tb_cli *cli, enum tb_option_id id)
{
	for (size_t i = cli->n_given; i > 0; i--) {
		if (cli->given[i - 1].id == id)
			return cli->given[i - 1].value;
	}
	return NULL;
}

const char *tb_cli_next_value(const struct tb_cli *cli, enum tb_option_id id,
			      size_t *i)
{
	for (; *i < cli->n_given; (*i)++) {
		if (cli->given[*i].id == id)
			return cli->given[(*i)++].value;
	}
	return NULL;
}

void tb_cli_put_line(struct tb_buf *buf, const struct tb_cli *cli)
{
	struct tb_json_writer w = tb_json_writer(buf);
	struct tb_str rest = tb_str_z(cli->command->name);

	tb_json_begin_array(&w);
	while (rest.n > 0)
		tb_json_str(&w, tb_str_cut(&rest, ' '));
	for (size_t i = 0; i < cli->n_args; i++)
		tb_json_str(&w, tb_str_z(cli->args[i]));
	for (size_t i = 0; i < cli->n_given; i++) {
		const struct option *option = &options[cli->given[i].id];
		char name[OPTION_MAX_BYTES];

		if (ALWAYS >> cli->given[i].id & 1)
			continue;
		snprintf(name, sizeof(name), "--%s", option->name);
		tb_json_str(&w, tb_str_z(name));
		if (option->arg)
			tb_json_str(&w, tb_str_z(cli->given[i].value));
	}
	tb_json_end_array(&w);
}

static void put_option(struct tb_buf *buf, const struct option *option)
{
	size_t from = buf->n;

	tb_buf_append_z(buf, "  --");
	tb_buf_append_z(buf, option->name);
	if (option->arg) {
		tb_buf_append_char(buf, ' ');
		tb_buf_append_z(buf, option->arg);
	}
	do {
		tb_buf_append_char(buf, ' ');
	} while (buf->n - from < 26 && !tb_buf_err(buf));
	tb_buf_append_z(buf, option->help);
	tb_buf_append_char(buf, '\n');
}

static void put_options(struct tb_buf *buf, uint64_t mask)
{
	tb_buf_append_z(buf, "\nOptions:\n");
	for (unsigned id = 0; id < TB_OPT_COUNT; id++) {
		if (mask >> id & 1)
			put_option(buf, &options[id]);
	}
}

static void put_command_help(struct tb_buf *buf,
			     const struct tb_command *command)
{
	tb_buf_printf(buf, "Usage: tombolo %s%s%s [OPTION]...\n\n%s.\n",
		      command->name, command->args[0] ? " " : "", command->args,
		      command->help);
	if (command->notes)
		tb_buf_printf(buf, "\n%s\n", command->notes);
	put_options(buf, ALWAYS | command->options);
}

static void put_list_help(struct tb_buf *buf, const struct tb_cli *cli)
{
	char head[64];

	tb_buf_printf(buf,
		      "Usage: tombolo %s%sCOMMAND [OPTION]...\n\n"
		      "Commands:\n",
		      cli->group, cli->group[0] ? " " : "");
	for (size_t i = 0; i < cli->n_commands; i++) {
		if (!is_below(cli->commands[i].name, cli->group))
			continue;
		snprintf(head, sizeof(head), "%s %s", cli->commands[i].name,
			 cli->commands[i].args);
		tb_buf_printf(buf, "  %-26s%s\n", head, cli->commands[i].help);
	}
	put_options(buf, ALWAYS);
	tb_buf_append_z(buf, "\nExit codes:\n");
	for (size_t i = 0; i < TB_ARRAY_LEN(exits); i++)
		tb_buf_printf(buf, "  %d  %s\n", (int)exits[i].code,
			      exits[i].text);
	tb_buf_append_z(buf, "\n`tombolo COMMAND --help` says more of one.\n");
}

void tb_cli_put_help(struct tb_buf *buf, const struct tb_cli *cli)
{
	if (cli->command)
		put_command_help(buf, cli->command);
	else
		put_list_help(buf, cli);
}
