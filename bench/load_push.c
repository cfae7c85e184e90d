#include "load.h"

#include <stdio.h>

#include "base/alloc.h"
#include "sample.h"

#define BODIES_MAX ((size_t)8 << 30)

/* All bodies are made before the clock starts. */
static enum tb_err prepare(struct tb_load *load)
{
	const struct tb_load_options *options = load->options;
	struct tb_sample sample = {
		.table = options->table,
		.store = options->store,
		.site_id = (uint32_t)options->site,
		.seed = options->seed,
	};
	uint64_t n = options->total / options->batch;

	if (n == 0 || n * options->batch != options->total)
		return TB_ERR_INVALID;
	tb_buf_init(&load->bodies, BODIES_MAX);
	load->body_ends = tb_calloc(n, sizeof(*load->body_ends));
	if (load->body_ends == NULL)
		return TB_ERR_NOMEM;
	for (uint64_t i = 0; i < options->total; i++) {
		tb_buf_append_char(&load->bodies,
				   i % options->batch == 0 ? '[' : ',');
		tb_sample_put_record(&load->bodies, &sample, i);
		if ((i + 1) % options->batch != 0)
			continue;
		tb_buf_append_char(&load->bodies, ']');
		load->body_ends[i / options->batch] = load->bodies.n;
	}
	return tb_buf_err(&load->bodies);
}

static bool next(struct tb_load *load, struct tb_load_conn *conn)
{
	uint64_t i = load->next;
	size_t from;
	size_t n;

	if (i == load->options->total / load->options->batch)
		return false;
	load->next++;
	from = i == 0 ? 0 : load->body_ends[i - 1];
	n = load->body_ends[i] - from;
	tb_buf_reset(&conn->head);
	tb_buf_printf(&conn->head,
		      "POST /sync/v5/queued_records HTTP/1.1\r\n"
		      "Content-Length: %zu\r\n",
		      n);
	tb_buf_append_str(&conn->head, tb_buf_str(&load->common));
	tb_client_begin(&conn->client, tb_buf_str(&conn->head),
			tb_str(load->bodies.p + from, n));
	load->bytes_out += conn->head.n + n;
	return tb_buf_err(&conn->head) == TB_OK;
}

/* Every record was new, so every one must have been accepted. */
static bool check(struct tb_load *load, struct tb_load_conn *conn)
{
	char want[64];

	snprintf(want, sizeof(want), "{\"accepted\":%llu,\"rejected\":[]}",
		 (unsigned long long)load->options->batch);
	load->records += load->options->batch;
	return conn->client.status == 200 &&
	       tb_str_eq(tb_str_trim(tb_client_body(&conn->client)),
			 tb_str_z(want));
}

const struct tb_load_mode tb_load_push = {
	.name = "push",
	.prepare = prepare,
	.next = next,
	.check = check,
};
