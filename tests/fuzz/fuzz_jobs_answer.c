/*
 * A page of a source: what the envelope gives as records lies in the answer,
 * and so does each body, which is an object by the strict reader. Of an answer
 * that is strict JSON as a whole all elements come.
 */
#include "fuzz.h"

#include "codec/json.h"
#include "jobs/connectors/envelope.h"
#include "jobs/connectors/records.h"

#define ARENA_MAX ((size_t)64 << 20)

static const struct tb_rename renames[] = {
	{ TB_STR_INIT("a"), TB_STR_INIT("b") },
};
static const struct tb_source_entity plain = {
	.key = TB_STR_INIT("id"),
	.deleted_field = TB_STR_INIT("gone"),
};
static const struct tb_source_entity renaming = {
	.key = TB_STR_INIT("id"),
	.renames = renames,
	.n_renames = 1,
};

static void check_record(struct tb_arena *arena, struct tb_str text,
			 const struct tb_connector_record *record)
{
	struct tb_json json;

	TB_ASSERT(record->refused != NULL || record->key.n > 0);
	TB_ASSERT((record->refused != NULL) == (record->message.n > 0));
	if (record->body.n == 0) {
		TB_ASSERT(record->refused != NULL);
		return;
	}
	TB_ASSERT(tb_json_parse(arena, record->body, NULL, &json, NULL) ==
		  TB_OK);
	TB_ASSERT(tb_json_is(tb_json_root(&json), TB_JSON_OBJECT));
	if (text.p != NULL) {
		TB_ASSERT(record->body.p >= text.p);
		TB_ASSERT(record->body.p + record->body.n <= text.p + text.n);
	}
}

static void cut(struct tb_arena *arena, const struct tb_source_entity *entity,
		struct tb_str items, bool is_slice, size_t *ret_n)
{
	struct tb_records records = { 0 };
	struct tb_records_reader reader;
	enum tb_err err;

	TB_ASSERT(tb_records_reader_init(&reader, entity, arena) == TB_OK);
	err = tb_records_add_array(&reader, &records, items);
	tb_records_reader_fini(&reader);
	TB_ASSERT(err == TB_OK || err == TB_ERR_INVALID);
	for (size_t i = 0; i < records.n; i++)
		check_record(arena, is_slice ? items : TB_STR_NONE,
			     &records.list[i]);
	*ret_n = err == TB_OK ? records.n : SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct tb_envelope_form form = {
		.items = TB_STR_INIT("items"),
		.total = TB_STR_INIT("total"),
		.cursor = TB_STR_INIT("next"),
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_str text = fuzz_input(data, n);
	struct tb_json json;
	struct tb_envelope envelope;
	const char *problem = NULL;
	size_t n_plain = 0, n_renamed = 0;
	enum tb_err err;

	TB_ASSERT(arena != NULL);
	err = tb_envelope_open(arena, text, &form, &envelope, &problem);
	TB_ASSERT(err == TB_OK || (err == TB_ERR_INVALID && problem != NULL));
	if (err == TB_OK) {
		TB_ASSERT(envelope.items.p > text.p);
		TB_ASSERT(envelope.items.p + envelope.items.n <
			  text.p + text.n);
		cut(arena, &plain, envelope.items, true, &n_plain);
		cut(arena, &renaming, envelope.items, false, &n_renamed);
		TB_ASSERT(n_plain == n_renamed);
	}
	if (tb_json_parse(arena, text, NULL, &json, NULL) == TB_OK) {
		struct tb_json_value root = tb_json_root(&json);
		struct tb_json_value items = tb_json_get(root, TB_STR("items"));

		if (err == TB_OK)
			TB_ASSERT(n_plain == tb_json_count(items));
		else
			TB_ASSERT(!tb_json_is(items, TB_JSON_ARRAY) ||
				  !tb_json_is_absent(
					  tb_json_get(root, TB_STR("next"))));
	}
	tb_arena_destroy(arena);
	return 0;
}
