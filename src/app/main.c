#include <stdio.h>

#include "app/commands.h"
#include "codec/digest.h"

#define HELP_MAX_BYTES (64 * 1024)

static enum tb_exit print_help(const struct tb_cli *cli)
{
	struct tb_buf out;
	enum tb_exit exit;

	tb_buf_init(&out, HELP_MAX_BYTES);
	tb_cli_put_help(&out, cli);
	exit = tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}

int main(int argc, char **argv)
{
	static struct tb_cli cli;

	if (tb_cli_parse(tb_commands, tb_commands_count, argc, argv, &cli))
		return tb_fail_usage("%s", cli.problem);
	if (tb_cli_has(&cli, TB_OPT_HELP))
		return print_help(&cli);
	if (tb_digest_init())
		return tb_fail(TB_ERR_IO, "libsodium");
	return cli.command->run ? cli.command->run(&cli) : tb_session_run(&cli);
}
