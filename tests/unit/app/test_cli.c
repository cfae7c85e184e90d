/* The command line: what is taken, what is refused and why, and that help
 * comes from the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/cli.h"

#define ARGS_MAX 10

static struct tb_cli cli;

static enum tb_err parse(const char *const *args)
{
	char *argv[ARGS_MAX + 2] = { NULL };
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	return tb_cli_parse(tb_commands, tb_commands_count, argc, argv, &cli);
}

#define PARSE(...) parse((const char *const[]) { __VA_ARGS__, NULL })

static void a_command_of_one_word_is_found(void **state)
{
	(void)state;
	assert_int_equal(PARSE("serve", "--demo", "--listen", "[::1]:0"),
			 TB_OK);
	assert_string_equal(cli.command->name, "serve");
	assert_true(tb_cli_has(&cli, TB_OPT_DEMO));
	assert_string_equal(tb_cli_value(&cli, TB_OPT_LISTEN), "[::1]:0");
	assert_null(tb_cli_value(&cli, TB_OPT_CONFIG));
}

static void global_options_stand_anywhere(void **state)
{
	(void)state;
	assert_int_equal(
		PARSE("--data", "d", "site", "--config=c", "explain", "clinic"),
		TB_OK);
	assert_string_equal(cli.command->name, "site explain");
	assert_string_equal(tb_cli_value(&cli, TB_OPT_DATA), "d");
	assert_string_equal(tb_cli_value(&cli, TB_OPT_CONFIG), "c");
	assert_int_equal(cli.n_args, 1);
	assert_string_equal(cli.args[0], "clinic");
}

static void an_option_of_one_name_is_what_its_command_takes(void **state)
{
	(void)state;
	assert_int_equal(PARSE("init", "--org", "o", "--admin", "boss"), TB_OK);
	assert_string_equal(tb_cli_value(&cli, TB_OPT_ADMIN_NAME), "boss");
	assert_int_equal(PARSE("user", "add", "--admin", "anna"), TB_OK);
	assert_true(tb_cli_has(&cli, TB_OPT_ADMIN));
	assert_string_equal(cli.args[0], "anna");
}

static void an_option_may_be_repeated(void **state)
{
	size_t i = 0;

	(void)state;
	assert_int_equal(PARSE("user", "add", "u", "--store", "a", "--store=b"),
			 TB_OK);
	assert_string_equal(tb_cli_next_value(&cli, TB_OPT_STORE, &i), "a");
	assert_string_equal(tb_cli_next_value(&cli, TB_OPT_STORE, &i), "b");
	assert_null(tb_cli_next_value(&cli, TB_OPT_STORE, &i));
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
	(void)state;
	assert_int_equal(PARSE("site", "explain", "--", "--help"), TB_OK);
	assert_string_equal(cli.args[0], "--help");
}

static void what_cannot_be_read_is_refused_with_a_reason(void **state)
{
	(void)state;
	assert_int_equal(PARSE("fly"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "unknown command `fly`");
	assert_int_equal(PARSE("site", "fly"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "unknown command `site fly`");
	assert_int_equal(PARSE("site"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "a command is missing behind `site`");
	assert_int_equal(PARSE("serve", "extra"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "unexpected `extra`");
	assert_int_equal(PARSE("import"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "missing `FILE`");
	assert_int_equal(PARSE("serve", "--listen"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "a value must follow `--listen`");
	assert_int_equal(PARSE("serve", "--demo=yes"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "no value goes with `demo`");
	assert_int_equal(PARSE("check", "--demo"), TB_ERR_INVALID);
	assert_string_equal(cli.problem, "unknown option `--demo`");
}

static void passwords_are_no_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE("site", "add", "s", "--password", "x"),
			 TB_ERR_INVALID);
	assert_int_equal(PARSE("init", "--password=x"), TB_ERR_INVALID);
}

static void too_much_is_refused(void **state)
{
	static char *argv[TB_CLI_GIVEN_MAX + 3];
	int argc = 0;

	(void)state;
	argv[argc++] = (char *)"tombolo";
	while (argc < TB_CLI_GIVEN_MAX + 2)
		argv[argc++] = (char *)"--data=x";
	assert_int_equal(
		tb_cli_parse(tb_commands, tb_commands_count, argc, argv, &cli),
		TB_ERR_INVALID);
	assert_int_equal(PARSE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
			 TB_ERR_INVALID);
}

static void help_is_asked_for_everywhere(void **state)
{
	struct tb_buf text;

	(void)state;
	tb_buf_init(&text, 1024 * 1024);
	assert_int_equal(PARSE("site", "--help"), TB_OK);
	assert_null(cli.command);
	tb_cli_put_help(&text, &cli);
	tb_buf_append_char(&text, '\0');
	assert_non_null(strstr(text.p, "site explain NAME"));
	assert_null(strstr(text.p, "user add"));
	tb_buf_reset(&text);
	assert_int_equal(PARSE("site", "add", "-h"), TB_OK);
	tb_cli_put_help(&text, &cli);
	tb_buf_append_char(&text, '\0');
	assert_non_null(strstr(text.p, "Usage: tombolo site add [NAME]"));
	assert_non_null(strstr(text.p, "--passwords-to FILE"));
	tb_buf_fini(&text);
}

static void each_command_can_be_called_and_says_what_it_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < tb_commands_count; i++) {
		const struct tb_command *c = &tb_commands[i];

		assert_true(!c->run != !c->act);
		assert_true(strlen(c->help) > 0);
		assert_true(strlen(c->name) + strlen(c->args) < 60);
		assert_true(c->n_args_max <= TB_CLI_ARGS_MAX);
		assert_true(c->n_args_min <= c->n_args_max);
		assert_true((c->n_args_max > 0) == (c->args[0] != '\0'));
	}
}

static void errors_have_the_exit_codes_that_help_names(void **state)
{
	(void)state;
	assert_int_equal(tb_exit_of(TB_OK), 0);
	assert_int_equal(tb_exit_of(TB_ERR_IO), 1);
	assert_int_equal(tb_exit_of(TB_ERR_BUSY), 4);
	assert_int_equal(tb_exit_of(TB_ERR_NEWER), 4);
	assert_int_equal(tb_exit_of(TB_ERR_NOT_FOUND), 5);
	assert_int_equal(tb_exit_of(TB_ERR_EXISTS), 6);
	assert_int_equal(tb_exit_of(TB_ERR_CORRUPT), 7);
}

static void a_command_is_shown_without_where_the_store_is(void **state)
{
	struct tb_buf line;

	(void)state;
	assert_int_equal(PARSE("--data", "d", "site", "add", "a \"b\"",
			       "--id=5", "--edit-central", "--config", "c"),
			 TB_OK);
	tb_buf_init(&line, 1024);
	tb_cli_put_line(&line, &cli);
	assert_true(tb_str_eq(tb_buf_str(&line),
			      TB_STR("[\"site\",\"add\",\"a \\\"b\\\"\","
				     "\"--id\",\"5\",\"--edit-central\"]")));
	tb_buf_fini(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_of_one_word_is_found),
		cmocka_unit_test(global_options_stand_anywhere),
		cmocka_unit_test(
			an_option_of_one_name_is_what_its_command_takes),
		cmocka_unit_test(an_option_may_be_repeated),
		cmocka_unit_test(behind_two_dashes_everything_is_an_argument),
		cmocka_unit_test(what_cannot_be_read_is_refused_with_a_reason),
		cmocka_unit_test(passwords_are_no_options),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(help_is_asked_for_everywhere),
		cmocka_unit_test(a_command_is_shown_without_where_the_store_is),
		cmocka_unit_test(
			each_command_can_be_called_and_says_what_it_does),
		cmocka_unit_test(errors_have_the_exit_codes_that_help_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
