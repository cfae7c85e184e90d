#include "app/commands.h"

#include <stdio.h>

#include "codec/json.h"

#define LINE_MAX_BYTES (64 * 1024)

struct findings {
	size_t n;
};

static void report(void *ctx, const char *invariant, uint64_t rid,
		   const char *what)
{
	struct findings *findings = ctx;
	struct tb_json_writer w;
	struct tb_buf line;

	tb_buf_init(&line, LINE_MAX_BYTES);
	w = tb_json_writer(&line);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "invariant", tb_str_z(invariant));
	tb_json_kv_uint(&w, "record", rid);
	tb_json_kv_str(&w, "what", tb_str_z(what));
	tb_json_end_object(&w);
	tb_buf_append_char(&line, '\n');
	(void)tb_print(&line);
	tb_buf_fini(&line);
	findings->n++;
}

enum tb_exit tb_cmd_check(struct tb_session *session)
{
	struct findings findings = { .n = 0 };
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(session->core, &tx);

	if (!err) {
		err = tx->store->ops->check(tx, report, &findings);
		tb_core_read_end(tx);
	}
	if (err)
		return tb_fail(err, "check");
	if (findings.n > 0) {
		fprintf(stderr, "tombolo: check: %zu findings\n", findings.n);
		return TB_EXIT_DAMAGED;
	}
	printf("the store is sound\n");
	return TB_EXIT_OK;
}
