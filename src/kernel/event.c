#include "kernel/event.h"

/* The members that an event is made of, in the order in which they stand in a
 * body. */
enum member {
	UUID,
	TIMESTAMP,
	USER,
	ITEM,
	ACTION,
	PAYLOAD,
	N_MEMBERS,
};

static const struct {
	struct tb_str name;
	enum tb_json_kind kind;
	bool is_required;
} members[N_MEMBERS] = {
	[UUID] = { TB_STR_INIT("uuid"), TB_JSON_STRING, true },
	[TIMESTAMP] = { TB_STR_INIT("timestamp"), TB_JSON_NUMBER, true },
	[USER] = { TB_STR_INIT("userUuid"), TB_JSON_STRING, false },
	[ITEM] = { TB_STR_INIT("itemUuid"), TB_JSON_STRING, true },
	[ACTION] = { TB_STR_INIT("action"), TB_JSON_STRING, true },
	[PAYLOAD] = { TB_STR_INIT("payload"), TB_JSON_STRING, false },
};

/* An event's own members; absent where they are missing or null. */
struct parts {
	struct tb_json_value values[N_MEMBERS];
};

/* Which member a name is; N_MEMBERS: none of an event's own. */
static enum member member_of(struct tb_json_value key)
{
	enum member m = UUID;

	while (m < N_MEMBERS && !tb_json_string_is(key, members[m].name))
		m++;
	return m;
}

/* False where a member is of a wrong type. */
static bool split(struct tb_json_value value, struct parts *ret)
{
	struct tb_json_iter it;
	bool good = true;

	*ret = (struct parts) { .values = { TB_JSON_ABSENT } };
	if (!tb_json_is(value, TB_JSON_OBJECT))
		return false;
	it = tb_json_iter(value);
	while (tb_json_next(&it)) {
		enum member m = member_of(it.key);

		if (m == N_MEMBERS || tb_json_is(it.value, TB_JSON_NULL))
			continue;
		if (tb_json_is(it.value, members[m].kind))
			ret->values[m] = it.value;
		else
			good = false;
	}
	return good;
}

/* Decodes what there is of the strings. */
static enum tb_err read_fields(struct tb_arena *arena,
			       const struct parts *parts,
			       struct tb_event_fields *ret)
{
	struct tb_str *const fields[N_MEMBERS] = {
		[UUID] = &ret->uuid,
		[ITEM] = &ret->item,
		[ACTION] = &ret->action,
	};

	for (size_t m = 0; m < N_MEMBERS; m++) {
		enum tb_err err;

		if (fields[m] == NULL || tb_json_is_absent(parts->values[m]))
			continue;
		err = tb_json_string(arena, parts->values[m], fields[m]);
		if (err != TB_OK)
			return err;
	}
	return TB_OK;
}

static bool is_missing(const struct parts *parts,
		       const struct tb_event_fields *fields)
{
	for (size_t m = 0; m < N_MEMBERS; m++)
		if (members[m].is_required &&
		    tb_json_is_absent(parts->values[m]))
			return true;
	return fields->uuid.n == 0 || fields->item.n == 0 ||
	       fields->action.n == 0;
}

static bool is_too_long(const struct tb_event_fields *fields)
{
	return fields->uuid.n > TB_EVENT_ID_MAX_BYTES ||
	       fields->item.n > TB_EVENT_ID_MAX_BYTES ||
	       fields->action.n > TB_EVENT_ID_MAX_BYTES;
}

static bool holds_nul(struct tb_str s)
{
	return s.n > 0 && memchr(s.p, '\0', s.n);
}

/* A NUL could be taken for the end of a name. */
static bool has_nul(const struct tb_event_fields *fields)
{
	return holds_nul(fields->uuid) || holds_nul(fields->item) ||
	       holds_nul(fields->action);
}

static enum tb_event_flaw find_flaw(const struct parts *parts, int64_t latest_s,
				    struct tb_event_fields *fields)
{
	int64_t time_s;

	if (is_missing(parts, fields))
		return TB_EVENT_MISSING;
	if (is_too_long(fields))
		return TB_EVENT_TOO_LONG;
	if (tb_json_i64(parts->values[TIMESTAMP], &time_s) != TB_OK ||
	    time_s <= 0 || time_s > latest_s)
		return TB_EVENT_BAD_TIME;
	fields->timestamp_s = time_s;
	return TB_EVENT_GOOD;
}

static void put_others(struct tb_json_writer *w, struct tb_json_value event)
{
	struct tb_json_iter it = tb_json_iter(event);

	while (tb_json_next(&it)) {
		if (member_of(it.key) != N_MEMBERS)
			continue;
		tb_buf_append_char(w->buf, ',');
		tb_buf_append_str(w->buf, tb_json_raw(it.key));
		tb_buf_append_char(w->buf, ':');
		tb_buf_append_str(w->buf, tb_json_raw(it.value));
	}
}

static void put_body(struct tb_buf *buf, struct tb_json_value event,
		     const struct parts *parts, struct tb_str user)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	for (size_t m = 0; m < N_MEMBERS; m++) {
		tb_json_key(&w, members[m].name);
		if (m == USER)
			tb_json_str(&w, user);
		else if (tb_json_is_absent(parts->values[m]))
			tb_json_str(&w, TB_STR(""));
		else
			tb_json_rawval(&w, tb_json_raw(parts->values[m]));
	}
	put_others(&w, event);
	tb_json_end_object(&w);
}

enum tb_err tb_event_take(struct tb_arena *arena, struct tb_json_value value,
			  struct tb_str user, int64_t latest_s,
			  struct tb_buf *buf, struct tb_event_fields *ret,
			  enum tb_event_flaw *ret_flaw)
{
	struct tb_event_fields fields = { .user = user };
	enum tb_event_flaw flaw = TB_EVENT_NOT_OBJECT;
	struct parts parts;
	bool is_typed = split(value, &parts);
	enum tb_err err = read_fields(arena, &parts, &fields);

	if (err != TB_OK)
		return err;
	if (is_typed && !has_nul(&fields))
		flaw = find_flaw(&parts, latest_s, &fields);
	if (flaw == TB_EVENT_GOOD)
		put_body(buf, value, &parts, user);
	if (tb_buf_err(buf) != TB_OK)
		return tb_buf_err(buf);
	*ret = fields;
	*ret_flaw = flaw;
	return TB_OK;
}

/* What is left of a body that is read from its beginning. */
struct peek {
	const char *at;
	const char *end;
};

static bool skip_text(struct peek *peek, struct tb_str text)
{
	if ((size_t)(peek->end - peek->at) < text.n ||
	    memcmp(peek->at, text.p, text.n) != 0)
		return false;
	peek->at += text.n;
	return true;
}

/* Goes over a string and gives it with its quotes. */
static bool skip_string(struct peek *peek, struct tb_str *ret,
			bool *ret_escaped)
{
	const char *start = peek->at;
	bool escaped = false;

	if (!skip_text(peek, TB_STR("\"")))
		return false;
	while (peek->at < peek->end && *peek->at != '"') {
		bool is_escape = *peek->at == '\\';

		escaped |= is_escape;
		peek->at += 1 + is_escape;
	}
	if (peek->at >= peek->end)
		return false;
	peek->at++;
	*ret = tb_str(start, (size_t)(peek->at - start));
	*ret_escaped = escaped;
	return true;
}

static bool skip_number(struct peek *peek, int64_t *ret)
{
	const char *start = peek->at;

	while (peek->at < peek->end && *peek->at >= '0' && *peek->at <= '9')
		peek->at++;
	return tb_str_to_i64(tb_str(start, (size_t)(peek->at - start)), ret) ==
	       TB_OK;
}

static enum tb_err decode_item(struct tb_arena *arena, struct tb_str quoted,
			       struct tb_str *ret)
{
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, quoted, NULL, &json, NULL);

	if (err == TB_OK)
		err = tb_json_string(arena, tb_json_root(&json), ret);
	return err == TB_ERR_INVALID ? TB_ERR_CORRUPT : err;
}

enum tb_err tb_event_peek(struct tb_arena *arena, struct tb_str body,
			  struct tb_str *ret_item, int64_t *ret_timestamp_s)
{
	struct peek peek = { body.p, body.p + body.n };
	struct tb_str uuid;
	struct tb_str user;
	struct tb_str item;
	int64_t time_s;
	bool escaped;

	if (!skip_text(&peek, TB_STR("{\"uuid\":")) ||
	    !skip_string(&peek, &uuid, &escaped) ||
	    !skip_text(&peek, TB_STR(",\"timestamp\":")) ||
	    !skip_number(&peek, &time_s) ||
	    !skip_text(&peek, TB_STR(",\"userUuid\":")) ||
	    !skip_string(&peek, &user, &escaped) ||
	    !skip_text(&peek, TB_STR(",\"itemUuid\":")) ||
	    !skip_string(&peek, &item, &escaped) ||
	    !skip_text(&peek, TB_STR(",\"action\":\"")) ||
	    body.p[body.n - 1] != '}')
		return TB_ERR_CORRUPT;
	if (escaped) {
		enum tb_err err = decode_item(arena, item, &item);

		if (err != TB_OK)
			return err;
	} else {
		item = tb_str(item.p + 1, item.n - 2);
	}
	*ret_item = item;
	*ret_timestamp_s = time_s;
	return TB_OK;
}
