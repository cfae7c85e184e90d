/*
 * What clients of the resources API ask for, and the records that they get. A
 * cursor that is read is written the same; a query says what is wrong with it,
 * or is within its limits; a stored object becomes an object that can be read,
 * with each declared member once.
 */
#include "fuzz.h"

#include "api/resources/query.h"
#include "api/resources/render.h"
#include "codec/json.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define TEXT_MAX_BYTES ((size_t)1 << 20)
#define LATEST_US 2000000000000000ll
#define PAGE_MAX 100

#define S TB_STR_INIT

static const struct tb_str values[] = { S("a"), S("b") };
static const struct tb_field fields[] = {
	{ .name = S("n"), .type = TB_FIELD_INTEGER },
	{ .name = S("d"), .type = TB_FIELD_DECIMAL },
	{ .name = S("o"), .type = TB_FIELD_BOOLEAN },
	{ .name = S("e"),
	  .type = TB_FIELD_ENUM,
	  .values = values,
	  .n_values = 2 },
	{ .name = S("t"), .type = TB_FIELD_TEXT },
	{ .name = S("r"), .type = TB_FIELD_INTEGER, .references = S("c") },
	{ .name = S("s"),
	  .type = TB_FIELD_STRING,
	  .from = S("r"),
	  .show = S("t") },
	{ .name = S("h"), .type = TB_FIELD_JSON, .hidden = true },
};
static const struct tb_filter filters[] = {
	{ .field = S("n") }, { .field = S("d") }, { .field = S("o") },
	{ .field = S("e") }, { .field = S("t") }, { .field = S("r") },
};
static const struct tb_collection collection = {
	.name = S("c"),
	.path = S("c"),
	.id_type = TB_ID_INTEGER,
	.created_name = S("created_at"),
	.updated_name = S("updated_at"),
	.synced_name = S("last_synced_at"),
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.filters = filters,
	.n_filters = sizeof(filters) / sizeof(filters[0]),
};
static const struct tb_declaration declaration = { .collections = &collection,
						   .n_collections = 1 };

static void cursor(struct tb_str text)
{
	char buf[TB_RESOURCES_CURSOR_MAX_BYTES];
	struct tb_resources_cursor read;

	if (!tb_resources_cursor_parse(text, &read))
		TB_ASSERT(
			tb_str_eq(tb_resources_cursor_text(&read, buf), text));
}

static void query(struct tb_arena *arena, struct tb_str text)
{
	struct tb_resources_query_limits limits = {
		.collection = &collection,
		.declaration = &declaration,
		.page_max = PAGE_MAX,
		.latest_us = LATEST_US,
	};
	struct tb_request req = { .query = text, .arena = arena };
	struct tb_resources_flaw flaw = { .name = TB_STR_NONE };
	struct tb_resources_query read;
	enum tb_err err = tb_resources_query_read(&req, &limits, &read, &flaw);

	if (err) {
		TB_ASSERT(err == TB_ERR_INVALID);
		TB_ASSERT(flaw.name.n > 0 && flaw.message.n > 0);
		return;
	}
	TB_ASSERT(read.limit <= PAGE_MAX);
	TB_ASSERT(!read.has_after || read.limit > 0);
	TB_ASSERT(!read.has_since || read.since_us <= LATEST_US);
}

/* A value that names a record is a string or what is written like one word. */
static enum tb_err look_up(void *ctx, const struct tb_layout_member *member,
			   struct tb_str value, struct tb_str *ret)
{
	struct tb_str key;
	enum tb_err err = tb_render_key(ctx, value, &key);

	TB_ASSERT(member->target == &collection);
	TB_ASSERT(!err);
	*ret = key.p ? TB_STR("\"found\"") : TB_STR("null");
	return TB_OK;
}

/* Each name once, and all that are shown. */
static void check_record(struct tb_arena *arena, const struct tb_layout *layout,
			 struct tb_str text)
{
	struct tb_json json;
	struct tb_json_value root;

	/* It refuses what has a name twice. */
	TB_ASSERT(!tb_json_parse(arena, text, NULL, &json, NULL));
	root = tb_json_root(&json);
	TB_ASSERT(tb_json_is(tb_json_get(root, TB_STR("id")), TB_JSON_NUMBER));
	for (size_t i = 0; i < layout->n_fields; i++) {
		bool is_there = !tb_json_is_absent(
			tb_json_get(root, layout->members[i].name));

		TB_ASSERT(is_there ==
			  (layout->members[i].kind != TB_MEMBER_HIDDEN));
	}
	TB_ASSERT(tb_json_is(tb_json_get(root, TB_STR("updated_at")),
			     TB_JSON_STRING));
}

static void record(struct tb_arena *arena, struct tb_str body)
{
	struct tb_render_options options = { .lookup = look_up,
					     .lookup_ctx = arena };
	struct tb_render_record shown = { .id = 1, .body = body };
	struct tb_render *render;
	struct tb_json json;
	struct tb_buf buf;
	/* What is stored was read before. */
	bool is_stored = !tb_json_parse(arena, body, NULL, &json, NULL) &&
			 tb_json_is(tb_json_root(&json), TB_JSON_OBJECT);
	enum tb_err err;

	TB_ASSERT(!tb_layout_create(arena, &declaration, &collection,
				    &options.layout));
	render = tb_render_create(&options);
	TB_ASSERT(render);
	tb_buf_init(&buf, TEXT_MAX_BYTES);
	err = is_stored ? tb_render_put(render, &shown, &buf) : TB_OK;
	TB_ASSERT(!err);
	if (is_stored)
		check_record(arena, options.layout, tb_buf_str(&buf));
	tb_buf_fini(&buf);
	tb_render_destroy(render);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_str text = fuzz_input(data, n);

	TB_ASSERT(arena);
	cursor(text);
	query(arena, text);
	record(arena, text);
	tb_arena_destroy(arena);
	return 0;
}
