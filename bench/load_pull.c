#include "load.h"

#include "sample.h"

void tb_load_begin_get(struct tb_load *load, struct tb_load_conn *conn)
{
	tb_buf_append_z(&conn->head, " HTTP/1.1\r\n");
	tb_buf_append_str(&conn->head, tb_buf_str(&load->common));
	tb_client_begin(&conn->client, tb_buf_str(&conn->head), TB_STR_NONE);
	load->bytes_out += conn->head.n;
}

/* Every record has a recordID and, behind it, its data, which is passed by
 * unread: the generator must not be what is measured. */
static uint64_t count_records(struct tb_str page)
{
	static const char mark[] = "\"recordID\":";
	const char *end = page.p + page.n;
	const char *at = page.p;
	uint64_t n = 0;

	while (at < end && (at = memmem(at, (size_t)(end - at), mark,
					sizeof(mark) - 1)) != NULL) {
		at += sizeof(mark) - 1;
		if (end - at > TB_SAMPLE_DATA_BYTES)
			at += TB_SAMPLE_DATA_BYTES;
		n++;
	}
	return n;
}

static bool check_page(struct tb_load *load, const struct tb_load_conn *conn)
{
	uint64_t n;

	if (conn->client.status != load->options->status)
		return false;
	if (load->options->count == 0)
		return true;
	n = count_records(tb_client_body(&conn->client));
	load->records += n;
	return n == load->options->count;
}

static enum tb_err get_prepare(struct tb_load *load)
{
	while (load->options->url[load->n_urls] != NULL)
		tb_buf_init(&load->firsts[load->n_urls++],
			    TB_CLIENT_ANSWER_MAX);
	return load->n_urls > 0 ? TB_OK : TB_ERR_INVALID;
}

bool tb_load_goes_on(const struct tb_load *load,
		     const struct tb_load_conn *conn)
{
	const struct tb_load_options *options = load->options;

	if (options->each > 0)
		return conn->done < options->each;
	return tb_bench_now_us() - load->begin_us <=
	       (int64_t)options->seconds * 1000000;
}

static bool get_next(struct tb_load *load, struct tb_load_conn *conn)
{
	const struct tb_load_options *options = load->options;

	if (!tb_load_goes_on(load, conn))
		return false;
	conn->url = load->next++ % load->n_urls;
	tb_buf_reset(&conn->head);
	tb_buf_printf(&conn->head, "GET %s", options->url[conn->url]);
	tb_load_begin_get(load, conn);
	return tb_buf_err(&conn->head) == TB_OK;
}

/* The first answer of each address is counted, the others must equal it. */
static bool get_check(struct tb_load *load, struct tb_load_conn *conn)
{
	struct tb_buf *first = &load->firsts[conn->url];
	struct tb_str body = tb_client_body(&conn->client);

	if (first->n == 0) {
		tb_buf_append_str(first, body);
		return check_page(load, conn) && tb_buf_err(first) == TB_OK;
	}
	load->records += load->options->count;
	return conn->client.status == load->options->status &&
	       tb_str_eq(body, tb_buf_str(first));
}

const struct tb_load_mode tb_load_get = {
	.name = "get",
	.prepare = get_prepare,
	.next = get_next,
	.check = get_check,
};

static enum tb_err walk_prepare(struct tb_load *load)
{
	load->next = load->options->from;
	return load->options->url[0] != NULL && load->options->limit > 0 &&
			       load->options->from + load->options->limit <=
				       load->options->to
		       ? TB_OK
		       : TB_ERR_INVALID;
}

/* The connections share one walk, so that each page is asked for once in a
 * round. */
static bool walk_next(struct tb_load *load, struct tb_load_conn *conn)
{
	const struct tb_load_options *options = load->options;

	if (load->next + options->limit > options->to) {
		load->next = options->from;
		load->round++;
	}
	if (load->round >= options->rounds)
		return false;
	tb_buf_reset(&conn->head);
	tb_buf_printf(&conn->head, "GET %s?cursor=%llu&limit=%llu",
		      options->url[0], (unsigned long long)load->next,
		      (unsigned long long)options->limit);
	load->next += options->limit;
	tb_load_begin_get(load, conn);
	return tb_buf_err(&conn->head) == TB_OK;
}

static bool walk_check(struct tb_load *load, struct tb_load_conn *conn)
{
	return check_page(load, conn);
}

const struct tb_load_mode tb_load_walk = {
	.name = "walk",
	.prepare = walk_prepare,
	.next = walk_next,
	.check = walk_check,
};
