/*
 * Socket.IO packets as text: the protocol's own examples both ways, and what
 * is malformed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "realtime/sio_packet.h"
#include "realtime/sio_placeholder.h"

#define ARENA_MAX ((size_t)1 << 20)
#define BUF_MAX ((size_t)1 << 20)
#define P0 "{\"_placeholder\":true,\"num\":0}"
#define P1 "{\"_placeholder\":true,\"num\":1}"

static const struct tb_sio_limits limits = {
	.nsp_max_bytes = 20,
	.attachments_max = 3,
	.attachments_max_bytes = 100,
};

static const struct example {
	const char *text;
	enum tb_sio_kind kind;
	const char *nsp;
	const char *data;
	const char *name;
	int64_t id; /* -1: none */
	size_t n_attachments;
} examples[] = {
	{ "0", TB_SIO_CONNECT, "/", "", "", -1 },
	{ "0{\"token\":\"123\"}", TB_SIO_CONNECT, "/", "{\"token\":\"123\"}",
	  "", -1 },
	{ "0/admin,{\"sid\":\"oSO0OpakMV_3jnilAAAA\"}", TB_SIO_CONNECT,
	  "/admin", "{\"sid\":\"oSO0OpakMV_3jnilAAAA\"}", "", -1 },
	{ "0/admin,", TB_SIO_CONNECT, "/admin", "", "", -1 },
	{ "1", TB_SIO_DISCONNECT, "/", "", "", -1 },
	{ "1/admin,", TB_SIO_DISCONNECT, "/admin", "", "", -1 },
	{ "2[\"foo\"]", TB_SIO_EVENT, "/", "[\"foo\"]", "foo", -1 },
	{ "2/admin,[\"bar\"]", TB_SIO_EVENT, "/admin", "[\"bar\"]", "bar", -1 },
	{ "2[\"hey\",\"Jude\"]", TB_SIO_EVENT, "/", "[\"hey\",\"Jude\"]", "hey",
	  -1 },
	{ "212[\"foo\"]", TB_SIO_EVENT, "/", "[\"foo\"]", "foo", 12 },
	{ "20[\"foo\"]", TB_SIO_EVENT, "/", "[\"foo\"]", "foo", 0 },
	{ "2/admin,1[\"tellme\"]", TB_SIO_EVENT, "/admin", "[\"tellme\"]",
	  "tellme", 1 },
	{ "2456[\"message-with-ack\",1,\"2\",{\"3\":[false]}]", TB_SIO_EVENT,
	  "/", "[\"message-with-ack\",1,\"2\",{\"3\":[false]}]",
	  "message-with-ack", 456 },
	{ "29223372036854775807[\"a\"]", TB_SIO_EVENT, "/", "[\"a\"]", "a",
	  INT64_MAX },
	{ "2[\"\"]", TB_SIO_EVENT, "/", "[\"\"]", "", -1 },
	{ "2[\"a\\u0062\"]", TB_SIO_EVENT, "/", "[\"a\\u0062\"]", "ab", -1 },
	{ "2[\"a\"," P0 "]", TB_SIO_EVENT, "/", "[\"a\"," P0 "]", "a", -1 },
	{ "3/admin,13[\"bar\"]", TB_SIO_ACK, "/admin", "[\"bar\"]", "", 13 },
	{ "312[]", TB_SIO_ACK, "/", "[]", "", 12 },
	{ "4{\"message\":\"Not authorized\"}", TB_SIO_CONNECT_ERROR, "/",
	  "{\"message\":\"Not authorized\"}", "", -1 },
	{ "4\"Not authorized\"", TB_SIO_CONNECT_ERROR, "/",
	  "\"Not authorized\"", "", -1 },
	{ "4/random,{\"message\":\"Invalid namespace\"}", TB_SIO_CONNECT_ERROR,
	  "/random", "{\"message\":\"Invalid namespace\"}", "", -1 },
	{ "51-[\"baz\"," P0 "]", TB_SIO_EVENT, "/", "[\"baz\"," P0 "]", "baz",
	  -1, 1 },
	{ "52-/admin,[\"baz\"," P0 "," P1 "]", TB_SIO_EVENT, "/admin",
	  "[\"baz\"," P0 "," P1 "]", "baz", -1, 2 },
	{ "52-789[\"message-with-ack\"," P0 "," P1 "]", TB_SIO_EVENT, "/",
	  "[\"message-with-ack\"," P0 "," P1 "]", "message-with-ack", 789, 2 },
	{ "52-[\"a\",{\"x\":[" P1 "]}," P0 "]", TB_SIO_EVENT, "/",
	  "[\"a\",{\"x\":[" P1 "]}," P0 "]", "a", -1, 2 },
	{ "61-15[\"bar\"," P0 "]", TB_SIO_ACK, "/", "[\"bar\"," P0 "]", "", 15,
	  1 },
	{ "61-/admin,1[" P0 "]", TB_SIO_ACK, "/admin", "[" P0 "]", "", 1, 1 },
};

/* Read, but written in another way. */
static const struct example variants[] = {
	{ "0/custom", TB_SIO_CONNECT, "/custom", "", "", -1 },
	{ "1/custom", TB_SIO_DISCONNECT, "/custom", "", "", -1 },
	{ "0/", TB_SIO_CONNECT, "/", "", "", -1 },
	{ "0/,{}", TB_SIO_CONNECT, "/", "{}", "", -1 },
	{ "2/,7[\"a\"]", TB_SIO_EVENT, "/", "[\"a\"]", "a", 7 },
	{ "2 [\"a\" ] ", TB_SIO_EVENT, "/", "[\"a\" ]", "a", -1 },
	{ "50-[\"a\"]", TB_SIO_EVENT, "/", "[\"a\"]", "a", -1 },
	{ "51-[\"a\",{\"num\" : 0, \"_placeholder\":true}]", TB_SIO_EVENT, "/",
	  "[\"a\",{\"num\" : 0, \"_placeholder\":true}]", "a", -1, 1 },
	{ "51-[\"a\",{\"_placeholder\":false}," P0 "]", TB_SIO_EVENT, "/",
	  "[\"a\",{\"_placeholder\":false}," P0 "]", "a", -1, 1 },
};

static enum tb_err decode(struct tb_arena *arena, const char *text,
			  struct tb_sio_packet *ret, const char **ret_what)
{
	return tb_sio_decode(arena, tb_str_z(text), &limits, ret, ret_what);
}

static void assert_example(const struct example *row,
			   const struct tb_sio_packet *packet)
{
	assert_int_equal(packet->kind, row->kind);
	assert_true(tb_str_eq(packet->nsp, tb_str_z(row->nsp)));
	assert_true(tb_str_eq(packet->data, tb_str_z(row->data)));
	assert_true(tb_str_eq(packet->name, tb_str_z(row->name)));
	assert_int_equal(packet->has_id, row->id >= 0);
	assert_int_equal(packet->id, row->id >= 0 ? row->id : 0);
	assert_int_equal(packet->n_attachments, row->n_attachments);
	assert_null(packet->attachments);
}

static void read_examples(const struct example *rows, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	for (size_t i = 0; i < n; i++) {
		struct tb_sio_packet packet;
		const char *what;
		assert_int_equal(decode(arena, rows[i].text, &packet, &what),
				 TB_OK);
		assert_example(&rows[i], &packet);
	}
	tb_arena_destroy(arena);
}

static void the_examples_are_read(void **state)
{
	(void)state;
	read_examples(examples, TB_ARRAY_LEN(examples));
	read_examples(variants, TB_ARRAY_LEN(variants));
}

static void the_examples_are_written(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BUF_MAX);
	for (size_t i = 0; i < TB_ARRAY_LEN(examples); i++) {
		const struct example *row = &examples[i];
		struct tb_sio_packet packet = {
			.kind = row->kind,
			.nsp = tb_str_z(row->nsp),
			.data = tb_str_z(row->data),
			.has_id = row->id >= 0,
			.id = row->id >= 0 ? (uint64_t)row->id : 0,
			.n_attachments = row->n_attachments,
		};
		tb_buf_reset(&buf);
		tb_sio_put(&buf, &packet);
		assert_int_equal(tb_buf_err(&buf), TB_OK);
		assert_true(tb_str_eq(tb_buf_str(&buf), tb_str_z(row->text)));
	}
	tb_buf_fini(&buf);
}

static const char *const malformed[] = {
	"",
	"abc",
	"7",
	"9[\"a\"]",
	" 2[\"a\"]",
	"-1",
	/* data */
	"2",
	"2/admin,",
	"2/admin",
	"2/admin[\"a\"]",
	"2{}",
	"2[]",
	"2null",
	"2\"a\"",
	"2[\"a\"",
	"2[\"a\"]]",
	"2[\"a\"],",
	"2[\"a\"]x",
	"2[\"a\",]",
	"2['a']",
	"2[\"\xff\"]",
	"2[\"\\ud800\"]",
	"2[\"a\",{\"b\":1,\"b\":2}]",
	"2[1]",
	"2[null,\"a\"]",
	"2[[\"a\"]]",
	"0[]",
	"0\"a\"",
	"0null",
	"0{",
	"0{}x",
	"0admin",
	"1{}",
	"1[]",
	"1x",
	"3",
	"312",
	"312{}",
	"312\"a\"",
	"4",
	"4[]",
	"4null",
	/* names */
	"2[\"connect\"]",
	"2[\"connect_error\"]",
	"2[\"disconnect\"]",
	"2[\"disconnecting\"]",
	"2[\"newListener\"]",
	"2[\"removeListener\"]",
	"2[\"c\\u006fnnect\",1]",
	/* ids */
	"3[]",
	"3/admin,[]",
	"61-[" P0 "]",
	"2abc[\"a\"]",
	"2-1[\"a\"]",
	"2+1[\"a\"]",
	"21.5[\"a\"]",
	"201[\"a\"]",
	"218446744073709551616[\"a\"]",
	"299999999999999999999999[\"a\"]",
	"01",
	"01{}",
	"11",
	"0/admin,1{}",
	"41{\"message\":\"\"}",
	/* namespaces */
	"2/ad min,[\"a\"]",
	"2/ad\tmin,[\"a\"]",
	"2/\x01,[\"a\"]",
	"2/\xc3\xa9,[\"a\"]",
	"2/\x7f,[\"a\"]",
	"2admin,[\"a\"]",
	/* attachments */
	"5[\"a\"," P0 "]",
	"5-[\"a\"," P0 "]",
	"51[\"a\"," P0 "]",
	"51",
	"51-",
	"501-[\"a\"," P0 "]",
	"5x-[\"a\"," P0 "]",
	"5-1-[\"a\"," P0 "]",
	"51-[\"a\"]",
	"50-[\"a\"," P0 "]",
	"51-[\"a\"," P0 "," P1 "]",
	"52-[\"a\"," P0 "]",
	"52-[\"a\"," P0 "," P0 "]",
	"51-[\"a\"," P1 "]",
	"51-[" P0 ",\"a\"]",
	"51-[\"a\",{\"_placeholder\":true}]",
	"51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]",
	"51-[\"a\",{\"_placeholder\":true,\"num\":-1}]",
	"51-[\"a\",{\"_placeholder\":true,\"num\":0.0}]",
	"51-[\"a\",{\"_placeholder\":true,\"num\":null}]",
	"51-[\"a\",{\"_placeholder\":true,\"num\":0,\"x\":1}]",
	"51-[\"a\",{\"_placeholder\":\"true\",\"num\":0}]",
	"51-[\"a\",{\"_placeholder\":true,\"num\":0}," P0 "]",
	"51-{\"_placeholder\":true,\"num\":0}",
	"21-[\"a\"," P0 "]",
	"01-{}",
};

static void a_malformed_packet_is_refused(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(malformed); i++) {
		struct tb_sio_packet packet = { .kind = TB_SIO_KINDS };
		const char *what = NULL;
		enum tb_err err = decode(arena, malformed[i], &packet, &what);
		if (err != TB_ERR_INVALID)
			print_error("%s: %s\n", malformed[i], tb_err_name(err));
		assert_int_equal(err, TB_ERR_INVALID);
		assert_non_null(what);
		assert_int_equal(packet.kind, TB_SIO_KINDS);
	}
	tb_arena_destroy(arena);
}

static void a_packet_has_its_ceilings(void **state)
{
	static const struct {
		const char *text;
		enum tb_err err;
	} rows[] = {
		{ "0/234567890123456789x", TB_OK },
		{ "0/234567890123456789xy", TB_ERR_TOO_LARGE },
		{ "0/234567890123456789xy,{}", TB_ERR_TOO_LARGE },
		{ "54-[\"a\"]", TB_ERR_TOO_LARGE },
		{ "518446744073709551615-[\"a\"]", TB_ERR_TOO_LARGE },
		{ "518446744073709551616-[\"a\"]", TB_ERR_INVALID },
		{ "2[\"a\",[[[1]]]]", TB_ERR_TOO_DEEP },
		{ "2[\"a\",[[1]]]", TB_OK },
		{ "2[\"a\",1,2,3,4,5,6]", TB_OK },
		{ "2[\"a\",1,2,3,4,5,6,7]", TB_ERR_TOO_LARGE },
	};
	const struct tb_json_limits json = {
		.max_depth = 3,
		.max_nodes = 8,
		.tape_depth = UINT32_MAX,
	};
	struct tb_sio_limits small = limits;
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	(void)state;
	small.json = &json;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_sio_packet packet;
		const char *what = NULL;
		assert_int_equal(tb_sio_decode(arena, tb_str_z(rows[i].text),
					       &small, &packet, &what),
				 rows[i].err);
		assert_int_equal(what != NULL, rows[i].err != TB_OK);
	}
	tb_arena_destroy(arena);
}

static void no_byte_behind_the_text_is_read(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(examples); i++) {
		size_t whole = strlen(examples[i].text);
		for (size_t n = 0; n <= whole; n++) {
			char *copy = tb_malloc(n);
			struct tb_sio_packet packet;
			const char *what;
			assert_non_null(copy);
			memcpy(copy, examples[i].text, n);
			enum tb_err err =
				tb_sio_decode(arena, tb_str(copy, n), &limits,
					      &packet, &what);
			assert_true(err == TB_OK || n < whole);
			tb_free(copy);
		}
	}
	tb_arena_destroy(arena);
}

static void an_event_is_written_from_its_arguments(void **state)
{
	const struct tb_str args[] = { TB_STR("1.50"), TB_STR("{\"a\" : 1}") };
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BUF_MAX);
	tb_sio_put_event_data(&buf, TB_STR("say \"hi\""), args, 2);
	tb_sio_put_event_data(&buf, TB_STR("x"), NULL, 0);
	tb_sio_put_ack_data(&buf, args, 2);
	tb_sio_put_ack_data(&buf, NULL, 0);
	tb_sio_put_placeholder(&buf, 1);
	assert_true(tb_str_eq(tb_buf_str(&buf),
			      TB_STR("[\"say \\\"hi\\\"\",1.50,{\"a\" : 1}]"
				     "[\"x\"][1.50,{\"a\" : 1}][]" P1)));
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_are_read),
		cmocka_unit_test(the_examples_are_written),
		cmocka_unit_test(a_malformed_packet_is_refused),
		cmocka_unit_test(a_packet_has_its_ceilings),
		cmocka_unit_test(no_byte_behind_the_text_is_read),
		cmocka_unit_test(an_event_is_written_from_its_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
