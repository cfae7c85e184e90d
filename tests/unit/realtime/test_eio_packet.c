/*
 * Engine.IO packets: the protocol's own examples, what is malformed, and that
 * what is written is read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "codec/digest.h"
#include "realtime/eio_packet.h"

#define ARENA_MAX ((size_t)1 << 20)
#define BUF_MAX ((size_t)1 << 20)

static const struct tb_eio_payload_limits limits = {
	.max_bytes = 100,
	.max_packets = 5,
};

static void assert_packet(const struct tb_eio_packet *packet,
			  enum tb_eio_kind kind, bool is_binary,
			  struct tb_str data)
{
	assert_int_equal(packet->kind, kind);
	assert_int_equal(packet->is_binary, is_binary);
	assert_true(tb_str_eq(packet->data, data));
}

static void a_text_frame_is_a_packet(void **state)
{
	static const struct {
		const char *text;
		enum tb_eio_kind kind;
		const char *data;
	} rows[] = {
		{ "0{\"sid\":\"x\"}", TB_EIO_OPEN, "{\"sid\":\"x\"}" },
		{ "1", TB_EIO_CLOSE, "" },
		{ "2", TB_EIO_PING, "" },
		{ "2probe", TB_EIO_PING, "probe" },
		{ "3", TB_EIO_PONG, "" },
		{ "3probe", TB_EIO_PONG, "probe" },
		{ "4", TB_EIO_MESSAGE, "" },
		{ "4hello", TB_EIO_MESSAGE, "hello" },
		{ "4\036", TB_EIO_MESSAGE, "\036" },
		{ "4bAQ==", TB_EIO_MESSAGE, "bAQ==" },
		{ "5", TB_EIO_UPGRADE, "" },
		{ "6", TB_EIO_NOOP, "" },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_eio_packet packet;
		assert_int_equal(tb_eio_decode_frame(tb_str_z(rows[i].text),
						     false, &packet),
				 TB_OK);
		assert_packet(&packet, rows[i].kind, false,
			      tb_str_z(rows[i].data));
	}
}

static void a_binary_frame_is_a_message_as_it_is(void **state)
{
	static const char *const rows[] = { "", "\x01\x02\x03\x04", "2probe",
					    "\036" };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_eio_packet packet;
		assert_int_equal(
			tb_eio_decode_frame(tb_str_z(rows[i]), true, &packet),
			TB_OK);
		assert_packet(&packet, TB_EIO_MESSAGE, true, tb_str_z(rows[i]));
	}
}

static void a_malformed_frame_is_refused(void **state)
{
	static const char *const rows[] = {
		"",      "7",    "8",  "9",  "abc", "/",  ":",
		" 2",    "b",    "-1", "1x", "5x",  "6x", "1\036",
		"\0362", "\xb4", "B",  "1{", "b4",  "b",  "bAQ==",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_eio_packet packet = { .kind = TB_EIO_KINDS };
		assert_int_equal(
			tb_eio_decode_frame(tb_str_z(rows[i]), false, &packet),
			TB_ERR_INVALID);
		assert_int_equal(packet.kind, TB_EIO_KINDS);
	}
}

/* From a copy that is just as long, so that the sanitizer sees a step too far.
 */
static enum tb_err decode(struct tb_arena *arena, const char *text,
			  struct tb_eio_packet **ret, size_t *ret_n)
{
	size_t n = strlen(text);
	char *copy = tb_malloc(n);

	assert_non_null(copy);
	memcpy(copy, text, n);
	enum tb_err err = tb_eio_decode_payload(arena, tb_str(copy, n), &limits,
						ret, ret_n);
	for (size_t i = 0; err == TB_OK && i < *ret_n; i++) {
		struct tb_str *data = &(*ret)[i].data;
		assert_int_equal(tb_arena_strdup(arena, *data, data), TB_OK);
	}
	tb_free(copy);
	return err;
}

static void the_examples_of_payloads_are_read(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_eio_packet *packets;
	size_t n;

	(void)state;
	assert_int_equal(decode(arena, "4hello\0362\0364world", &packets, &n),
			 TB_OK);
	assert_int_equal(n, 3);
	assert_packet(&packets[0], TB_EIO_MESSAGE, false, TB_STR("hello"));
	assert_packet(&packets[1], TB_EIO_PING, false, TB_STR(""));
	assert_packet(&packets[2], TB_EIO_MESSAGE, false, TB_STR("world"));
	assert_int_equal(decode(arena, "4hello\036bAQIDBA==", &packets, &n),
			 TB_OK);
	assert_int_equal(n, 2);
	assert_packet(&packets[0], TB_EIO_MESSAGE, false, TB_STR("hello"));
	assert_packet(&packets[1], TB_EIO_MESSAGE, true,
		      TB_STR("\x01\x02\x03\x04"));
	assert_int_equal(decode(arena, "b", &packets, &n), TB_OK);
	assert_int_equal(n, 1);
	assert_packet(&packets[0], TB_EIO_MESSAGE, true, TB_STR(""));
	tb_arena_destroy(arena);
}

static void a_malformed_payload_is_refused_whole(void **state)
{
	static const char *const rows[] = {
		"",        "abc",
		"\036",    "4a\036",
		"\0364a",  "4a\036\0364b",
		"4a\0369", "4a\0361x",
		"bA",      "bAQ",
		"bAQ=",    "bAQ==x",
		"bAR==", /* bits that nothing stands for */
		"b====",   "bAQI_",
		"bAQ I",   "b\xc3\xa9\xc3\xa9",
		"b4hello", "bAQIDBA==\036bA",
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_eio_packet *packets = NULL;
		size_t n = 4242;
		assert_int_equal(decode(arena, rows[i], &packets, &n),
				 TB_ERR_INVALID);
		assert_null(packets);
		assert_int_equal(n, 4242);
	}
	tb_arena_destroy(arena);
}

static void a_payload_has_its_ceilings(void **state)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_eio_packet *packets;
	char body[101];
	size_t n;

	(void)state;
	memset(body, '4', sizeof(body));
	assert_int_equal(tb_eio_decode_payload(arena, tb_str(body, 100),
					       &limits, &packets, &n),
			 TB_OK);
	assert_int_equal(tb_eio_decode_payload(arena, tb_str(body, 101),
					       &limits, &packets, &n),
			 TB_ERR_TOO_LARGE);
	for (size_t i = 1; i < sizeof(body); i += 2)
		body[i] = TB_EIO_SEPARATOR;
	assert_int_equal(tb_eio_decode_payload(arena, tb_str(body, 9), &limits,
					       &packets, &n),
			 TB_OK);
	assert_int_equal(n, 5);
	assert_int_equal(tb_eio_decode_payload(arena, tb_str(body, 11), &limits,
					       &packets, &n),
			 TB_ERR_TOO_LARGE);
	tb_arena_destroy(arena);
}

static void a_payload_over_the_arena_is_too_large(void **state)
{
	struct tb_arena *arena = tb_arena_create(sizeof(struct tb_eio_packet));
	struct tb_eio_packet *packets;
	size_t n;

	(void)state;
	assert_int_equal(tb_eio_decode_payload(arena, TB_STR("bAQIDBA=="),
					       &limits, &packets, &n),
			 TB_ERR_TOO_LARGE);
	tb_arena_destroy(arena);
}

static const struct tb_eio_packet samples[] = {
	{ TB_EIO_PING, false, TB_STR_INIT("") },
	{ TB_EIO_MESSAGE, false, TB_STR_INIT("hello") },
	{ TB_EIO_MESSAGE, true, TB_STR_INIT("\x01\x02\x03\x04") },
	{ TB_EIO_MESSAGE, true, TB_STR_INIT("\036") },
	{ TB_EIO_PONG, false, TB_STR_INIT("probe") },
};

static void a_payload_is_written_with_separators_between(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BUF_MAX);
	for (size_t i = 0; i < TB_ARRAY_LEN(samples); i++) {
		size_t before = buf.n;
		tb_eio_put_record(&buf, &samples[i]);
		/* It counts the separator, which the first has not. */
		assert_int_equal(tb_eio_record_bytes(&samples[i]),
				 buf.n - before + (i == 0));
	}
	assert_true(tb_str_eq(
		tb_buf_str(&buf),
		TB_STR("2\0364hello\036bAQIDBA==\036bHg==\0363probe")));
	tb_buf_fini(&buf);
}

static void a_frame_is_written_as_it_is_read(void **state)
{
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BUF_MAX);
	for (size_t i = 0; i < TB_ARRAY_LEN(samples); i++) {
		struct tb_eio_packet packet;
		tb_buf_reset(&buf);
		tb_eio_put_frame(&buf, &samples[i]);
		assert_int_equal(tb_eio_decode_frame(tb_buf_str(&buf),
						     samples[i].is_binary,
						     &packet),
				 TB_OK);
		assert_packet(&packet, samples[i].kind, samples[i].is_binary,
			      samples[i].data);
	}
	tb_buf_fini(&buf);
}

static void what_not_every_transport_carries_is_not_sendable(void **state)
{
	static const struct tb_eio_packet good[] = {
		{ TB_EIO_CLOSE, false, TB_STR_INIT("") },
		{ TB_EIO_NOOP, false, { NULL, 0 } },
		{ TB_EIO_MESSAGE, true, { NULL, 0 } },
		{ TB_EIO_OPEN, false, TB_STR_INIT("{}") },
	};
	static const struct tb_eio_packet bad[] = {
		{ TB_EIO_MESSAGE, false, TB_STR_INIT("a\036") },
		{ TB_EIO_PING, true, TB_STR_INIT("") },
		{ TB_EIO_CLOSE, false, TB_STR_INIT("x") },
		{ TB_EIO_NOOP, false, TB_STR_INIT("x") },
		{ TB_EIO_UPGRADE, false, TB_STR_INIT("x") },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++)
		assert_true(tb_eio_packet_is_sendable(&good[i]));
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++)
		assert_false(tb_eio_packet_is_sendable(&bad[i]));
}

static void the_handshake_is_that_of_the_protocol(void **state)
{
	struct tb_eio_handshake handshake = {
		.sid = TB_STR("lv_VI97HAXpY6yYWAAAC"),
		.can_upgrade = true,
		.ping_interval_ms = 25000,
		.ping_timeout_ms = 5000,
		.max_payload_bytes = 1000000,
	};
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, BUF_MAX);
	tb_eio_put_handshake(&buf, &handshake);
	assert_true(tb_str_eq(
		tb_buf_str(&buf),
		TB_STR("{\"sid\":\"lv_VI97HAXpY6yYWAAAC\","
		       "\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
		       "\"pingTimeout\":5000,\"maxPayload\":1000000}")));
	tb_buf_reset(&buf);
	handshake.can_upgrade = false;
	tb_eio_put_handshake(&buf, &handshake);
	assert_non_null(memmem(buf.p, buf.n, "\"upgrades\":[],", 14));
	tb_buf_fini(&buf);
}

static int set_up(void **state)
{
	(void)state;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_frame_is_a_packet),
		cmocka_unit_test(a_binary_frame_is_a_message_as_it_is),
		cmocka_unit_test(a_malformed_frame_is_refused),
		cmocka_unit_test(the_examples_of_payloads_are_read),
		cmocka_unit_test(a_malformed_payload_is_refused_whole),
		cmocka_unit_test(a_payload_has_its_ceilings),
		cmocka_unit_test(a_payload_over_the_arena_is_too_large),
		cmocka_unit_test(a_payload_is_written_with_separators_between),
		cmocka_unit_test(a_frame_is_written_as_it_is_read),
		cmocka_unit_test(
			what_not_every_transport_carries_is_not_sendable),
		cmocka_unit_test(the_handshake_is_that_of_the_protocol),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
