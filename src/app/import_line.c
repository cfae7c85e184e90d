#include "app/import_line.h"

#include <string.h>

#include "codec/time.h"
#include "kernel/acl.h"
#include "kernel/sight.h"

/* What an event's body may be longer than its text: a payload was missing. */
#define BODY_GROWTH_MAX 64

/* Members alone; a NUL may be in an event's payload. What a line holds in a
 * string may be as deep as what it holds itself. */
#define DEPTH_MAX 64
static const struct tb_json_limits line_limits = {
	.max_depth = 1 + DEPTH_MAX,
	.max_nodes = 1u << 20,
	.tape_depth = 1,
	.allow_nul = true,
};
static const struct tb_json_limits event_limits = {
	.max_depth = DEPTH_MAX,
	.max_nodes = 32u << 20,
	.tape_depth = 1,
	.allow_nul = true,
};
static const struct tb_json_limits data_limits = {
	.max_depth = DEPTH_MAX,
	.max_nodes = 1,
	.tape_depth = 0,
};

static enum tb_err parse(struct tb_arena *arena, struct tb_str text,
			 const struct tb_json_limits *limits,
			 struct tb_json *ret, struct tb_str *ret_problem)
{
	struct tb_json_error error = { 0, "not JSON" };
	enum tb_err err = tb_json_parse(arena, text, limits, ret, &error);

	if (err)
		*ret_problem = tb_str_z(error.what);
	return err;
}

/* The text of an object that is a member, or that a member holds. */
static enum tb_err get_object(struct tb_arena *arena,
			      struct tb_json_value member, struct tb_str *ret)
{
	if (tb_json_is(member, TB_JSON_STRING))
		return tb_json_string(arena, member, ret);
	if (!tb_json_is(member, TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	*ret = tb_json_raw(member);
	return TB_OK;
}

/* A member that must be a string that can be a key. */
static enum tb_err get_text(struct tb_arena *arena, struct tb_json_value object,
			    struct tb_str name, struct tb_str *ret)
{
	struct tb_str text;
	enum tb_err err =
		tb_json_string(arena, tb_json_get(object, name), &text);

	if (err)
		return err;
	if (text.n == 0 || text.n > TB_KEY_MAX || memchr(text.p, '\0', text.n))
		return TB_ERR_INVALID;
	*ret = text;
	return TB_OK;
}

/* A member that is a time, or absent and then `absent`. */
static enum tb_err get_time(struct tb_arena *arena, struct tb_json_value object,
			    struct tb_str name, int64_t absent, int64_t *ret)
{
	struct tb_json_value value = tb_json_get(object, name);
	struct tb_str text;
	enum tb_err err;

	*ret = absent;
	if (tb_json_is_absent(value) || tb_json_is(value, TB_JSON_NULL))
		return TB_OK;
	err = tb_json_string(arena, value, &text);
	return err ? err : tb_time_parse(text, 0, ret);
}

static enum tb_err read_times(struct tb_arena *arena, struct tb_json_value root,
			      int64_t latest_us, struct tb_import_line *line,
			      struct tb_str *ret_problem)
{
	enum tb_err err;

	*ret_problem = TB_STR("expected created_at and updated_at to be "
			      "times, as 2026-01-31T12:00:00Z");
	err = get_time(arena, root, TB_STR("updated_at"), INT64_MAX,
		       &line->updated_us);
	if (!err)
		err = get_time(arena, root, TB_STR("created_at"),
			       line->updated_us == INT64_MAX ? 0
							     : line->updated_us,
			       &line->record.created_us);
	if (err)
		return err;
	*ret_problem =
		TB_STR("updated_at is more than a day ahead of the clock");
	return line->updated_us != INT64_MAX && line->updated_us > latest_us
		       ? TB_ERR_INVALID
		       : TB_OK;
}

static enum tb_err read_data(struct tb_arena *arena, struct tb_json_value root,
			     struct tb_push_item *item,
			     struct tb_str *ret_problem)
{
	struct tb_json_value data = tb_json_get(root, TB_STR("data"));
	struct tb_json json;
	enum tb_err err;

	if (tb_json_is(tb_json_get(root, TB_STR("deleted")), TB_JSON_TRUE))
		item->action = TB_PUSH_DELETE;
	item->data = TB_STR("{}");
	if (item->action == TB_PUSH_DELETE && tb_json_is_absent(data))
		return TB_OK;
	err = get_object(arena, data, &item->data);
	if (!err)
		err = parse(arena, item->data, &data_limits, &json,
			    ret_problem);
	return !err && !tb_json_is(tb_json_root(&json), TB_JSON_OBJECT)
		       ? TB_ERR_INVALID
		       : err;
}

/* The integer id that a record had among resources. */
static enum tb_err read_number(struct tb_json_value root,
			       struct tb_push_item *item,
			       struct tb_str *ret_problem)
{
	struct tb_json_value value = tb_json_get(root, TB_STR("id"));

	if (tb_json_is_absent(value) || tb_json_is(value, TB_JSON_NULL))
		return TB_OK;
	*ret_problem = TB_STR("expected id to be an integer from 1 to "
			      "9223372036854775806");
	return tb_json_is(value, TB_JSON_NUMBER) &&
			       tb_sight_is_id(tb_json_raw(value), &item->number)
		       ? TB_OK
		       : TB_ERR_INVALID;
}

static enum tb_err read_record(struct tb_arena *arena,
			       struct tb_json_value root, int64_t latest_us,
			       struct tb_import_line *line,
			       struct tb_str *ret_problem)
{
	struct tb_push_item *item = &line->record;
	enum tb_err err;

	*ret_problem = TB_STR("expected an object with the strings table and "
			      "recordID, each of 1 to 512 bytes, and, unless "
			      "it is deleted, the object data");
	item->record = tb_json_raw(root);
	err = get_text(arena, root, TB_STR("table"), &item->table);
	if (!err)
		err = get_text(arena, root, TB_STR("recordID"), &item->id);
	if (!err)
		err = read_data(arena, root, item, ret_problem);
	if (!err)
		err = read_number(root, item, ret_problem);
	return err ? err
		   : read_times(arena, root, latest_us, line, ret_problem);
}

static struct tb_str flaw_text(enum tb_event_flaw flaw)
{
	static const char *const texts[] = {
		[TB_EVENT_NOT_OBJECT] = "expected event to be an object with "
					"members of the right types",
		[TB_EVENT_MISSING] = "expected event to have uuid, timestamp, "
				     "itemUuid and action",
		[TB_EVENT_TOO_LONG] = "a string of the event is too long",
		[TB_EVENT_BAD_TIME] = "expected the event's timestamp to be a "
				      "positive integer",
	};

	return tb_str_z(texts[flaw]);
}

/* Makes the body anew, which changes none that was exported; how late it may
 * be was asked when it was posted. */
static enum tb_err make_body(struct tb_arena *arena, struct tb_json_value value,
			     struct tb_str user, struct tb_event *event,
			     enum tb_event_flaw *ret_flaw)
{
	struct tb_event_fields fields;
	struct tb_buf body;
	enum tb_err err;

	tb_buf_init(&body, tb_json_raw(value).n + BODY_GROWTH_MAX);
	err = tb_event_take(arena, value, user, INT64_MAX, &body, &fields,
			    ret_flaw);
	if (!err) {
		event->uuid = fields.uuid;
		err = tb_arena_strdup(arena, tb_buf_str(&body), &event->body);
	}
	tb_buf_fini(&body);
	return err;
}

static enum tb_err read_event(struct tb_arena *arena,
			      struct tb_json_value member,
			      struct tb_event *event,
			      struct tb_str *ret_problem)
{
	enum tb_event_flaw flaw = TB_EVENT_GOOD;
	struct tb_str text;
	struct tb_str user;
	struct tb_json *json;
	enum tb_err err;

	*ret_problem = flaw_text(TB_EVENT_NOT_OBJECT);
	json = tb_arena_alloc(arena, sizeof(*json));
	if (!json)
		return tb_arena_err(arena);
	err = get_object(arena, member, &text);
	if (!err)
		err = parse(arena, text, &event_limits, json, ret_problem);
	if (err)
		return err;
	*ret_problem = TB_STR("expected the event's userUuid to be its author, "
			      "of 1 to 512 bytes");
	err = get_text(arena, tb_json_root(json), TB_STR("userUuid"), &user);
	if (!err)
		err = make_body(arena, tb_json_root(json), user, event, &flaw);
	if (err || flaw == TB_EVENT_GOOD)
		return err;
	*ret_problem = flaw_text(flaw);
	return TB_ERR_INVALID;
}

static enum tb_err read_rules(struct tb_arena *arena,
			      struct tb_json_value member, struct tb_str *ret,
			      struct tb_str *ret_problem)
{
	const struct tb_acl_rule *rules;
	struct tb_acl_flaw flaw;
	size_t n;
	enum tb_err err;

	*ret_problem =
		TB_STR("expected acl to be an object with the array rules");
	err = get_object(arena, member, ret);
	if (err)
		return err;
	err = tb_acl_parse(arena, *ret, &rules, &n, &flaw);
	if (err != TB_ERR_INVALID)
		return err;
	*ret_problem = tb_str_z(flaw.what);
	if (flaw.rule != SIZE_MAX)
		err = tb_arena_printf(arena, ret_problem, "rule %zu: %s",
				      flaw.rule + 1, flaw.what);
	return err ? err : TB_ERR_INVALID;
}

static enum tb_err read_next_id(struct tb_arena *arena,
				struct tb_json_value root,
				struct tb_next_id *ret,
				struct tb_str *ret_problem)
{
	struct tb_json_value value = tb_json_get(root, TB_STR("next_id"));
	enum tb_err err;

	*ret_problem = TB_STR("expected the string table of 1 to 512 bytes, "
			      "and next_id to be an integer from 1 to "
			      "9223372036854775806");
	err = get_text(arena, root, TB_STR("table"), &ret->table);
	if (err)
		return err;
	return tb_json_is(value, TB_JSON_NUMBER) &&
			       tb_sight_is_id(tb_json_raw(value), &ret->id)
		       ? TB_OK
		       : TB_ERR_INVALID;
}

/* What a line without a table, or with it, is told by. A record may have
 * members of any name beside its own. */
static enum tb_import_kind kind_of(struct tb_json_value root)
{
	bool has_table = !tb_json_is_absent(tb_json_get(root, TB_STR("table")));

	if (has_table &&
	    tb_json_is_absent(tb_json_get(root, TB_STR("recordID"))) &&
	    !tb_json_is_absent(tb_json_get(root, TB_STR("next_id"))))
		return TB_IMPORT_NEXT_ID;
	if (has_table)
		return TB_IMPORT_RECORD;
	if (!tb_json_is_absent(tb_json_get(root, TB_STR("event"))))
		return TB_IMPORT_EVENT;
	return tb_json_is_absent(tb_json_get(root, TB_STR("acl")))
		       ? TB_IMPORT_RECORD
		       : TB_IMPORT_RULES;
}

enum tb_err tb_import_line_read(struct tb_arena *arena, struct tb_str text,
				int64_t latest_us, struct tb_import_line *ret,
				struct tb_str *ret_problem)
{
	struct tb_import_line line = { .updated_us = 0 };
	struct tb_json_value root;
	struct tb_json json;
	enum tb_err err = parse(arena, text, &line_limits, &json, ret_problem);

	if (err)
		return err;
	root = tb_json_root(&json);
	line.kind = kind_of(root);
	switch (line.kind) {
	case TB_IMPORT_RECORD:
		err = read_record(arena, root, latest_us, &line, ret_problem);
		break;
	case TB_IMPORT_EVENT:
		err = read_event(arena, tb_json_get(root, TB_STR("event")),
				 &line.event, ret_problem);
		break;
	case TB_IMPORT_RULES:
		err = read_rules(arena, tb_json_get(root, TB_STR("acl")),
				 &line.rules, ret_problem);
		break;
	case TB_IMPORT_NEXT_ID:
		err = read_next_id(arena, root, &line.next_id, ret_problem);
		break;
	}
	if (!err)
		*ret = line;
	return err;
}

void tb_import_line_put(struct tb_json_writer *w, const char *name,
			struct tb_str object)
{
	/* Space around an object is no part of a member. */
	bool is_member = object.n > 0 && object.p[0] == '{' &&
			 object.p[object.n - 1] == '}' &&
			 !memchr(object.p, '\n', object.n) &&
			 !memchr(object.p, '\r', object.n);

	if (is_member)
		tb_json_kv_raw(w, name, object);
	else
		tb_json_kv_str(w, name, object);
}
