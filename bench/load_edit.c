#include "load.h"

#include <stdio.h>

/* The records are taken in an order that jumps about, each once: a prime that
 * is far from the numbers of records that there are, and divides none. */
#define STRIDE 618034003u
#define BODY_MAX 512

static enum tb_err prepare(struct tb_load *load)
{
	const struct tb_load_options *options = load->options;

	return options->url[0] != NULL && options->base != NULL &&
			       options->total > 0 &&
			       options->total <= options->count &&
			       options->count % STRIDE != 0
		       ? TB_OK
		       : TB_ERR_INVALID;
}

/* What the answer must have as well, because it was written. */
static void put_note(const struct tb_load *load, uint64_t id,
		     char text[BODY_MAX])
{
	snprintf(text, BODY_MAX, "\"note\":\"edit %llu of %llu\"",
		 (unsigned long long)load->options->seed,
		 (unsigned long long)id);
}

static bool next(struct tb_load *load, struct tb_load_conn *conn)
{
	const struct tb_load_options *options = load->options;
	char body[BODY_MAX];
	char note[BODY_MAX];
	int n;

	if (load->next == options->total)
		return false;
	conn->id = 1 + load->next++ * STRIDE % options->count;
	put_note(load, conn->id, note);
	n = snprintf(body, sizeof(body),
		     "{\"client_last_synced_at\":\"%s\",%s}", options->base,
		     note);
	if (n < 0 || (size_t)n >= sizeof(body))
		return false;
	tb_buf_reset(&conn->head);
	tb_buf_printf(&conn->head,
		      "PUT %s%llu/sync_update/ HTTP/1.1\r\n"
		      "Content-Type: application/json\r\n"
		      "Content-Length: %d\r\n",
		      options->url[0], (unsigned long long)conn->id, n);
	tb_buf_append_str(&conn->head, tb_buf_str(&load->common));
	tb_buf_append(&conn->head, body, (size_t)n);
	tb_client_begin(&conn->client, tb_buf_str(&conn->head), TB_STR_NONE);
	load->bytes_out += conn->head.n;
	return tb_buf_err(&conn->head) == TB_OK;
}

/* Nobody else writes, so every edit must have been taken. */
static bool check(struct tb_load *load, struct tb_load_conn *conn)
{
	struct tb_str answer = tb_client_body(&conn->client);
	char begin[BODY_MAX];
	char note[BODY_MAX];

	snprintf(begin, sizeof(begin), "{\"id\":%llu,",
		 (unsigned long long)conn->id);
	put_note(load, conn->id, note);
	load->records++;
	return conn->client.status == 200 &&
	       tb_str_starts(answer, tb_str_z(begin)) &&
	       memmem(answer.p, answer.n, note, strlen(note)) != NULL;
}

const struct tb_load_mode tb_load_edit = {
	.name = "edit",
	.prepare = prepare,
	.next = next,
	.check = check,
};
