#include "jobs/connectors/records.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_members.h"
#include "kernel/record.h"

#define RECORDS_MIN 64
/* A record's own members, names and values. */
#define NODES_MAX 65536
#define SCRATCH_MAX_BYTES (16u << 20)

/* As the words say. */
_Static_assert(TB_KEY_MAX == 512, "the ceiling of keys");

static const struct tb_json_limits record_limits = {
	.max_depth = 64,
	.max_nodes = NODES_MAX,
	.tape_depth = 1,
};

enum tb_err tb_records_reader_init(struct tb_records_reader *reader,
				   const struct tb_source_entity *entity,
				   struct tb_arena *arena)
{
	struct tb_arena *scratch = tb_arena_create(SCRATCH_MAX_BYTES);

	if (scratch == NULL)
		return TB_ERR_NOMEM;
	*reader = (struct tb_records_reader) {
		.entity = entity,
		.arena = arena,
		.scratch = scratch,
	};
	return TB_OK;
}

void tb_records_reader_fini(struct tb_records_reader *reader)
{
	tb_arena_destroy(reader->scratch);
	reader->scratch = NULL;
}

/* ---- one record ---- */

static bool is_whole(struct tb_str number)
{
	size_t i = number.n > 0 && number.p[0] == '-' ? 1 : 0;

	if (i == number.n)
		return false;
	for (; i < number.n; i++)
		if (number.p[i] < '0' || number.p[i] > '9')
			return false;
	return true;
}

/* Empty: there is none. */
static enum tb_err read_key(struct tb_records_reader *reader,
			    struct tb_json_value object, struct tb_str *ret)
{
	struct tb_json_value key = tb_json_get(object, reader->entity->key);

	*ret = TB_STR_NONE;
	if (tb_json_is(key, TB_JSON_STRING))
		return tb_json_string(reader->arena, key, ret);
	if (tb_json_is(key, TB_JSON_NUMBER) && is_whole(tb_json_raw(key)))
		*ret = tb_json_raw(key);
	return TB_OK;
}

static bool is_deleted(const struct tb_source_entity *entity,
		       struct tb_json_value object)
{
	struct tb_json_value field;

	if (entity->deleted_field.n == 0)
		return false;
	field = tb_json_get(object, entity->deleted_field);
	if (tb_json_is_absent(field))
		return false;
	if (entity->deleted_value.n == 0)
		return tb_json_kind(field) != TB_JSON_NULL &&
		       tb_json_kind(field) != TB_JSON_FALSE;
	if (tb_json_is(field, TB_JSON_STRING))
		return tb_json_string_is(field, entity->deleted_value);
	return tb_str_eq(tb_json_raw(field), entity->deleted_value);
}

static const struct tb_rename *rename_of(const struct tb_source_entity *entity,
					 struct tb_json_value key)
{
	for (size_t i = 0; i < entity->n_renames; i++)
		if (tb_json_string_is(key, entity->renames[i].from))
			return &entity->renames[i];
	return NULL;
}

/* Writes the object with its members' new names, and nothing else changed.
 * `*ret_n`: how many there were. */
static void put_renamed(struct tb_buf *buf,
			const struct tb_source_entity *entity,
			struct tb_json_value object, size_t *ret_n)
{
	struct tb_str raw = tb_json_raw(object);
	struct tb_json_iter it = tb_json_iter(object);
	const char *at = raw.p;

	*ret_n = 0;
	while (tb_json_next(&it)) {
		const struct tb_rename *rename = rename_of(entity, it.key);
		struct tb_str key = tb_json_raw(it.key);

		if (rename == NULL)
			continue;
		tb_buf_append(buf, at, (size_t)(key.p - at));
		tb_json_put_string(buf, rename->to);
		at = key.p + key.n;
		++*ret_n;
	}
	tb_buf_append(buf, at, (size_t)(raw.p + raw.n - at));
}

/* Room for the object under its longest names, each byte of them escaped. */
static size_t renamed_max(const struct tb_source_entity *entity, size_t n)
{
	for (size_t i = 0; i < entity->n_renames; i++)
		n += 6 * entity->renames[i].to.n + 2;
	return n;
}

static enum tb_err refuse(struct tb_records_reader *reader, const char *code,
			  const char *what, size_t offset,
			  struct tb_connector_record *record)
{
	record->refused = code;
	return tb_arena_printf(reader->arena, &record->message,
			       "%s at byte %zu", what, offset);
}

/* Parses a text as a record's. Only what is not the text's fault is an error;
 * else `*ret_is_good`, or `record` is refused. */
static enum tb_err parse(struct tb_records_reader *reader, struct tb_str text,
			 struct tb_json *ret, bool *ret_is_good,
			 struct tb_connector_record *record)
{
	struct tb_json_error error;
	enum tb_err err = tb_json_parse(reader->scratch, text, &record_limits,
					ret, &error);

	*ret_is_good = err == TB_OK;
	if (err == TB_OK || err == TB_ERR_NOMEM)
		return err;
	return refuse(reader, TB_RECORD_INVALID, error.what, error.offset,
		      record);
}

static enum tb_err rename_members(struct tb_records_reader *reader,
				  struct tb_json_value object,
				  struct tb_connector_record *record)
{
	struct tb_json json;
	struct tb_buf buf;
	struct tb_str body;
	bool is_good;
	size_t n;
	enum tb_err err;

	tb_buf_init(&buf, renamed_max(reader->entity, tb_json_raw(object).n));
	put_renamed(&buf, reader->entity, object, &n);
	if (n == 0) {
		tb_buf_fini(&buf);
		return TB_OK;
	}
	err = tb_buf_copy_out(&buf, reader->arena, &body);
	if (err != TB_OK)
		return err;
	/* A new name may be another member's. */
	err = parse(reader, body, &json, &is_good, record);
	if (err == TB_OK && is_good)
		record->body = body;
	return err;
}

void tb_records_check_key(struct tb_connector_record *record)
{
	if (record->key.n <= TB_KEY_MAX)
		return;
	record->key = TB_STR_NONE;
	record->refused = TB_RECORD_KEY_TOO_LONG;
	record->message = TB_STR("the key is over 512 bytes");
}

/* `key` NULL: it is a member. */
static enum tb_err read_object(struct tb_records_reader *reader,
			       struct tb_json_value object,
			       const struct tb_str *key,
			       struct tb_connector_record *record)
{
	enum tb_err err =
		key != NULL ? TB_OK : read_key(reader, object, &record->key);

	if (err != TB_OK)
		return err;
	record->body = tb_json_raw(object);
	record->deleted = is_deleted(reader->entity, object);
	if (record->key.n == 0) {
		record->refused = TB_RECORD_NO_KEY;
		return tb_arena_printf(
			reader->arena, &record->message,
			"%.*s is neither a text nor a whole number",
			TB_STR_ARG(reader->entity->key));
	}
	tb_records_check_key(record);
	if (record->refused != NULL || reader->entity->n_renames == 0)
		return TB_OK;
	return rename_members(reader, object, record);
}

static enum tb_err read_record(struct tb_records_reader *reader,
			       const struct tb_str *key, struct tb_str text,
			       struct tb_connector_record *ret)
{
	struct tb_connector_record record = {
		.key = key != NULL ? *key : TB_STR_NONE,
	};
	struct tb_json json;
	bool is_good;
	enum tb_err err = parse(reader, text, &json, &is_good, &record);

	if (err == TB_OK && is_good) {
		struct tb_json_value root = tb_json_root(&json);

		err = tb_json_is(root, TB_JSON_OBJECT)
			      ? read_object(reader, root, key, &record)
			      : refuse(reader, TB_RECORD_INVALID, "no object",
				       0, &record);
	}
	tb_arena_reset(reader->scratch);
	if (err == TB_OK)
		*ret = record;
	return err;
}

enum tb_err tb_records_read(struct tb_records_reader *reader,
			    struct tb_str text, struct tb_connector_record *ret)
{
	return read_record(reader, NULL, text, ret);
}

enum tb_err tb_records_read_as(struct tb_records_reader *reader,
			       struct tb_str key, struct tb_str text,
			       struct tb_connector_record *ret)
{
	return read_record(reader, &key, text, ret);
}

/* ---- many ---- */

static enum tb_err make_room(struct tb_records *records, struct tb_arena *arena)
{
	struct tb_connector_record *list;
	size_t cap = records->cap > 0 ? records->cap * 2 : RECORDS_MIN;

	if (records->n == TB_RECORDS_MAX)
		return TB_ERR_TOO_LARGE;
	if (records->n < records->cap)
		return TB_OK;
	list = tb_arena_resize(arena, records->list,
			       records->cap * sizeof(*list),
			       cap * sizeof(*list));
	if (list == NULL)
		return tb_arena_err(arena);
	records->list = list;
	records->cap = cap;
	return TB_OK;
}

enum tb_err tb_records_append(struct tb_arena *arena,
			      struct tb_records *records,
			      const struct tb_connector_record *record)
{
	enum tb_err err = make_room(records, arena);

	if (err == TB_OK)
		records->list[records->n++] = *record;
	return err;
}

enum tb_err tb_records_add(struct tb_records_reader *reader,
			   struct tb_records *records, struct tb_str text)
{
	enum tb_err err = make_room(records, reader->arena);

	if (err == TB_OK)
		err = tb_records_read(reader, text, &records->list[records->n]);
	if (err == TB_OK)
		records->n++;
	return err;
}

enum tb_err tb_records_add_array(struct tb_records_reader *reader,
				 struct tb_records *records,
				 struct tb_str array)
{
	struct tb_json_members it = tb_json_members(array);
	enum tb_err err = TB_OK;

	while (err == TB_OK && tb_json_elements_next(&it))
		err = tb_records_add(reader, records, it.value);
	return err == TB_OK && it.is_broken ? TB_ERR_INVALID : err;
}
