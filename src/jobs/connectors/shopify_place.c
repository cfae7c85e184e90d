#include "jobs/connectors/shopify_place.h"

#include "codec/json.h"
#include "jobs/connectors/paging.h"

enum tb_err tb_shopify_place_add(struct tb_shopify_place *place,
				 struct tb_str id)
{
	if (id.n == 0 || id.n > TB_SHOPIFY_ID_MAX_BYTES ||
	    place->n_ids == TB_SPEC_HANDLES_MAX)
		return TB_ERR_INVALID;
	memcpy(place->ids[place->n_ids], id.p, id.n);
	place->ids[place->n_ids][id.n] = '\0';
	place->n_ids++;
	return TB_OK;
}

enum tb_err tb_shopify_place_put(const struct tb_shopify_place *place,
				 struct tb_arena *arena, struct tb_str *ret,
				 struct tb_connector_failure *ret_failure)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_paging_cursor_begin(&buf);
	tb_json_begin_object(&w);
	tb_place_put(&w, &place->place);
	tb_json_key(&w, TB_STR("collections"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < place->n_ids; i++)
		tb_json_str(&w, tb_str_z(place->ids[i]));
	tb_json_end_array(&w);
	tb_json_kv_uint(&w, "at", place->at);
	tb_json_kv_uint(&w, "total", place->total);
	tb_json_kv_bool(&w, "counted", place->is_counted);
	tb_json_end_object(&w);
	return tb_paging_cursor_end(&buf, arena, ret, ret_failure);
}

static enum tb_err read_ids(struct tb_arena *arena, struct tb_json_value array,
			    struct tb_shopify_place *place)
{
	struct tb_json_iter it = tb_json_iter(array);
	enum tb_err err = TB_OK;

	while (err == TB_OK && tb_json_next(&it)) {
		struct tb_str id;

		err = tb_json_string(arena, it.value, &id);
		if (err == TB_OK)
			err = tb_shopify_place_add(place, id);
	}
	return err;
}

enum tb_err tb_shopify_place_read(struct tb_arena *arena, struct tb_str cursor,
				  struct tb_shopify_place *ret)
{
	struct tb_shopify_place place = { 0 };
	struct tb_json_value root;
	struct tb_json json;
	uint64_t at = 0;
	enum tb_err err = TB_OK;

	if (cursor.n > 0) {
		err = tb_json_parse(arena, cursor, NULL, &json, NULL);
		if (err != TB_OK)
			return err;
		root = tb_json_root(&json);
		err = tb_place_read(arena, root, &place.place);
		if (err == TB_OK)
			err = read_ids(arena,
				       tb_json_get(root, TB_STR("collections")),
				       &place);
		if (err == TB_OK)
			err = tb_json_u64(tb_json_get(root, TB_STR("at")), &at);
		if (err == TB_OK)
			err = tb_json_u64(tb_json_get(root, TB_STR("total")),
					  &place.total);
		if (err == TB_OK)
			err = tb_json_bool(tb_json_get(root, TB_STR("counted")),
					   &place.is_counted);
		if (err == TB_OK && at > 0 && at >= place.n_ids)
			err = TB_ERR_INVALID;
	}
	place.at = (size_t)at;
	if (err == TB_OK)
		*ret = place;
	return err;
}
