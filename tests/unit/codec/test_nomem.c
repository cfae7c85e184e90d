/*
 * Every codec with each of its allocations failing in turn: the answer is
 * NOMEM, and nothing is lost (ASan looks).
 */
#include "../base/torture.h"

#include "codec/digest.h"
#include "codec/gzip.h"
#include "codec/json.h"
#include "codec/time.h"

#define TEXT_MAX ((size_t)1 << 20)

static struct tb_buf input;

/* Objects wide and deep, escaped keys and texts: all that takes memory. */
static void put_input(void)
{
	tb_buf_init(&input, TEXT_MAX);
	tb_buf_append_char(&input, '{');
	for (int i = 0; i < 300; i++)
		tb_buf_printf(&input, "\"\\u006bey %d\":[1,\"\\n\"],", i);
	tb_buf_append_z(&input, "\"deep\":");
	for (int i = 0; i < 40; i++)
		tb_buf_append_z(&input, "{\"a\":");
	tb_buf_append_char(&input, '1');
	for (int i = 0; i < 41; i++)
		tb_buf_append_char(&input, '}');
}

static enum tb_err decode_all(struct tb_arena *arena,
			      const struct tb_json *json)
{
	enum tb_err err = TB_OK;

	for (uint32_t i = 0; i < json->n_nodes && err == TB_OK; i++) {
		struct tb_json_value v = { json, i };
		struct tb_str s;
		if (tb_json_is(v, TB_JSON_STRING))
			err = tb_json_string(arena, v, &s);
	}
	return err;
}

static enum tb_err read_json(void)
{
	struct tb_arena *arena = tb_arena_create(TEXT_MAX);
	struct tb_json json;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	enum tb_err err =
		tb_json_parse(arena, tb_buf_str(&input), NULL, &json, NULL);
	if (err == TB_OK)
		err = decode_all(arena, &json);
	tb_arena_destroy(arena);
	return err;
}

static enum tb_err write_json(void)
{
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, TEXT_MAX);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "text", tb_buf_str(&input));
	tb_json_kv_int(&w, "number", -1);
	tb_json_end_object(&w);
	enum tb_err err = tb_buf_err(&buf);
	tb_buf_fini(&buf);
	return err;
}

static enum tb_err unpack(struct tb_str packed)
{
	struct tb_gunzip *gz = tb_gunzip_create();
	struct tb_buf out;

	if (gz == NULL)
		return TB_ERR_NOMEM;
	tb_buf_init(&out, TEXT_MAX);
	/* By pieces: zlib takes its window only then. */
	struct tb_str head = tb_str(packed.p, packed.n / 2);
	struct tb_str tail = tb_str(packed.p + head.n, packed.n - head.n);
	enum tb_err err = tb_gunzip_feed(gz, head, &out);
	if (err == TB_OK)
		err = tb_gunzip_feed(gz, tail, &out);
	if (err == TB_OK && !tb_str_eq(tb_buf_str(&out), tb_buf_str(&input)))
		err = TB_ERR_CORRUPT;
	tb_buf_fini(&out);
	tb_gunzip_destroy(gz);
	return err;
}

static enum tb_err gzip_there_and_back(void)
{
	struct tb_buf packed;

	tb_buf_init(&packed, TEXT_MAX);
	enum tb_err err = tb_gzip_compress(tb_buf_str(&input), 1, &packed);
	if (err == TB_OK)
		err = unpack(tb_buf_str(&packed));
	tb_buf_fini(&packed);
	return err;
}

static enum tb_err digests_and_times(void)
{
	struct tb_buf text;
	struct tb_buf back;

	tb_buf_init(&text, TEXT_MAX);
	tb_buf_init(&back, TEXT_MAX);
	tb_base64_put(&text, tb_buf_str(&input));
	enum tb_err err = tb_buf_err(&text);
	if (err == TB_OK)
		err = tb_base64_parse(tb_buf_str(&text), &back);
	tb_hex_put(&text, tb_buf_str(&input));
	tb_time_put(&text, 0);
	tb_time_put_http(&text, 0);
	if (err == TB_OK)
		err = tb_buf_err(&text);
	tb_buf_fini(&text);
	tb_buf_fini(&back);
	return err;
}

static void json_reader_survives_each_failure(void **state)
{
	(void)state;
	assert_true(torture(read_json) >= 5);
}

static void json_writer_survives_each_failure(void **state)
{
	(void)state;
	assert_true(torture(write_json) >= 2);
}

static void gzip_survives_each_failure(void **state)
{
	(void)state;
	assert_true(torture(gzip_there_and_back) >= 5);
}

static void digests_and_times_survive_each_failure(void **state)
{
	(void)state;
	assert_true(torture(digests_and_times) >= 5);
}

static int set_up(void **state)
{
	(void)state;
	put_input();
	return tb_digest_init() == TB_OK && tb_buf_err(&input) == TB_OK ? 0
									: -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_buf_fini(&input);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_reader_survives_each_failure),
		cmocka_unit_test(json_writer_survives_each_failure),
		cmocka_unit_test(gzip_survives_each_failure),
		cmocka_unit_test(digests_and_times_survive_each_failure),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
