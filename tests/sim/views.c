#include "views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/system.h"

#define ARENA_MAX ((size_t)256 << 20)
#define MUST(call) assert_int_equal((call), TB_OK)

void look_begin(struct look *look, struct centre *centre)
{
	*look = (struct look) { .centre = centre,
				.arena = tb_arena_create(ARENA_MAX) };
	assert_non_null(look->arena);
	MUST(tb_core_read(centre->core, &look->tx));
	MUST(centre->store->ops->org_get(look->tx, FLEET_ORG, &look->org));
}

void look_end(struct look *look)
{
	tb_core_read_end(look->tx);
	tb_arena_destroy(look->arena);
}

static struct tb_record *find(struct look *look, uint64_t coll,
			      struct tb_str key)
{
	struct tb_key name = { .org = FLEET_ORG, .coll = coll, .key = key };
	struct tb_record *record = NULL;

	MUST(look->centre->store->ops->find(look->tx, look->arena, &name, 1,
					    &record));
	return record;
}

struct tb_record *look_find(struct look *look, const char *collection,
			    struct tb_str key)
{
	struct tb_record *name =
		find(look, TB_COLL_COLLECTION, tb_str_z(collection));

	return name != NULL ? find(look, name->rid, key) : NULL;
}

uint64_t look_scope(struct look *look, const char *name)
{
	struct tb_record *scope = find(look, TB_COLL_SCOPE, tb_str_z(name));

	return scope != NULL ? scope->rid : 0;
}

struct tb_sight look_sight(struct look *look,
			   const struct tb_collection *collection,
			   const struct tb_viewer *viewer)
{
	struct tb_sight sight;

	MUST(tb_sight_resolve(look->centre->core, look->tx, look->arena,
			      collection, viewer, &sight));
	return sight;
}

/* One scope from a number on; with `after_us` only what is later. */
static void walk(struct look *look, const struct tb_sight *sight,
		 uint64_t scope, uint64_t after, const int64_t *after_us,
		 look_row_fn *fn, void *ctx)
{
	const struct tb_store_ops *ops = look->centre->store->ops;
	struct tb_feed_query query = { .scope = scope,
				       .after = after,
				       .until = look->org.head,
				       .limit = UINT64_MAX,
				       .with_records = true,
				       .with_entries = true };
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	enum tb_err err;

	MUST(ops->feed_open(look->tx, &query, &cursor));
	while ((err = ops->feed_next(cursor, &row)) == TB_OK) {
		struct tb_seen seen;

		assert_true(tb_sight_of(sight, &row.record, &seen));
		assert_true(seen.num >= row.num);
		if (seen.num == row.num &&
		    (after_us == NULL || seen.time_us > *after_us))
			fn(ctx, look, &row.record, &seen);
	}
	assert_int_equal(err, TB_ERR_NOT_FOUND);
	ops->feed_close(cursor);
}

void look_above(struct look *look, const struct tb_sight *sight, uint64_t after,
		look_row_fn *fn, void *ctx)
{
	for (size_t i = 0; i < sight->n; i++)
		walk(look, sight, sight->scopes[i], after, NULL, fn, ctx);
}

void look_since(struct look *look, const struct tb_sight *sight,
		int64_t after_us, look_row_fn *fn, void *ctx)
{
	struct tb_imported imported;

	MUST(tb_sight_imported(look->tx, look->arena, FLEET_ORG, &imported));
	for (size_t i = 0; i < sight->n; i++) {
		uint64_t after;

		MUST(tb_sight_since(look->tx, &imported, sight->scopes[i],
				    after_us, look->org.head, &after));
		walk(look, sight, sight->scopes[i], after, &after_us, fn, ctx);
	}
}

/* ---- what is shown ---- */

static struct tb_json_value member_of(struct tb_arena *arena,
				      struct tb_str body, struct tb_str member)
{
	struct tb_json *json = tb_arena_alloc(arena, sizeof(*json));

	assert_non_null(json);
	MUST(tb_json_parse(arena, body, NULL, json, NULL));
	return tb_json_get(tb_json_root(json), member);
}

struct tb_str look_member(struct tb_arena *arena, struct tb_str body,
			  struct tb_str member)
{
	struct tb_json_value v = member_of(arena, body, member);
	struct tb_str text = TB_STR_NONE;

	if (tb_json_is(v, TB_JSON_NUMBER))
		return tb_json_raw(v);
	if (tb_json_is(v, TB_JSON_STRING))
		MUST(tb_json_string(arena, v, &text));
	return text;
}

/* The member of another record that a field shows. */
static void put_display(struct look *look,
			const struct tb_collection *collection,
			const struct tb_field *field, struct tb_str body,
			struct tb_buf *buf)
{
	const struct tb_field *from =
		tb_collection_field(collection, field->from);
	struct tb_str key = look_member(look->arena, body, from->name);
	struct tb_record *record = NULL;
	char name[64];

	tb_buf_append_char(buf, '|');
	assert_true(from->references.n < sizeof(name));
	memcpy(name, from->references.p, from->references.n);
	name[from->references.n] = '\0';
	if (key.p != NULL)
		record = look_find(look, name, key);
	if (record != NULL && !record->deleted)
		tb_buf_append_str(buf, look_member(look->arena, record->body,
						   field->show));
}

void look_render(struct look *look, const struct tb_collection *collection,
		 const struct tb_record *record, struct tb_buf *buf)
{
	tb_buf_printf(buf, "%llu|", (unsigned long long)tb_record_id(record));
	tb_buf_append_str(buf, record->body);
	for (size_t i = 0; i < collection->n_fields; i++)
		if (collection->fields[i].from.p != NULL)
			put_display(look, collection, &collection->fields[i],
				    record->body, buf);
}
