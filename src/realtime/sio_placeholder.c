#include "realtime/sio_placeholder.h"

#define MARK TB_STR("_placeholder")
#define NUM TB_STR("num")

static bool is_marked(struct tb_json_value v)
{
	return tb_json_is(v, TB_JSON_OBJECT) &&
	       tb_json_is(tb_json_get(v, MARK), TB_JSON_TRUE);
}

/* What is marked as a placeholder is one, in range, for the first time. */
static bool mark_as_seen(struct tb_json_value v, bool *seen, size_t n)
{
	uint64_t num;

	if (tb_json_count(v) != 2 ||
	    tb_json_u64(tb_json_get(v, NUM), &num) != TB_OK || num >= n ||
	    seen[num])
		return false;
	seen[num] = true;
	return true;
}

enum tb_err tb_sio_check_placeholders(struct tb_arena *arena,
				      const struct tb_json *json, size_t n)
{
	bool *seen = tb_arena_calloc(arena, n + 1, sizeof(*seen));
	size_t found = 0;

	if (seen == NULL)
		return tb_arena_err(arena);
	for (uint32_t i = 0; i < json->n_nodes; i++) {
		struct tb_json_value v = { json, i };
		if (!is_marked(v))
			continue;
		if (!mark_as_seen(v, seen, n))
			return TB_ERR_INVALID;
		found++;
	}
	return found == n ? TB_OK : TB_ERR_INVALID;
}

void tb_sio_put_placeholder(struct tb_buf *buf, size_t num)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_bool(&w, "_placeholder", true);
	tb_json_kv_uint(&w, "num", num);
	tb_json_end_object(&w);
}
