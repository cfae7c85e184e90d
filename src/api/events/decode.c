#include "api/events/decode.h"

#include "api/events/errors.h"

/* Nothing below an event's members is looked at. "`payload` any string." */
static const struct tb_json_limits limits = {
	.max_depth = 64,
	.max_nodes = 32u << 20,
	.tape_depth = 2,
	.allow_nul = true,
};

static const char *const flaws[] = {
	[TB_EVENT_GOOD] = NULL,
	[TB_EVENT_NOT_OBJECT] = TB_EVENTS_BAD_JSON,
	[TB_EVENT_MISSING] = TB_EVENTS_MISSING,
	[TB_EVENT_TOO_LONG] = TB_EVENTS_TOO_LONG,
	[TB_EVENT_BAD_TIME] = TB_EVENTS_BAD_TIME,
};

static enum tb_err take(struct tb_events_decoder *decoder,
			struct tb_json_value value, struct tb_events_item *ret)
{
	struct tb_events_item item = { .body_at = decoder->buf->n };
	enum tb_event_flaw flaw;
	enum tb_err err = tb_event_take(decoder->arena, value, decoder->user,
					decoder->latest_s, decoder->buf,
					&item.fields, &flaw);

	if (err)
		return err;
	item.flaw = flaws[flaw];
	item.body_n = decoder->buf->n - item.body_at;
	*ret = item;
	return TB_OK;
}

static enum tb_err take_all(struct tb_events_decoder *decoder,
			    struct tb_json_value array)
{
	struct tb_json_iter it = tb_json_iter(array);
	size_t n = tb_json_count(array);
	bool is_over = false;
	enum tb_err err = TB_OK;

	if (n > decoder->items_max)
		return TB_ERR_TOO_LARGE;
	decoder->items =
		tb_arena_calloc(decoder->arena, n, sizeof(*decoder->items));
	if (!decoder->items)
		return tb_arena_err(decoder->arena);
	while (!err && !is_over && tb_json_next(&it)) {
		struct tb_events_item *item =
			&decoder->items[decoder->n_items++];

		err = take(decoder, it.value, item);
		is_over = decoder->is_strict && item->flaw;
	}
	return err;
}

enum tb_err tb_events_decode(struct tb_events_decoder *decoder,
			     struct tb_str text)
{
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err =
		tb_json_parse(decoder->arena, text, &limits, &json, NULL);

	if (err)
		return err;
	decoder->items = NULL;
	decoder->n_items = 0;
	root = tb_json_root(&json);
	/* "`[]` and `null` are accepted and answer the history." */
	if (tb_json_is(root, TB_JSON_NULL))
		return TB_OK;
	if (!tb_json_is(root, TB_JSON_ARRAY))
		return TB_ERR_INVALID;
	return take_all(decoder, root);
}
