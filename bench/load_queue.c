#include "load.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024

static enum tb_err prepare(struct tb_load *load)
{
	return load->options->members != NULL && load->options->total > 0
		       ? TB_OK
		       : TB_ERR_INVALID;
}

static void put_name(uint64_t id, char text[TEXT_MAX])
{
	snprintf(text, TEXT_MAX, "\"name\":\"n-%llu\"", (unsigned long long)id);
}

static bool next(struct tb_load *load, struct tb_load_conn *conn)
{
	char name[TEXT_MAX];
	char body[2 * TEXT_MAX];
	int n;

	if (load->next == load->options->total)
		return false;
	conn->id = load->next++;
	put_name(conn->id, name);
	n = snprintf(body, sizeof(body), "{%s,%s}", name,
		     load->options->members);
	if (n < 0 || (size_t)n >= sizeof(body))
		tb_bench_die("--members is too long");
	tb_buf_reset(&conn->head);
	tb_buf_printf(&conn->head,
		      "POST /sync/queue HTTP/1.1\r\n"
		      "Content-Type: application/json\r\n"
		      "Content-Length: %d\r\n",
		      n);
	tb_buf_append_str(&conn->head, tb_buf_str(&load->common));
	tb_buf_append(&conn->head, body, (size_t)n);
	tb_client_begin(&conn->client, tb_buf_str(&conn->head), TB_STR_NONE);
	load->bytes_out += conn->head.n;
	return tb_buf_err(&conn->head) == TB_OK;
}

/* No job has the name of another one, so every job must have been taken. */
static bool check(struct tb_load *load, struct tb_load_conn *conn)
{
	struct tb_str answer = tb_client_body(&conn->client);
	char name[TEXT_MAX];

	put_name(conn->id, name);
	load->records++;
	return conn->client.status == 201 &&
	       tb_str_starts(answer, TB_STR("{\"success\":true,")) &&
	       memmem(answer.p, answer.n, name, strlen(name)) != NULL;
}

const struct tb_load_mode tb_load_queue = {
	.name = "queue",
	.prepare = prepare,
	.next = next,
	.check = check,
};
