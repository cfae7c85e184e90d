#include "api/sites/decode_push.h"

#include "api/sites/decode.h"
#include "base/assert.h"

/* A node is at most 24 bytes, and an element has at least some 14 nodes. */
#define NODES_MAX 4000000

/* The names that a dialect has for a record's members. */
struct names {
	struct tb_str table;
	struct tb_str id;
	struct tb_str action;
	struct tb_str data;
	struct tb_str sequence; /* p NULL: not looked at */
	struct tb_str site;
};

static const struct names names_of[] = {
	[TB_SITES_PLAIN] = { .table = TB_STR_INIT("table"),
			     .id = TB_STR_INIT("recordID"),
			     .action = TB_STR_INIT("action"),
			     .data = TB_STR_INIT("data"),
			     .sequence = TB_STR_INIT("sequence"),
			     .site = TB_STR_INIT("site_id") },
	[TB_SITES_VERSIONED] = { .table = TB_STR_INIT("tableName"),
				 .id = TB_STR_INIT("recordId"),
				 .action = TB_STR_INIT("action"),
				 .data = TB_STR_INIT("recordData") },
};

/* An element's members, absent where it has none. */
struct members {
	struct tb_json_value table;
	struct tb_json_value id;
	struct tb_json_value action;
	struct tb_json_value data;
	struct tb_json_value sequence;
	struct tb_json_value site;
};

static struct members read_members(struct tb_json_value element,
				   const struct names *names)
{
	struct tb_json_iter it = tb_json_iter(element);
	struct members members = { .table = TB_JSON_ABSENT };
	const struct {
		struct tb_str name;
		struct tb_json_value *to;
	} slots[] = {
		{ names->table, &members.table },
		{ names->id, &members.id },
		{ names->action, &members.action },
		{ names->data, &members.data },
		{ names->sequence, &members.sequence },
		{ names->site, &members.site },
	};

	while (tb_json_next(&it)) {
		for (size_t i = 0; i < TB_ARRAY_LEN(slots); i++) {
			if (!slots[i].name.p ||
			    !tb_json_string_is(it.key, slots[i].name))
				continue;
			*slots[i].to = it.value;
			break;
		}
	}
	return members;
}

/* The first reason counts. */
static void refuse(struct tb_push_item *item, const char *why)
{
	if (item->refused)
		return;
	item->refused = TB_PUSH_CODE_INVALID;
	item->refused_message = tb_str_z(why);
}

static bool has_control_character(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* A table's name or a record's id: text, which names the element also when it
 * is refused. */
static enum tb_err read_name(struct tb_arena *arena, struct tb_json_value v,
			     size_t max_bytes, const char *why,
			     struct tb_push_item *item, struct tb_str *ret)
{
	*ret = TB_STR("");
	if (tb_json_is(v, TB_JSON_STRING)) {
		enum tb_err err = tb_json_string(arena, v, ret);

		if (err)
			return err;
	}
	if (ret->n == 0 || ret->n > max_bytes || has_control_character(*ret))
		refuse(item, why);
	return TB_OK;
}

/* "Read actions in any letter case". */
static enum tb_err read_action(struct tb_arena *arena, struct tb_json_value v,
			       struct tb_push_item *item)
{
	static const struct {
		const char *name;
		enum tb_push_action action;
	} actions[] = {
		{ "insert", TB_PUSH_UPSERT }, { "update", TB_PUSH_UPSERT },
		{ "delete", TB_PUSH_DELETE }, { "patch", TB_PUSH_PATCH },
		{ "merge", TB_PUSH_MERGE },
	};
	struct tb_str text = TB_STR("");
	enum tb_err err = TB_OK;

	if (tb_json_is(v, TB_JSON_STRING))
		err = tb_json_string(arena, v, &text);
	if (err)
		return err;
	for (size_t i = 0; i < TB_ARRAY_LEN(actions); i++) {
		if (!tb_str_eq_nocase(text, tb_str_z(actions[i].name)))
			continue;
		item->action = actions[i].action;
		return TB_OK;
	}
	refuse(item, "the action is none of insert, update, delete, patch "
		     "and merge");
	return TB_OK;
}

static void read_data(struct tb_json_value v, struct tb_push_item *item)
{
	/* Nothing is left of a deleted record, whatever is sent with it. */
	if (item->action == TB_PUSH_DELETE) {
		item->data = TB_STR("{}");
		return;
	}
	if (!tb_json_is(v, TB_JSON_OBJECT) &&
	    !(item->action == TB_PUSH_MERGE && tb_json_is(v, TB_JSON_STRING))) {
		item->data = TB_STR("{}");
		refuse(item, "the data is not an object");
		return;
	}
	item->data = tb_json_raw(v);
}

/* "`site_id` and `sequence` are [...] read as strings or numbers"; what they
 * say of a pushed record is not needed, so they may be missing. */
static enum tb_err check_number(struct tb_arena *arena, struct tb_json_value v,
				const char *why, struct tb_push_item *item)
{
	uint64_t number;
	enum tb_err err;

	if (tb_json_is_absent(v) || tb_json_is(v, TB_JSON_NULL))
		return TB_OK;
	err = tb_sites_decode_number(arena, v, &number);
	if (err != TB_ERR_INVALID)
		return err;
	refuse(item, why);
	return TB_OK;
}

static enum tb_err read_element(struct tb_arena *arena,
				struct tb_json_value element,
				const struct names *names,
				struct tb_push_item *item)
{
	struct members members = read_members(element, names);
	enum tb_err err;

	item->record = tb_json_raw(element);
	err = read_name(arena, members.table, TB_SITES_TABLE_MAX_BYTES,
			"the table is not a text of 1 to 128 bytes", item,
			&item->table);
	if (!err)
		err = read_name(arena, members.id, TB_SITES_ID_MAX_BYTES,
				"the record's id is not a text of 1 to 256 "
				"bytes",
				item, &item->id);
	if (err)
		return err;
	err = read_action(arena, members.action, item);
	if (err)
		return err;
	read_data(members.data, item);
	err = check_number(arena, members.sequence,
			   "the sequence is not a number", item);
	if (!err)
		err = check_number(arena, members.site,
				   "the site_id is not a number", item);
	return err;
}

/* Counts the elements. TOO_LARGE: over `max`; INVALID: one is no object. */
static enum tb_err count(struct tb_json_value list, size_t max, size_t *ret,
			 struct tb_json_error *ret_error)
{
	struct tb_json_iter it = tb_json_iter(list);
	size_t n = 0;

	while (tb_json_next(&it)) {
		if (!tb_json_is(it.value, TB_JSON_OBJECT))
			return tb_sites_decode_fail(
				TB_ERR_INVALID, it.value,
				"an element is not a record", ret_error);
		if (++n > max)
			return tb_sites_decode_fail(
				TB_ERR_TOO_LARGE, list,
				"there are too many records", ret_error);
	}
	*ret = n;
	return TB_OK;
}

static enum tb_err read_list(struct tb_arena *arena, struct tb_json_value list,
			     enum tb_sites_dialect dialect, size_t max,
			     struct tb_push_body *ret,
			     struct tb_json_error *ret_error)
{
	struct tb_json_iter it = tb_json_iter(list);
	struct tb_push_item *items;
	size_t n = 0, i = 0;
	enum tb_err err = count(list, max, &n, ret_error);

	if (err)
		return err;
	items = tb_arena_calloc(arena, n, sizeof(*items));
	if (!items)
		return tb_sites_decode_fail(TB_ERR_NOMEM, list, "out of memory",
					    ret_error);
	while (tb_json_next(&it)) {
		err = read_element(arena, it.value, &names_of[dialect],
				   &items[i++]);
		if (err)
			return tb_sites_decode_fail(err, it.value,
						    "out of memory", ret_error);
	}
	ret->items = items;
	ret->n = n;
	return TB_OK;
}

/* {"queueLength":N,"data":[...]} */
static enum tb_err read_batch(struct tb_json_value root,
			      struct tb_json_value *ret_list,
			      uint64_t *ret_queue_length,
			      struct tb_json_error *ret_error)
{
	*ret_list = tb_json_get(root, TB_STR("data"));
	if (!tb_json_is(*ret_list, TB_JSON_ARRAY))
		return tb_sites_decode_fail(
			TB_ERR_INVALID, root,
			"the body is not an object with the array `data`",
			ret_error);
	if (tb_json_u64(tb_json_get(root, TB_STR("queueLength")),
			ret_queue_length))
		return tb_sites_decode_fail(TB_ERR_INVALID, root,
					    "`queueLength` is not a count",
					    ret_error);
	return TB_OK;
}

enum tb_err tb_sites_decode_push(struct tb_arena *arena, struct tb_str body,
				 enum tb_sites_dialect dialect, size_t max,
				 struct tb_push_body *ret,
				 struct tb_json_error *ret_error)
{
	/* Of the records' data no more than where it is goes on the tape. */
	const struct tb_json_limits limits = {
		.max_depth = tb_json_default_limits.max_depth,
		.max_nodes = NODES_MAX,
		.tape_depth = dialect == TB_SITES_PLAIN ? 2 : 3,
	};
	struct tb_json_value list;
	struct tb_push_body read = { .n = 0 };
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, &limits, &json, ret_error);

	if (err)
		return err;
	list = tb_json_root(&json);
	if (dialect == TB_SITES_VERSIONED)
		err = read_batch(list, &list, &read.queue_length, ret_error);
	else if (!tb_json_is(list, TB_JSON_ARRAY))
		err = tb_sites_decode_fail(TB_ERR_INVALID, list,
					   "the body is not an array",
					   ret_error);
	if (!err)
		err = read_list(arena, list, dialect, max, &read, ret_error);
	if (!err)
		*ret = read;
	return err;
}

enum tb_err tb_sites_decode_record(struct tb_arena *arena, struct tb_str text,
				   struct tb_push_item *ret)
{
	const struct tb_json_limits limits = {
		.max_depth = tb_json_default_limits.max_depth,
		.max_nodes = NODES_MAX,
		.tape_depth = 1,
	};
	enum tb_sites_dialect dialect = TB_SITES_PLAIN;
	struct tb_push_item item = { .refused = NULL };
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, text, &limits, &json, NULL);

	if (err)
		return err;
	root = tb_json_root(&json);
	if (!tb_json_is(root, TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	if (!tb_json_is_absent(
		    tb_json_get(root, names_of[TB_SITES_VERSIONED].table)))
		dialect = TB_SITES_VERSIONED;
	err = read_element(arena, root, &names_of[dialect], &item);
	if (!err)
		*ret = item;
	return err;
}
