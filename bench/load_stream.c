#include "load.h"

/* Histories and lists are counted while they come and not kept; the loop is one
 * that the compiler makes wide, because the generator must not be what is
 * measured.
 */
static void count(void *ctx, struct tb_str piece)
{
	struct tb_load_conn *conn = ctx;
	uint64_t braces = 0;

	if (conn->first_us == 0)
		conn->first_us = tb_bench_now_us();
	for (size_t i = 0; i < piece.n; i++)
		braces += piece.p[i] == '{';
	conn->braces += braces;
}

static enum tb_err prepare(struct tb_load *load)
{
	while (load->options->url[load->n_urls] != NULL)
		load->n_urls++;
	return load->n_urls > 0 && load->options->braces > 0 ? TB_OK
							     : TB_ERR_INVALID;
}

static bool next(struct tb_load *load, struct tb_load_conn *conn)
{
	const char *const *urls = load->options->url;

	if (!tb_load_goes_on(load, conn))
		return false;
	conn->braces = 0;
	conn->first_us = 0;
	conn->client.take = count;
	conn->client.take_ctx = conn;
	tb_buf_reset(&conn->head);
	tb_buf_printf(&conn->head, "GET %s", urls[load->next++ % load->n_urls]);
	tb_load_begin_get(load, conn);
	return tb_buf_err(&conn->head) == TB_OK;
}

static bool check(struct tb_load *load, struct tb_load_conn *conn)
{
	uint64_t n = conn->braces / load->options->braces;
	uint64_t wait_us = (uint64_t)(conn->first_us - conn->client.sent_us);

	if (conn->client.status != 200 || conn->first_us == 0)
		return false;
	if (load->first_max_us < wait_us)
		load->first_max_us = wait_us;
	load->records += n;
	return load->options->count == 0 || n == load->options->count;
}

const struct tb_load_mode tb_load_stream = {
	.name = "stream",
	.prepare = prepare,
	.next = next,
	.check = check,
};
