#include "app/commands.h"

#include <stdio.h>

#define OUTPUT_MAX_BYTES (64 * 1024 * 1024)

enum tb_exit tb_cmd_version(const struct tb_cli *cli)
{
	(void)cli;
	printf("tombolo %s\n", TB_VERSION);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_config_check(const struct tb_cli *cli)
{
	struct tb_config *config;
	enum tb_exit exit = tb_session_open_config(cli, &config);

	if (exit)
		return exit;
	tb_config_destroy(config);
	printf("the configuration is good\n");
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_config_show(const struct tb_cli *cli)
{
	struct tb_config *config;
	struct tb_buf out;
	enum tb_exit exit = tb_session_open_config(cli, &config);

	if (exit)
		return exit;
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	tb_config_put(&out, config);
	exit = tb_print(&out);
	tb_buf_fini(&out);
	tb_config_destroy(config);
	return exit;
}
