#include "load.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "sample.h"

#define BODIES_MAX ((size_t)8 << 30)

/* What goes into a body, as the element `i` of an array. */
typedef void put_fn(struct tb_buf *buf, const struct tb_sample *sample,
		    uint64_t i);

/* All bodies are made before the clock starts. */
static enum tb_err prepare(struct tb_load *load, put_fn *put)
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
		put(&load->bodies, &sample, i);
		if ((i + 1) % options->batch != 0)
			continue;
		tb_buf_append_char(&load->bodies, ']');
		load->body_ends[i / options->batch] = load->bodies.n;
	}
	return tb_buf_err(&load->bodies);
}

/* Sends the next body; `head` is the request's first lines. */
static bool send_next(struct tb_load *load, struct tb_load_conn *conn,
		      const char *head)
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
	tb_buf_printf(&conn->head, "%sContent-Length: %zu\r\n", head, n);
	tb_buf_append_str(&conn->head, tb_buf_str(&load->common));
	tb_client_begin(&conn->client, tb_buf_str(&conn->head),
			tb_str(load->bodies.p + from, n));
	load->bytes_out += conn->head.n + n;
	return tb_buf_err(&conn->head) == TB_OK;
}

/* ---- a site's records ---- */

static enum tb_err push_prepare(struct tb_load *load)
{
	return prepare(load, tb_sample_put_record);
}

static bool push_next(struct tb_load *load, struct tb_load_conn *conn)
{
	return send_next(load, conn,
			 "POST /sync/v5/queued_records HTTP/1.1\r\n");
}

/* Every record was new, so every one must have been accepted. */
static bool push_check(struct tb_load *load, struct tb_load_conn *conn)
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
	.prepare = push_prepare,
	.next = push_next,
	.check = push_check,
};

/* ---- a user's events ---- */

static enum tb_err post_prepare(struct tb_load *load)
{
	return prepare(load, tb_sample_put_event);
}

static bool post_next(struct tb_load *load, struct tb_load_conn *conn)
{
	return send_next(load, conn,
			 "POST /api/v1/events HTTP/1.1\r\n"
			 "Content-Type: application/json\r\n"
			 "Prefer: return=minimal\r\n");
}

/* Every event was new, so every one must have been stored. */
static bool post_check(struct tb_load *load, struct tb_load_conn *conn)
{
	struct tb_str head = tb_client_head(&conn->client);
	char want[64];

	snprintf(want, sizeof(want), "\r\nX-Events-Stored: %llu\r\n",
		 (unsigned long long)load->options->batch);
	load->records += load->options->batch;
	return conn->client.status == 200 &&
	       tb_str_eq(tb_client_body(&conn->client), TB_STR("[]")) &&
	       memmem(head.p, head.n, want, strlen(want)) != NULL;
}

const struct tb_load_mode tb_load_post = {
	.name = "post",
	.prepare = post_prepare,
	.next = post_next,
	.check = post_check,
};
