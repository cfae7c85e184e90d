/*
 * The splitter beside the strict reader: of what the reader accepts as an
 * object it finds the same members, as an array the same elements; of anything
 * else it says that it is
 * broken, or ends, and what it gives lies in the text, in order.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "codec/json.h"
#include "codec/json_members.h"

#define ARENA_MAX ((size_t)64 << 20)

static void compare(struct tb_json_value root, struct tb_str text)
{
	struct tb_json_iter expected = tb_json_iter(root);
	struct tb_json_members it = tb_json_members(text);

	while (tb_json_next(&expected)) {
		TB_ASSERT(tb_json_members_next(&it));
		TB_ASSERT(tb_str_eq(it.key, tb_json_raw(expected.key)));
		TB_ASSERT(tb_str_eq(it.value, tb_json_raw(expected.value)));
	}
	TB_ASSERT(!tb_json_members_next(&it));
	TB_ASSERT(!it.is_broken);
}

static bool walk(struct tb_str text)
{
	struct tb_json_members it = tb_json_members(text);
	const char *at = text.p;

	while (tb_json_members_next(&it)) {
		TB_ASSERT(it.key.n >= 2 && it.value.n >= 1);
		TB_ASSERT(it.key.p > at && it.value.p > it.key.p + it.key.n);
		at = it.value.p + it.value.n;
		TB_ASSERT(at <= text.p + text.n);
	}
	TB_ASSERT(!tb_json_members_next(&it));
	return !it.is_broken;
}

static void compare_elements(struct tb_json_value root, struct tb_str text)
{
	struct tb_json_iter expected = tb_json_iter(root);
	struct tb_json_members it = tb_json_members(text);

	while (tb_json_next(&expected)) {
		TB_ASSERT(tb_json_elements_next(&it));
		TB_ASSERT(tb_str_eq(it.value, tb_json_raw(expected.value)));
	}
	TB_ASSERT(!tb_json_elements_next(&it));
	TB_ASSERT(!it.is_broken);
}

static bool walk_elements(struct tb_str text)
{
	struct tb_json_members it = tb_json_members(text);
	const char *at = text.p;

	while (tb_json_elements_next(&it)) {
		TB_ASSERT(it.value.n >= 1 && it.value.p > at);
		at = it.value.p + it.value.n;
		TB_ASSERT(at <= text.p + text.n);
	}
	TB_ASSERT(!tb_json_elements_next(&it));
	return !it.is_broken;
}

/* What is met by its lead is what would have come. */
static void meet(struct tb_str text)
{
	struct tb_json_members it = tb_json_members(text);
	struct tb_json_members met = it;

	while (tb_json_members_next(&it)) {
		struct tb_buf lead;

		tb_buf_init(&lead, it.key.n + 2);
		tb_buf_append_char(&lead, ',');
		tb_buf_append_str(&lead, it.key);
		tb_buf_append_char(&lead, ':');
		TB_ASSERT(!tb_buf_err(&lead));
		TB_ASSERT(tb_json_members_meet(&met, tb_buf_str(&lead)) ||
			  tb_json_members_next(&met));
		tb_buf_fini(&lead);
		TB_ASSERT(tb_str_eq(it.key, met.key));
		TB_ASSERT(tb_str_eq(it.value, met.value));
	}
	TB_ASSERT(!tb_json_members_next(&met));
	TB_ASSERT(met.is_broken == it.is_broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_str text = fuzz_input(data, n);
	struct tb_json json;
	bool is_whole = walk(text), is_list = walk_elements(text);

	meet(text);
	limits.tape_depth = 1;
	limits.allow_nul = true;
	if (tb_json_parse(arena, text, &limits, &json, NULL) == TB_OK) {
		struct tb_json_value root = tb_json_root(&json);

		TB_ASSERT(is_whole == tb_json_is(root, TB_JSON_OBJECT));
		TB_ASSERT(is_list == tb_json_is(root, TB_JSON_ARRAY));
		if (is_whole)
			compare(root, text);
		if (is_list)
			compare_elements(root, text);
	}
	tb_arena_destroy(arena);
	return 0;
}
