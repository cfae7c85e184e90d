#include "load_realtime.h"

#include "options.h"

/* ---- broadcast: one sends, all get it; then another one does ---- */

static void begin_round(struct tb_realtime_load *load)
{
	uint64_t sender = load->round % load->options->clients;

	if (load->round == load->options->warm)
		tb_realtime_begin_measuring(load);
	load->sent_us = tb_bench_now_us();
	tb_realtime_send(load, &load->conns[sender], load->round);
}

static void broadcast_begin(struct tb_realtime_load *load,
			    struct tb_realtime_conn *conn)
{
	(void)conn;
	begin_round(load);
}

static void end_round(struct tb_realtime_load *load)
{
	const struct tb_realtime_options *options = load->options;
	uint64_t took_us = (uint64_t)(tb_bench_now_us() - load->sent_us);

	if (took_us > load->slowest_us)
		load->slowest_us = took_us;
	load->round++;
	load->is_done = load->round == options->warm + options->rounds;
	if (!load->is_done)
		begin_round(load);
}

/* A round ends when each has got what is expected in it, so that what is
 * expected in another one was missed or doubled. */
static void broadcast_message(struct tb_realtime_load *load,
			      struct tb_realtime_conn *conn, struct tb_str text)
{
	if (!tb_realtime_is_expected(load, text, load->round))
		return;
	if (conn->n_got != load->round)
		tb_bench_die("a message came twice");
	conn->n_got++;
	load->n_messages++;
	if (load->n_messages % load->options->clients == 0)
		end_round(load);
}

const struct tb_realtime_mode tb_realtime_broadcast = {
	.name = "broadcast",
	.begin = broadcast_begin,
	.message = broadcast_message,
};

/* ---- echo: each sends the next when it has got the last ---- */

static void echo_begin(struct tb_realtime_load *load,
		       struct tb_realtime_conn *conn)
{
	(void)conn;
	for (uint64_t i = 0; i < load->options->clients; i++)
		tb_realtime_send(load, &load->conns[i], 0);
}

/* After the last one of the warm-up, and of all. */
static void count(struct tb_realtime_load *load, uint64_t each)
{
	const struct tb_realtime_options *options = load->options;

	load->n_messages++;
	if (load->n_messages == options->warm * each)
		tb_realtime_begin_measuring(load);
	load->is_done =
		load->n_messages >= (options->warm + options->rounds) * each;
}

static void echo_message(struct tb_realtime_load *load,
			 struct tb_realtime_conn *conn, struct tb_str text)
{
	if (!tb_realtime_is_expected(load, text, conn->n_got))
		return;
	count(load, load->options->clients);
	conn->n_got++;
	if (!load->is_done)
		tb_realtime_send(load, conn, conn->n_got);
}

const struct tb_realtime_mode tb_realtime_echo = {
	.name = "echo",
	.begin = echo_begin,
	.message = echo_message,
};

/* ---- handshake: who is in leaves ---- */

static void ignore_message(struct tb_realtime_load *load,
			   struct tb_realtime_conn *conn, struct tb_str text)
{
	(void)load;
	(void)conn;
	(void)text;
}

static void handshake_begin(struct tb_realtime_load *load,
			    struct tb_realtime_conn *conn)
{
	(void)load;
	conn->is_leaving = true;
	tb_websocket_send(&conn->ws, TB_STR("41"));
	tb_websocket_send_close(&conn->ws);
}

static void handshake_left(struct tb_realtime_load *load)
{
	count(load, 1);
}

const struct tb_realtime_mode tb_realtime_handshake = {
	.name = "handshake",
	.goes_round = true,
	.begin = handshake_begin,
	.message = ignore_message,
	.left = handshake_left,
};

/* ---- hold: they are there ---- */

static void hold_begin(struct tb_realtime_load *load,
		       struct tb_realtime_conn *conn)
{
	(void)conn;
	tb_realtime_begin_measuring(load);
	load->is_done = true;
}

const struct tb_realtime_mode tb_realtime_hold = {
	.name = "hold",
	.begin = hold_begin,
	.message = ignore_message,
};
