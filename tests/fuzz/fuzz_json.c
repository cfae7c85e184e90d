/*
 * The JSON reader beside jansson: what the reader accepts, jansson accepts and
 * understands alike; what it refuses and jansson accepts is over a ceiling or
 * holds a NUL, which jansson lets pass behind a value.
 */
#include "fuzz.h"

#include <jansson.h>

#include "codec/json.h"

#define ARENA_MAX ((size_t)64 << 20)

static void compare(struct tb_arena *arena, struct tb_json_value ours,
		    const json_t *theirs);

static void compare_string(struct tb_arena *arena, struct tb_json_value ours,
			   const json_t *theirs)
{
	struct tb_str expected =
		tb_str(json_string_value(theirs), json_string_length(theirs));
	struct tb_str s;

	TB_ASSERT(tb_json_string(arena, ours, &s) == TB_OK);
	TB_ASSERT(tb_str_eq(s, expected));
	TB_ASSERT(tb_json_string_is(ours, expected));
}

static void compare_integer(struct tb_json_value ours, const json_t *theirs)
{
	int64_t v;

	TB_ASSERT(tb_json_i64(ours, &v) == TB_OK);
	TB_ASSERT(v == json_integer_value(theirs));
}

static void compare_array(struct tb_arena *arena, struct tb_json_value ours,
			  const json_t *theirs)
{
	struct tb_json_iter it = tb_json_iter(ours);
	size_t n = 0;

	while (tb_json_next(&it))
		compare(arena, it.value, json_array_get(theirs, n++));
	TB_ASSERT(n == json_array_size(theirs));
}

static void compare_object(struct tb_arena *arena, struct tb_json_value ours,
			   const json_t *theirs)
{
	struct tb_json_iter it = tb_json_iter(ours);
	size_t n = 0;

	for (; tb_json_next(&it); n++) {
		struct tb_str key;
		TB_ASSERT(tb_json_string(arena, it.key, &key) == TB_OK);
		TB_ASSERT(tb_json_get(ours, key).node == it.value.node);
		compare(arena, it.value,
			json_object_getn(theirs, key.p, key.n));
	}
	TB_ASSERT(n == json_object_size(theirs));
}

/* As deep as the reader's own limit on depth allows. */
static void compare(struct tb_arena *arena, struct tb_json_value ours,
		    const json_t *theirs)
{
	static const json_type types[] = {
		[TB_JSON_NULL] = JSON_NULL,     [TB_JSON_FALSE] = JSON_FALSE,
		[TB_JSON_TRUE] = JSON_TRUE,     [TB_JSON_NUMBER] = JSON_REAL,
		[TB_JSON_STRING] = JSON_STRING, [TB_JSON_ARRAY] = JSON_ARRAY,
		[TB_JSON_OBJECT] = JSON_OBJECT,
	};

	TB_ASSERT(theirs != NULL);
	if (json_is_integer(theirs))
		compare_integer(ours, theirs);
	else
		TB_ASSERT(types[tb_json_kind(ours)] == json_typeof(theirs));
	if (json_is_string(theirs))
		compare_string(arena, ours, theirs);
	else if (json_is_array(theirs))
		compare_array(arena, ours, theirs);
	else if (json_is_object(theirs))
		compare_object(arena, ours, theirs);
}

/* A slice is JSON by itself, of the same kind and length. */
static void reparse_nodes(struct tb_arena *arena, const struct tb_json *json)
{
	for (uint32_t i = 0; i < json->n_nodes; i++) {
		struct tb_json_value v = { json, i };
		struct tb_json again;
		TB_ASSERT(tb_json_parse(arena, tb_json_raw(v), NULL, &again,
					NULL) == TB_OK);
		TB_ASSERT(again.nodes[0].kind == json->nodes[i].kind);
		TB_ASSERT(again.nodes[0].len == json->nodes[i].len);
		TB_ASSERT(again.n_nodes == json->nodes[i].next - i);
	}
}

/* Fewer nodes change nothing about what is accepted, nor where it fails. */
static void parse_without_tape(struct tb_arena *arena, struct tb_str text,
			       enum tb_err err, size_t offset)
{
	struct tb_json_limits limits = tb_json_default_limits;
	struct tb_json_error error = { 0 };
	struct tb_json json;

	limits.tape_depth = 0;
	TB_ASSERT(tb_json_parse(arena, text, &limits, &json, &error) == err);
	TB_ASSERT(error.offset == offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_str text = fuzz_input(data, n);
	struct tb_json_error error = { 0 };
	struct tb_json json;
	json_error_t their_error;

	enum tb_err err = tb_json_parse(arena, text, NULL, &json, &error);
	parse_without_tape(arena, text, err, error.offset);
	json_t *theirs = json_loadb((const char *)data, n,
				    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
				    &their_error);
	if (err == TB_OK) {
		reparse_nodes(arena, &json);
		/* jansson has numbers of a fixed size; the reader has not. */
		if (theirs != NULL)
			compare(arena, tb_json_root(&json), theirs);
		else
			TB_ASSERT(json_error_code(&their_error) ==
				  json_error_numeric_overflow);
	} else {
		TB_ASSERT(error.what != NULL && error.offset <= n);
		TB_ASSERT(theirs == NULL || err == TB_ERR_TOO_DEEP ||
			  memchr(data, '\0', n) != NULL);
	}
	json_decref(theirs);
	tb_arena_destroy(arena);
	return 0;
}
