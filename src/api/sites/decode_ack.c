#include "api/sites/decode_ack.h"

#include "api/sites/decode.h"

#define NODES_MAX 4000000
/* Root, its elements, and their members; `syncIDs` has no more levels. */
#define TAPE_DEPTH 2

static enum tb_err read_object(struct tb_arena *arena,
			       struct tb_json_value object,
			       struct tb_ack_item *item)
{
	struct tb_json_value sequence = tb_json_get(object, TB_STR("sequence"));
	enum tb_err err;

	if (!tb_json_is_absent(sequence))
		return tb_sites_decode_number(arena, sequence, &item->sequence);
	err = tb_json_string(arena, tb_json_get(object, TB_STR("table")),
			     &item->table);
	if (!err)
		err = tb_json_string(arena,
				     tb_json_get(object, TB_STR("recordID")),
				     &item->id);
	return err;
}

static enum tb_err read_element(struct tb_arena *arena, struct tb_json_value v,
				struct tb_ack_item *item)
{
	if (tb_json_is(v, TB_JSON_OBJECT))
		return read_object(arena, v, item);
	return tb_json_string(arena, v, &item->id);
}

static enum tb_err read_sync_id(struct tb_arena *arena, struct tb_json_value v,
				struct tb_ack_item *item)
{
	enum tb_err err = tb_json_string(arena, v, &item->id);

	/* What is no number stays a record's id. */
	if (!err && tb_str_to_u64(item->id, &item->sequence))
		item->sequence = 0;
	return err;
}

typedef enum tb_err read_fn(struct tb_arena *arena, struct tb_json_value v,
			    struct tb_ack_item *item);

static size_t count(struct tb_json_value list)
{
	struct tb_json_iter it = tb_json_iter(list);
	size_t n = 0;

	while (tb_json_next(&it))
		n++;
	return n;
}

static enum tb_err read_list(struct tb_arena *arena, struct tb_json_value list,
			     read_fn *read, size_t max, struct tb_ack_body *ret,
			     struct tb_json_error *ret_error)
{
	struct tb_json_iter it = tb_json_iter(list);
	struct tb_ack_body body = { .n = 0 };
	size_t n = count(list);

	if (n > max)
		return tb_sites_decode_fail(TB_ERR_TOO_LARGE, list,
					    "there are too many elements",
					    ret_error);
	body.items = tb_arena_calloc(arena, n, sizeof(*body.items));
	if (!body.items)
		return tb_sites_decode_fail(TB_ERR_NOMEM, list, "out of memory",
					    ret_error);
	while (tb_json_next(&it)) {
		struct tb_ack_item *item = &body.items[body.n];
		enum tb_err err = read(arena, it.value, item);

		if (err)
			return tb_sites_decode_fail(err, it.value,
						    "an element names no entry",
						    ret_error);
		/* The sequence 0 was never given out. */
		if (item->sequence > 0 || item->id.p)
			body.n++;
	}
	*ret = body;
	return TB_OK;
}

enum tb_err tb_sites_decode_ack(struct tb_arena *arena, struct tb_str body,
				size_t max, struct tb_ack_body *ret,
				struct tb_json_error *ret_error)
{
	const struct tb_json_limits limits = {
		.max_depth = tb_json_default_limits.max_depth,
		.max_nodes = NODES_MAX,
		.tape_depth = TAPE_DEPTH,
	};
	struct tb_json_value root, list;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, &limits, &json, ret_error);

	if (err)
		return err;
	root = tb_json_root(&json);
	if (tb_json_is(root, TB_JSON_ARRAY))
		return read_list(arena, root, read_element, max, ret,
				 ret_error);
	list = tb_json_get(root, TB_STR("syncIDs"));
	if (!tb_json_is(list, TB_JSON_ARRAY))
		return tb_sites_decode_fail(
			TB_ERR_INVALID, root,
			"the body is neither an array nor an object with "
			"the array `syncIDs`",
			ret_error);
	return read_list(arena, list, read_sync_id, max, ret, ret_error);
}
