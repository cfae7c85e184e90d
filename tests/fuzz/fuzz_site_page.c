/*
 * Pages of the sites API as another server sends them: a record that is taken
 * is an object with a key, its bytes are the answer's own, and each is of an
 * entity that was asked for. What a push is answered marks records only.
 */
#include "fuzz.h"

#include "codec/json.h"
#include "jobs/connectors/site_page.h"
#include "jobs/connectors/site_send.h"

#define ARENA_MAX ((size_t)64 << 20)

static const struct tb_source_entity entities[] = {
	{ .path = TB_STR_INIT("item"), .key = TB_STR_INIT("id") },
	{ .path = TB_STR_INIT("u"),
	  .key = TB_STR_INIT("id"),
	  .deleted_field = TB_STR_INIT("gone") },
};

static bool is_object(struct tb_arena *arena, struct tb_str body)
{
	struct tb_json json;

	return tb_json_parse(arena, body, NULL, &json, NULL) == TB_OK &&
	       tb_json_is(tb_json_root(&json), TB_JSON_OBJECT);
}

static void read_page(struct tb_arena *arena, struct tb_str answer)
{
	const char *problem = NULL;
	struct tb_site_page page;
	enum tb_err err =
		tb_site_page_read(arena, answer, entities, 2, &page, &problem);

	TB_ASSERT(err == TB_OK || (err == TB_ERR_INVALID && problem != NULL));
	if (err != TB_OK)
		return;
	TB_ASSERT(page.records.n <= page.n);
	for (size_t i = 0; i < page.records.n; i++) {
		const struct tb_connector_record *r = &page.records.list[i];

		TB_ASSERT(r->entity == &entities[0] ||
			  r->entity == &entities[1]);
		if (r->refused != NULL)
			continue;
		TB_ASSERT(r->key.n > 0);
		TB_ASSERT(is_object(arena, r->body));
		TB_ASSERT(tb_str_eq(r->body, TB_STR("{}")) ||
			  (r->body.p >= answer.p &&
			   r->body.p + r->body.n <= answer.p + answer.n));
	}
}

static void judge(struct tb_arena *arena, struct tb_str answer)
{
	struct tb_connector_record records[] = { { .key = TB_STR("a") },
						 { .key = TB_STR("") } };

	TB_ASSERT(tb_site_batch_judge(arena, answer, records, 2) == TB_OK);
	for (size_t i = 0; i < 2; i++)
		TB_ASSERT(records[i].refused == NULL ||
			  records[i].message.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	TB_ASSERT(arena != NULL);
	read_page(arena, fuzz_input(data, n));
	judge(arena, fuzz_input(data, n));
	tb_arena_destroy(arena);
	return 0;
}
