/*
 * `tombolo demo-shop`: the demo's shop alone, until a signal ends it.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app/check.h"
#include "app/commands.h"
#include "app/demo.h"
#include "app/demo_goods.h"
#include "app/demo_shop.h"
#include "app/file.h"
#include "app/log.h"

#define ARENA_MAX_BYTES (1024 * 1024)
#define TOKEN_FILE_MAX_BYTES 4096
#define URL_MAX_BYTES 256

static enum tb_exit read_token(const struct tb_cli *cli, struct tb_arena *arena,
			       struct tb_str *ret)
{
	const char *path = tb_cli_value(cli, TB_OPT_TOKEN_FILE);
	const char *given = tb_cli_value(cli, TB_OPT_TOKEN);
	struct tb_str text;
	enum tb_err err;

	if (path && given)
		return tb_fail_usage("--token or --token-file, not both");
	*ret = given ? tb_str_z(given) : TB_STR(TB_DEMO_SHOP_TOKEN);
	if (path) {
		err = tb_file_read(arena, path, TOKEN_FILE_MAX_BYTES, &text);
		if (err)
			return tb_fail(err, "token in `%s`", path);
		*ret = tb_str_trim(tb_str_cut(&text, '\n'));
	}
	return ret->n > 0 ? TB_EXIT_OK : tb_fail_usage("the token is empty");
}

static enum tb_exit read_options(const struct tb_cli *cli,
				 struct tb_arena *arena,
				 struct tb_demo_shop_options *ret)
{
	const char *listen = tb_cli_value(cli, TB_OPT_LISTEN);
	const char *products = tb_cli_value(cli, TB_OPT_PRODUCTS);

	ret->listen = listen ? listen : "127.0.0.1:0";
	ret->products = TB_DEMO_SHOP_PRODUCTS;
	if (!tb_check_listen(tb_str_z(ret->listen)))
		return tb_fail_usage("--listen: `%s` is no address and port",
				     ret->listen);
	if (!tb_demo_may_listen(ret->listen))
		return tb_fail(TB_ERR_DENIED,
			       "demo-shop listens on loopback only, not on "
			       "`%s`",
			       ret->listen);
	if (products &&
	    (tb_str_to_u64(tb_str_z(products), &ret->products) ||
	     ret->products < 1 || ret->products > TB_GOODS_PRODUCTS_MAX))
		return tb_fail_usage("--products: `%s` is no number from 1 to "
				     "%u",
				     products, TB_GOODS_PRODUCTS_MAX);
	return read_token(cli, arena, &ret->token);
}

static void announce(const struct tb_demo_shop *shop)
{
	struct tb_log log;
	struct tb_buf url;

	tb_buf_init(&url, URL_MAX_BYTES);
	tb_demo_shop_put_url(&url, shop);
	tb_log_init(&log, STDERR_FILENO, TB_LOG_INFO);
	tb_log_text(&log, TB_LOG_INFO, "serving", "address", tb_buf_str(&url));
	/* Nobody has to be there to read it. */
	(void)printf("The demo's shop is at %.*s\n\nCtrl-C ends it.\n",
		     TB_STR_ARG(tb_buf_str(&url)));
	(void)!fflush(stdout);
	tb_buf_fini(&url);
}

static enum tb_exit serve(const struct tb_demo_shop_options *options)
{
	struct tb_demo_shop *shop;
	enum tb_err err;
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* Before any thread is there, so that all of them inherit it. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	err = tb_demo_shop_start(options, &shop);
	if (err)
		return tb_fail(err, "listen on `%s`", options->listen);
	announce(shop);
	(void)sigwait(&signals, &sig);
	tb_demo_shop_stop(shop);
	return TB_EXIT_OK;
}

enum tb_exit tb_cmd_demo_shop(const struct tb_cli *cli)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_demo_shop_options options;
	enum tb_exit exit;

	if (!arena)
		return tb_fail(TB_ERR_NOMEM, "demo-shop");
	exit = read_options(cli, arena, &options);
	if (!exit)
		exit = serve(&options);
	tb_arena_destroy(arena);
	return exit;
}
