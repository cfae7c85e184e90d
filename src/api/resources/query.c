#include "api/resources/query.h"

#include "api/resources/edit_value.h"
#include "api/resources/errors.h"
#include "base/assert.h"
#include "codec/time.h"
#include "kernel/sight.h"

#define DATE_BYTES 10 /* YYYY-MM-DD */

/* ---- times ---- */

/* "a space where the `+` of an offset stood is read as `+`": of `hh:mm`,
 * `hhmm` or `hh` at the end. */
static enum tb_err restore_plus(struct tb_arena *arena, struct tb_str text,
				struct tb_str *ret)
{
	size_t at = text.n;
	enum tb_err err;

	while (at > 0 && text.p[at - 1] != ' ')
		at--;
	*ret = text;
	/* Date and time may have one between them as well. */
	if (at < 2 || !memchr(text.p, ':', at) || text.n - at > 5)
		return TB_OK;
	err = tb_arena_strdup(arena, text, ret);
	if (!err)
		((char *)ret->p)[at - 1] = '+';
	return err;
}

static enum tb_err bad_time(struct tb_arena *arena, struct tb_str text,
			    struct tb_str *ret_message)
{
	struct tb_str excerpt = tb_edit_value_excerpt(text);
	enum tb_err err;

	err = tb_arena_printf(arena, ret_message,
			      "Invalid timestamp format. Use ISO 8601 format. "
			      "Error: time data '%.*s' does not match format "
			      "'%%Y-%%m-%%d'",
			      TB_STR_ARG(excerpt));
	return err ? err : TB_ERR_INVALID;
}

enum tb_err tb_resources_time_read(struct tb_arena *arena, struct tb_str text,
				   int64_t latest_us, int64_t *ret_us,
				   struct tb_str *ret_message)
{
	struct tb_str restored;
	int64_t us;
	enum tb_err err = restore_plus(arena, text, &restored);

	if (err)
		return err;
	if (tb_time_parse(restored, TB_TIME_ZONE_REQUIRED, &us))
		return bad_time(arena, text, ret_message);
	if (us > latest_us) {
		*ret_message = TB_STR(TB_RESOURCES_FUTURE);
		return TB_ERR_INVALID;
	}
	*ret_us = us;
	return TB_OK;
}

/* ---- filters ---- */

typedef enum tb_err read_fn(struct tb_arena *arena,
			    const struct tb_field *field, struct tb_str text,
			    struct tb_str *ret, struct tb_str *ret_message);

static enum tb_err read_text(struct tb_arena *arena,
			     const struct tb_field *field, struct tb_str text,
			     struct tb_str *ret, struct tb_str *ret_message)
{
	(void)arena;
	(void)field;
	(void)ret_message;
	*ret = text;
	return TB_OK;
}

/* As bodies write it, without a sign or zeros that say nothing. */
static enum tb_err read_integer(struct tb_arena *arena,
				const struct tb_field *field,
				struct tb_str text, struct tb_str *ret,
				struct tb_str *ret_message)
{
	int64_t value;

	(void)field;
	if (tb_str_to_i64(text, &value)) {
		*ret_message = TB_STR(TB_RESOURCES_BAD_INTEGER);
		return TB_ERR_INVALID;
	}
	return tb_arena_printf(arena, ret, "%lld", (long long)value);
}

static bool is_number(struct tb_str text)
{
	size_t digits = 0, points = 0;

	if (text.n > 0 && text.p[0] == '-')
		text = tb_str(text.p + 1, text.n - 1);
	for (size_t i = 0; i < text.n; i++) {
		bool is_digit = text.p[i] >= '0' && text.p[i] <= '9';

		digits += is_digit;
		points += text.p[i] == '.';
		if (!is_digit && text.p[i] != '.')
			return false;
	}
	return digits > 0 && points <= 1;
}

static enum tb_err read_decimal(struct tb_arena *arena,
				const struct tb_field *field,
				struct tb_str text, struct tb_str *ret,
				struct tb_str *ret_message)
{
	(void)arena;
	(void)field;
	if (!is_number(text)) {
		*ret_message = TB_STR(TB_RESOURCES_BAD_NUMBER);
		return TB_ERR_INVALID;
	}
	*ret = text;
	return TB_OK;
}

static bool is_flag(struct tb_str text, bool *ret)
{
	static const struct tb_str yes[] = { TB_STR_INIT("true"),
					     TB_STR_INIT("1") };
	static const struct tb_str no[] = { TB_STR_INIT("false"),
					    TB_STR_INIT("0") };

	for (size_t i = 0; i < TB_ARRAY_LEN(yes); i++) {
		*ret = tb_str_eq_nocase(text, yes[i]);
		if (*ret || tb_str_eq_nocase(text, no[i]))
			return true;
	}
	return false;
}

static enum tb_err read_boolean(struct tb_arena *arena,
				const struct tb_field *field,
				struct tb_str text, struct tb_str *ret,
				struct tb_str *ret_message)
{
	bool value;

	(void)arena;
	(void)field;
	if (!is_flag(text, &value)) {
		*ret_message = TB_STR(TB_RESOURCES_BAD_BOOLEAN);
		return TB_ERR_INVALID;
	}
	*ret = value ? TB_STR("true") : TB_STR("false");
	return TB_OK;
}

static enum tb_err read_enum(struct tb_arena *arena,
			     const struct tb_field *field, struct tb_str text,
			     struct tb_str *ret, struct tb_str *ret_message)
{
	enum tb_err err;

	for (size_t i = 0; i < field->n_values; i++)
		if (tb_str_eq(text, field->values[i])) {
			*ret = text;
			return TB_OK;
		}
	text = tb_edit_value_excerpt(text);
	err = tb_arena_printf(arena, ret_message,
			      "\"%.*s\" is not a valid choice.",
			      TB_STR_ARG(text));
	return err ? err : TB_ERR_INVALID;
}

/* As it was meant to be sent: bodies are compared with it byte by byte. */
static enum tb_err read_datetime(struct tb_arena *arena,
				 const struct tb_field *field,
				 struct tb_str text, struct tb_str *ret,
				 struct tb_str *ret_message)
{
	struct tb_str restored;
	int64_t us;
	enum tb_err err = restore_plus(arena, text, &restored);

	(void)field;
	if (err)
		return err;
	if (tb_time_parse(restored, 0, &us)) {
		*ret_message = TB_STR(TB_RESOURCES_BAD_DATETIME);
		return TB_ERR_INVALID;
	}
	*ret = restored;
	return TB_OK;
}

static enum tb_err read_date(struct tb_arena *arena,
			     const struct tb_field *field, struct tb_str text,
			     struct tb_str *ret, struct tb_str *ret_message)
{
	int64_t us;

	(void)arena;
	(void)field;
	if (text.n != DATE_BYTES ||
	    tb_time_parse(text, TB_TIME_DATE_ALLOWED, &us)) {
		*ret_message = TB_STR(TB_RESOURCES_BAD_DATE);
		return TB_ERR_INVALID;
	}
	*ret = text;
	return TB_OK;
}

static read_fn *const readers[] = {
	[TB_FIELD_STRING] = read_text,       [TB_FIELD_INTEGER] = read_integer,
	[TB_FIELD_DECIMAL] = read_decimal,   [TB_FIELD_BOOLEAN] = read_boolean,
	[TB_FIELD_DATETIME] = read_datetime, [TB_FIELD_DATE] = read_date,
	[TB_FIELD_ENUM] = read_enum,         [TB_FIELD_JSON] = read_text,
	[TB_FIELD_TEXT] = read_text,
};

/* A reference is asked for by the id of the record that it names. */
static read_fn *reader_of(const struct tb_resources_query_limits *limits,
			  const struct tb_field *field)
{
	const struct tb_collection *target = tb_field_target(
		limits->declaration, limits->collection, field->name);

	if (target)
		return target->id_type == TB_ID_INTEGER ? read_integer
							: read_text;
	return readers[field->type];
}

/* ---- parameters ---- */

/* One reading of a query. */
struct reading {
	const struct tb_request *req;
	const struct tb_resources_query_limits *limits;
	struct tb_resources_query query;
	struct tb_resources_flaw flaw;
};

static enum tb_err flawed(struct reading *r, const char *message)
{
	r->flaw.message = tb_str_z(message);
	return TB_ERR_INVALID;
}

/* The value as it was sent, for one that cannot be decoded. */
static struct tb_str sent(const struct tb_request *req, struct tb_str name)
{
	struct tb_str rest = req->query;

	while (rest.p) {
		struct tb_str value = tb_str_cut(&rest, '&');

		if (tb_str_eq(tb_str_cut(&value, '='), name))
			return value.p ? value : TB_STR("");
	}
	return TB_STR("");
}

/* A parameter; empty ones count as absent. `name` ends with a NUL. */
static enum tb_err get(struct reading *r, const char *name, struct tb_str *ret)
{
	r->flaw.name = tb_str_z(name);
	return tb_request_query(r->req, name, ret);
}

static enum tb_err read_since(struct reading *r)
{
	struct tb_arena *arena = r->req->arena;
	struct tb_str text;
	enum tb_err err = get(r, "last_sync_timestamp", &text);

	if (err == TB_ERR_INVALID)
		return bad_time(arena, sent(r->req, r->flaw.name),
				&r->flaw.message);
	if (err || text.n == 0)
		return err;
	r->query.has_since = true;
	return tb_resources_time_read(arena, text, r->limits->latest_us,
				      &r->query.since_us, &r->flaw.message);
}

/* "A limit over `page_max` counts as that." */
static enum tb_err read_limit(struct reading *r)
{
	uint32_t max = r->limits->page_max;
	uint64_t limit = 0;
	struct tb_str text;
	enum tb_err err = get(r, "limit", &text);

	if (!err && text.n > 0) {
		err = tb_str_to_u64(text, &limit);
		if (limit == 0 || limit > INT64_MAX)
			err = TB_ERR_INVALID;
	}
	if (err == TB_ERR_INVALID)
		return flawed(r, TB_RESOURCES_BAD_INTEGER);
	r->query.limit = limit < max ? (uint32_t)limit : max;
	return err;
}

/* Who goes on gets pages, however long they are. */
static enum tb_err read_after(struct reading *r)
{
	struct tb_str text;
	enum tb_err err = get(r, "after", &text);

	if (!err && text.n > 0) {
		r->query.has_after = true;
		err = tb_resources_cursor_parse(text, &r->query.after);
		if (r->query.limit == 0)
			r->query.limit = r->limits->page_max;
	}
	return err == TB_ERR_INVALID ? flawed(r, TB_RESOURCES_BAD_CURSOR) : err;
}

/* `Accept: application/json; deleted=1` */
static bool accepts_deleted(const struct tb_request *req)
{
	struct tb_str accept = tb_request_header(req, "Accept");

	while (accept.p) {
		struct tb_str range = tb_str_cut(&accept, ',');

		while (range.p)
			if (tb_str_eq_nocase(
				    tb_str_trim(tb_str_cut(&range, ';')),
				    TB_STR("deleted=1")))
				return true;
	}
	return false;
}

static enum tb_err read_deleted(struct reading *r)
{
	struct tb_str text;
	enum tb_err err = get(r, "deleted", &text);

	r->query.with_deleted = accepts_deleted(r->req);
	if (!err && text.n > 0 && !is_flag(text, &r->query.with_deleted))
		err = TB_ERR_INVALID;
	return err == TB_ERR_INVALID ? flawed(r, TB_RESOURCES_BAD_BOOLEAN)
				     : err;
}

static enum tb_err read_filter(struct reading *r, size_t i)
{
	const struct tb_collection *collection = r->limits->collection;
	struct tb_str name = collection->filters[i].field;
	const struct tb_field *field = tb_collection_field(collection, name);
	struct tb_str text;
	enum tb_err err = tb_arena_strdup(r->req->arena, name, &name);

	TB_ASSERT(field);
	if (!err)
		err = get(r, name.p, &text);
	if (err == TB_ERR_INVALID)
		return flawed(r, "Invalid value.");
	if (err || text.n == 0)
		return err;
	return reader_of(r->limits, field)(r->req->arena, field, text,
					   &r->query.filters[i],
					   &r->flaw.message);
}

static enum tb_err read_all(struct reading *r)
{
	enum tb_err err = read_since(r);

	if (!err)
		err = read_limit(r);
	if (!err)
		err = read_after(r);
	if (!err)
		err = read_deleted(r);
	for (size_t i = 0; !err && i < r->limits->collection->n_filters; i++)
		err = read_filter(r, i);
	return err;
}

enum tb_err
tb_resources_query_read(const struct tb_request *req,
			const struct tb_resources_query_limits *limits,
			struct tb_resources_query *ret,
			struct tb_resources_flaw *ret_flaw)
{
	struct reading r = { .req = req, .limits = limits };
	enum tb_err err = read_all(&r);

	if (err == TB_ERR_INVALID)
		*ret_flaw = r.flaw;
	if (!err)
		*ret = r.query;
	return err;
}
