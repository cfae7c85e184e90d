/*
 * Attachments: they are collected in order, under ceilings, and nothing may
 * come between them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "realtime/sio_decoder.h"

#define MEMORY_MAX ((size_t)1 << 16)
#define P0 "{\"_placeholder\":true,\"num\":0}"
#define P1 "{\"_placeholder\":true,\"num\":1}"
#define TWO TB_STR("52-[\"a\"," P0 "," P1 "]")

static const struct tb_sio_limits limits = {
	.nsp_max_bytes = 20,
	.attachments_max = 3,
	.attachments_max_bytes = 10,
};

static struct tb_sio_decoder *decoder;
static const struct tb_sio_packet *packet;
static const char *what;

static int set_up(void **state)
{
	(void)state;
	packet = NULL;
	what = NULL;
	decoder = tb_sio_decoder_create(&limits, MEMORY_MAX);
	return decoder != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_sio_decoder_destroy(decoder);
	return 0;
}

static enum tb_err text(struct tb_str s)
{
	return tb_sio_decoder_feed(decoder, s, false, &packet, &what);
}

static enum tb_err bytes(struct tb_str s)
{
	return tb_sio_decoder_feed(decoder, s, true, &packet, &what);
}

static void a_plain_packet_is_whole_at_once(void **state)
{
	(void)state;
	assert_int_equal(text(TB_STR("2[\"a\"]")), TB_OK);
	assert_non_null(packet);
	assert_true(tb_str_eq(packet->name, TB_STR("a")));
	assert_int_equal(text(TB_STR("50-[\"b\"]")), TB_OK);
	assert_non_null(packet);
	assert_true(tb_str_eq(packet->name, TB_STR("b")));
	assert_false(tb_sio_decoder_is_waiting(decoder));
}

static void attachments_come_in_their_order(void **state)
{
	char first[] = "\x01\x02\x03";

	(void)state;
	assert_int_equal(text(TWO), TB_OK);
	assert_null(packet);
	assert_true(tb_sio_decoder_is_waiting(decoder));
	assert_int_equal(bytes(tb_str(first, 3)), TB_OK);
	assert_null(packet);
	/* What was given is copied. */
	memset(first, 'x', sizeof(first));
	assert_int_equal(bytes(TB_STR("")), TB_OK);
	assert_non_null(packet);
	assert_int_equal(packet->n_attachments, 2);
	assert_true(tb_str_eq(packet->attachments[0], TB_STR("\x01\x02\x03")));
	assert_true(tb_str_eq(packet->attachments[1], TB_STR("")));
	assert_true(tb_str_eq(packet->name, TB_STR("a")));
	assert_false(tb_sio_decoder_is_waiting(decoder));
}

static void text_between_attachments_is_refused(void **state)
{
	(void)state;
	assert_int_equal(text(TWO), TB_OK);
	assert_int_equal(bytes(TB_STR("1")), TB_OK);
	assert_int_equal(text(TB_STR("2[\"a\"]")), TB_ERR_INVALID);
	assert_non_null(what);
	assert_false(tb_sio_decoder_is_waiting(decoder));
}

static void bytes_that_nobody_announced_are_refused(void **state)
{
	(void)state;
	assert_int_equal(bytes(TB_STR("1")), TB_ERR_INVALID);
	assert_int_equal(text(TB_STR("2[\"a\"]")), TB_OK);
	assert_int_equal(bytes(TB_STR("1")), TB_ERR_INVALID);
	assert_int_equal(text(TB_STR("51-[\"a\"," P0 "]")), TB_OK);
	assert_int_equal(bytes(TB_STR("1")), TB_OK);
	assert_int_equal(bytes(TB_STR("1")), TB_ERR_INVALID);
}

static void attachments_have_a_ceiling_together(void **state)
{
	(void)state;
	assert_int_equal(text(TWO), TB_OK);
	assert_int_equal(bytes(TB_STR("12345")), TB_OK);
	assert_int_equal(bytes(TB_STR("67890")), TB_OK);
	assert_int_equal(text(TWO), TB_OK);
	assert_int_equal(bytes(TB_STR("12345")), TB_OK);
	assert_int_equal(bytes(TB_STR("678901")), TB_ERR_TOO_LARGE);
	assert_non_null(what);
}

static void a_packet_has_a_ceiling_in_memory(void **state)
{
	static char large[MEMORY_MAX + 1];

	(void)state;
	memset(large, ' ', sizeof(large));
	large[0] = '2';
	assert_int_equal(text(tb_str(large, sizeof(large))), TB_ERR_TOO_LARGE);
	assert_non_null(what);
	assert_int_equal(text(TB_STR("2[\"a\"]")), TB_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_plain_packet_is_whole_at_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(attachments_come_in_their_order,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			text_between_attachments_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			bytes_that_nobody_announced_are_refused, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			attachments_have_a_ceiling_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_packet_has_a_ceiling_in_memory, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
