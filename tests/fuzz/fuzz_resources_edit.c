/*
 * Edits of the resources API. Whatever comes, what is to be stored of it is an
 * object that the declaration takes, with members of the caller's alone, and
 * what is ignored can stand in a header.
 */
#include "fuzz.h"

#include "api/resources/edit.h"
#include "http/route.h"
#include "kernel/fields.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define S TB_STR_INIT

static const struct tb_str any[] = { S("any") };
static const struct tb_str staff[] = { S("staff") };
static const struct tb_str states[] = { S("NEW"), S("DONE") };

#define FIELD(name_, type_)                                                    \
	.name = S(name_), .type = (type_), .nullable = true, .writers = any,   \
	.n_writers = 1

static const struct tb_field fields[] = {
	{ FIELD("s", TB_FIELD_STRING) },
	{ FIELD("t", TB_FIELD_TEXT) },
	{ FIELD("i", TB_FIELD_INTEGER) },
	{ FIELD("n", TB_FIELD_DECIMAL) },
	{ FIELD("b", TB_FIELD_BOOLEAN) },
	{ FIELD("at", TB_FIELD_DATETIME) },
	{ FIELD("d", TB_FIELD_DATE) },
	{ FIELD("e", TB_FIELD_ENUM), .values = states, .n_values = 2 },
	{ FIELD("j", TB_FIELD_JSON) },
	{ FIELD("ri", TB_FIELD_INTEGER), .references = S("numbered") },
	{ FIELD("rs", TB_FIELD_STRING), .references = S("labelled") },
	{ .name = S("must"),
	  .type = TB_FIELD_TEXT,
	  .required = true,
	  .writers = staff,
	  .n_writers = 1 },
	{ FIELD("ro", TB_FIELD_STRING), .read_only = true },
	{ FIELD("h", TB_FIELD_STRING), .hidden = true },
};
static const struct tb_collection collections[] = {
	{ .name = S("things"),
	  .path = S("things"),
	  .id_type = TB_ID_INTEGER,
	  .fields = fields,
	  .n_fields = TB_ARRAY_LEN(fields) },
	{ .name = S("numbered"), .id_type = TB_ID_INTEGER },
	{ .name = S("labelled"), .id_type = TB_ID_STRING },
};
static const struct tb_declaration declaration = {
	.collections = collections,
	.n_collections = TB_ARRAY_LEN(collections),
};

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	(void)req;
	(void)error;
	tb_buf_append_z(buf, "{}");
}

static const struct tb_api api = { .put_error = put_error };

/* Half of what is looked for is there. */
static enum tb_err find(void *ctx, const struct tb_collection *target,
			struct tb_str id, struct tb_str *ret_key)
{
	(void)ctx;
	(void)target;
	if (id.n % 2 == 0)
		return TB_ERR_NOT_FOUND;
	*ret_key = id;
	return TB_OK;
}

static void check_ignored(struct tb_str ignored)
{
	TB_ASSERT(ignored.n <= TB_EDIT_IGNORED_MAX_BYTES);
	for (size_t i = 0; i < ignored.n; i++)
		TB_ASSERT(ignored.p[i] >= ' ' && ignored.p[i] <= '~');
}

static void check_changes(struct tb_arena *arena,
			  const struct tb_edit_rules *rules,
			  struct tb_str changes)
{
	struct tb_json json;
	struct tb_json_iter it;
	struct tb_str message;
	bool is_whole = rules->action == TB_RESOURCE_CREATE ||
			rules->action == TB_RESOURCE_REPLACE;

	TB_ASSERT(!tb_json_parse(arena, changes, NULL, &json, NULL));
	it = tb_json_iter(tb_json_root(&json));
	while (tb_json_next(&it)) {
		const struct tb_field *field;
		struct tb_str name;

		TB_ASSERT(!tb_json_string(arena, it.key, &name));
		field = tb_collection_field(rules->collection, name);
		TB_ASSERT(field && !field->read_only && !field->hidden);
		TB_ASSERT(rules->action != TB_RESOURCE_SYNC ||
			  !field->required);
	}
	if (is_whole)
		TB_ASSERT(!tb_fields_check(arena, rules->collection, changes,
					   &message));
}

static void check(struct tb_arena *arena, struct tb_str body,
		  enum tb_resource_action action)
{
	const struct tb_edit_rules rules = { .declaration = &declaration,
					     .collection = &collections[0],
					     .action = action,
					     .find = find };
	struct tb_request req = { .body = body, .api = &api, .arena = arena };
	struct tb_response res = { .arena = arena };
	struct tb_resources_form form;
	struct tb_edit_changes changes;
	struct tb_str id;

	tb_buf_init(&res.body, 0);
	if (tb_resources_form_open(&form, &req, &res)) {
		TB_ASSERT(!tb_edit_read(&rules, &form, &changes));
		if (form.n_errors == 0) {
			check_changes(arena, &rules, changes.changes);
			check_ignored(changes.ignored);
		}
		id = tb_edit_read_id(&form);
		TB_ASSERT(!id.p || (id.n > 0 && id.n <= 255));
	}
	tb_response_empty(&res, res.status);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);

	TB_ASSERT(arena);
	for (unsigned action = TB_RESOURCE_CREATE; action <= TB_RESOURCE_PATCH;
	     action++)
		check(arena, fuzz_input(data, n),
		      (enum tb_resource_action)action);
	tb_arena_destroy(arena);
	return 0;
}
