/*
 * A Socket.IO session: namespaces, events before and after their CONNECT,
 * acknowledgements both ways, and what breaks it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "realtime/sio_session.h"

#define BUF_MAX ((size_t)1 << 16)
#define P0 "{\"_placeholder\":true,\"num\":0}"
#define CUSTOM TB_STR("/custom")

static const struct tb_sio_options options = {
	.limits = { .nsp_max_bytes = 20,
		    .attachments_max = 2,
		    .attachments_max_bytes = 100 },
	.memory_max_bytes = (size_t)1 << 16,
	.nsps_max = 2,
	.awaited_max = 10,
	.owed_max = 10,
	.connect_timeout_ms = 1000,
};

static struct tb_sio_session *session;
static struct tb_sio_input input;
static struct tb_buf out;

static int set_up(void **state)
{
	(void)state;
	tb_buf_init(&out, BUF_MAX);
	session = tb_sio_session_create(&options, 500);
	return session != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tb_sio_session_destroy(session);
	tb_buf_fini(&out);
	return 0;
}

static void expect(const char *text, enum tb_sio_input_kind kind)
{
	assert_int_equal(
		tb_sio_session_feed(session, tb_str_z(text), false, &input),
		TB_OK);
	if (input.kind == TB_SIO_IN_BROKEN)
		assert_non_null(input.what);
	assert_int_equal(input.kind, kind);
}

static void expect_bytes(const char *bytes, enum tb_sio_input_kind kind)
{
	assert_int_equal(
		tb_sio_session_feed(session, tb_str_z(bytes), true, &input),
		TB_OK);
	assert_int_equal(input.kind, kind);
}

/* What a call wrote, which is then forgotten. */
static void assert_out(enum tb_err err, const char *expected)
{
	assert_int_equal(err, TB_OK);
	tb_buf_append_char(&out, '\0');
	assert_string_equal(out.p, expected);
	tb_buf_reset(&out);
}

static void connect_main(void)
{
	expect("0", TB_SIO_IN_CONNECT);
	assert_out(tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("abc"),
					 &out),
		   "0{\"sid\":\"abc\"}");
}

static void connect_custom(void)
{
	expect("0/custom,", TB_SIO_IN_CONNECT);
	assert_out(tb_sio_session_accept(session, CUSTOM, TB_STR("def"), &out),
		   "0/custom,{\"sid\":\"def\"}");
}

static enum tb_err emit(struct tb_str nsp, bool wants_ack, uint64_t tag)
{
	const struct tb_str args[] = { TB_STR("1.0") };
	const struct tb_sio_emission emission = {
		.nsp = nsp,
		.name = TB_STR("e"),
		.args = args,
		.n_args = 1,
		.wants_ack = wants_ack,
		.tag = tag,
	};

	return tb_sio_session_emit(session, &emission, &out);
}

/* ---- namespaces ---- */

static void a_namespace_is_asked_for_and_accepted(void **state)
{
	(void)state;
	expect("0{\"token\":\"123\"}", TB_SIO_IN_CONNECT);
	assert_true(
		tb_str_eq(input.packet->data, TB_STR("{\"token\":\"123\"}")));
	assert_true(tb_str_eq(input.packet->nsp, TB_SIO_MAIN));
	assert_false(tb_sio_session_is_connected(session, TB_SIO_MAIN));
	assert_int_equal(tb_sio_session_deadline(session), 1500);
	assert_out(tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("abc"),
					 &out),
		   "0{\"sid\":\"abc\"}");
	assert_true(tb_sio_session_is_connected(session, TB_SIO_MAIN));
	assert_int_equal(tb_sio_session_deadline(session), INT64_MAX);
	assert_int_equal(tb_sio_session_accept(session, TB_SIO_MAIN,
					       TB_STR("abc"), &out),
			 TB_ERR_NOT_FOUND);
}

static void what_is_not_allowed_is_a_connect_error(void **state)
{
	(void)state;
	expect("0/random", TB_SIO_IN_CONNECT);
	assert_out(tb_sio_session_refuse(session, TB_STR("/random"),
					 TB_STR("Invalid namespace"), &out),
		   "4/random,{\"message\":\"Invalid namespace\"}");
	assert_int_equal(tb_sio_session_deadline(session), 1500);
	expect("0", TB_SIO_IN_CONNECT);
	assert_out(tb_sio_session_refuse(session, TB_SIO_MAIN,
					 TB_STR("Not authorized"), &out),
		   "4{\"message\":\"Not authorized\"}");
	assert_int_equal(tb_sio_session_refuse(session, TB_SIO_MAIN,
					       TB_STR("again"), &out),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(
		tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("x"), &out),
		TB_ERR_NOT_FOUND);
	assert_int_equal(out.n, 0);
	connect_main();
}

static void namespaces_stand_beside_each_other(void **state)
{
	(void)state;
	connect_main();
	connect_custom();
	expect("1/custom", TB_SIO_IN_DISCONNECT);
	assert_true(tb_str_eq(input.packet->nsp, CUSTOM));
	assert_false(tb_sio_session_is_connected(session, CUSTOM));
	expect("2[\"message\",\"to main\"]", TB_SIO_IN_EVENT);
	connect_custom();
	expect("1", TB_SIO_IN_DISCONNECT);
	expect("1/custom,", TB_SIO_IN_DISCONNECT);
	assert_int_equal(tb_sio_session_deadline(session), INT64_MAX);
	connect_main();
}

static void the_server_puts_a_client_out(void **state)
{
	(void)state;
	connect_main();
	connect_custom();
	assert_out(tb_sio_session_disconnect(session, CUSTOM, &out),
		   "1/custom,");
	assert_int_equal(tb_sio_session_disconnect(session, CUSTOM, &out),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(emit(CUSTOM, false, 0), TB_ERR_NOT_FOUND);
	assert_out(tb_sio_session_disconnect(session, TB_SIO_MAIN, &out), "1");
	expect("2[\"a\"]", TB_SIO_IN_BROKEN);
}

/* ---- what breaks a session ---- */

static void a_packet_before_its_connect_breaks_it(void **state)
{
	static const char *const rows[] = {
		"2[\"a\"]", "1", "30[]", "2/custom,[\"a\"]", "1/custom,",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		expect(rows[i], TB_SIO_IN_BROKEN);
		tb_sio_session_destroy(session);
		session = tb_sio_session_create(&options, 500);
		assert_non_null(session);
	}
}

static void a_packet_before_its_connect_is_accepted_breaks_it(void **state)
{
	(void)state;
	expect("0", TB_SIO_IN_CONNECT);
	expect("2[\"a\"]", TB_SIO_IN_BROKEN);
	assert_int_equal(
		tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("x"), &out),
		TB_ERR_CLOSED);
}

static void what_no_client_sends_breaks_it(void **state)
{
	static const char *const rows[] = {
		"abc",
		"2{}",
		"2abc[\"message-with-ack\",1,\"2\",{\"3\":[false]}]",
		"0",
		"0/custom,",
		"0/third,",
		"2/third,[\"a\"]",
		"4{\"message\":\"x\"}",
		"2[\"disconnect\"]",
		"51-[\"a\"]",
		"53-[\"a\"]",
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		connect_main();
		connect_custom();
		expect(rows[i], TB_SIO_IN_BROKEN);
		tb_sio_session_destroy(session);
		session = tb_sio_session_create(&options, 500);
		assert_non_null(session);
	}
}

static void after_a_break_nothing_comes_or_goes(void **state)
{
	(void)state;
	connect_main();
	expect("2[\"a\"", TB_SIO_IN_BROKEN);
	expect("2[\"a\"]", TB_SIO_IN_NOTHING);
	expect("0/custom,", TB_SIO_IN_NOTHING);
	assert_int_equal(emit(TB_SIO_MAIN, false, 0), TB_ERR_CLOSED);
	assert_int_equal(tb_sio_session_disconnect(session, TB_SIO_MAIN, &out),
			 TB_ERR_CLOSED);
	assert_false(tb_sio_session_is_connected(session, TB_SIO_MAIN));
	assert_int_equal(out.n, 0);
}

static void text_between_attachments_breaks_it(void **state)
{
	(void)state;
	connect_main();
	expect("51-[\"a\"," P0 "]", TB_SIO_IN_NOTHING);
	expect("2[\"b\"]", TB_SIO_IN_BROKEN);
}

static void bytes_that_nobody_announced_break_it(void **state)
{
	(void)state;
	connect_main();
	expect_bytes("12", TB_SIO_IN_BROKEN);
}

/* ---- events and acknowledgements ---- */

static void events_come_with_their_attachments(void **state)
{
	(void)state;
	connect_main();
	expect("51-7[\"a\"," P0 "]", TB_SIO_IN_NOTHING);
	expect_bytes("12", TB_SIO_IN_EVENT);
	assert_true(tb_str_eq(input.packet->name, TB_STR("a")));
	assert_int_equal(input.packet->n_attachments, 1);
	assert_true(tb_str_eq(input.packet->attachments[0], TB_STR("12")));
}

static void an_event_is_acknowledged_once(void **state)
{
	const struct tb_str args[] = { TB_STR("1"), TB_STR("{\"3\":[false]}") };
	const struct tb_str bytes[] = { TB_STR(P0) };

	(void)state;
	connect_main();
	connect_custom();
	expect("2456[\"a\"]", TB_SIO_IN_EVENT);
	assert_true(input.packet->has_id);
	assert_int_equal(
		tb_sio_session_ack(session, CUSTOM, 456, args, 2, 0, &out),
		TB_ERR_NOT_FOUND);
	assert_out(
		tb_sio_session_ack(session, TB_SIO_MAIN, 456, args, 2, 0, &out),
		"3456[1,{\"3\":[false]}]");
	assert_int_equal(
		tb_sio_session_ack(session, TB_SIO_MAIN, 456, args, 2, 0, &out),
		TB_ERR_NOT_FOUND);
	expect("2/custom,456[\"a\"]", TB_SIO_IN_EVENT);
	assert_out(tb_sio_session_ack(session, CUSTOM, 456, bytes, 1, 1, &out),
		   "61-/custom,456[" P0 "]");
	expect("2[\"a\"]", TB_SIO_IN_EVENT);
	assert_int_equal(
		tb_sio_session_ack(session, TB_SIO_MAIN, 0, args, 0, 0, &out),
		TB_ERR_NOT_FOUND);
}

static void acks_that_are_owed_have_a_ceiling(void **state)
{
	char text[] = "20[\"a\"]";

	(void)state;
	connect_main();
	for (int i = 0; i < 10; i++) {
		text[1] = (char)('0' + i);
		expect(text, TB_SIO_IN_EVENT);
	}
	assert_out(
		tb_sio_session_ack(session, TB_SIO_MAIN, 3, NULL, 0, 0, &out),
		"33[]");
	expect("210[\"a\"]", TB_SIO_IN_EVENT);
	expect("211[\"a\"]", TB_SIO_IN_BROKEN);
}

static void an_id_in_use_breaks_it(void **state)
{
	(void)state;
	connect_main();
	expect("21[\"a\"]", TB_SIO_IN_EVENT);
	expect("21[\"a\"]", TB_SIO_IN_BROKEN);
}

static void an_ack_comes_with_its_tag(void **state)
{
	(void)state;
	connect_main();
	connect_custom();
	assert_out(emit(TB_SIO_MAIN, false, 0), "2[\"e\",1.0]");
	assert_out(emit(TB_SIO_MAIN, true, 77), "20[\"e\",1.0]");
	assert_out(emit(TB_SIO_MAIN, true, 78), "21[\"e\",1.0]");
	assert_out(emit(CUSTOM, true, 79), "2/custom,0[\"e\",1.0]");
	expect("31[\"x\"]", TB_SIO_IN_ACK);
	assert_int_equal(input.tag, 78);
	assert_true(tb_str_eq(input.packet->data, TB_STR("[\"x\"]")));
	expect("31[\"x\"]", TB_SIO_IN_NOTHING);
	expect("399[]", TB_SIO_IN_NOTHING);
	expect("61-/custom,0[" P0 "]", TB_SIO_IN_NOTHING);
	expect_bytes("12", TB_SIO_IN_ACK);
	assert_int_equal(input.tag, 79);
	assert_int_equal(input.packet->n_attachments, 1);
	tb_sio_session_forget(session, 77);
	expect("30[]", TB_SIO_IN_NOTHING);
}

static void acks_that_are_awaited_have_a_ceiling(void **state)
{
	(void)state;
	connect_main();
	for (uint64_t i = 0; i < 10; i++) {
		assert_int_equal(emit(TB_SIO_MAIN, true, i), TB_OK);
		tb_buf_reset(&out);
	}
	assert_int_equal(emit(TB_SIO_MAIN, true, 10), TB_ERR_BUSY);
	assert_int_equal(out.n, 0);
	assert_out(emit(TB_SIO_MAIN, false, 0), "2[\"e\",1.0]");
	tb_sio_session_forget(session, 4);
	assert_out(emit(TB_SIO_MAIN, true, 10), "210[\"e\",1.0]");
}

static void leaving_forgets_acks_both_ways(void **state)
{
	(void)state;
	connect_main();
	connect_custom();
	expect("2/custom,5[\"a\"]", TB_SIO_IN_EVENT);
	assert_out(emit(CUSTOM, true, 1), "2/custom,0[\"e\",1.0]");
	assert_out(emit(TB_SIO_MAIN, true, 2), "20[\"e\",1.0]");
	expect("1/custom,", TB_SIO_IN_DISCONNECT);
	connect_custom();
	assert_int_equal(
		tb_sio_session_ack(session, CUSTOM, 5, NULL, 0, 0, &out),
		TB_ERR_NOT_FOUND);
	expect("3/custom,0[]", TB_SIO_IN_NOTHING);
	expect("30[]", TB_SIO_IN_ACK);
	assert_int_equal(input.tag, 2);
}

static void what_was_not_written_did_not_happen(void **state)
{
	struct tb_buf none;

	(void)state;
	tb_buf_init(&none, 4);
	connect_main();
	expect("0/custom,", TB_SIO_IN_CONNECT);
	assert_int_equal(
		tb_sio_session_accept(session, CUSTOM, TB_STR("x"), &none),
		TB_ERR_TOO_LARGE);
	assert_false(tb_sio_session_is_connected(session, CUSTOM));
	tb_buf_reset(&none);
	assert_int_equal(
		tb_sio_session_refuse(session, CUSTOM, TB_STR("x"), &none),
		TB_ERR_TOO_LARGE);
	assert_out(tb_sio_session_accept(session, CUSTOM, TB_STR("x"), &out),
		   "0/custom,{\"sid\":\"x\"}");
	expect("2/custom,7[\"a\"]", TB_SIO_IN_EVENT);
	tb_buf_reset(&none);
	assert_int_equal(
		tb_sio_session_ack(session, CUSTOM, 7, NULL, 0, 0, &none),
		TB_ERR_TOO_LARGE);
	assert_out(tb_sio_session_ack(session, CUSTOM, 7, NULL, 0, 0, &out),
		   "3/custom,7[]");
	tb_buf_reset(&none);
	assert_int_equal(tb_sio_session_disconnect(session, CUSTOM, &none),
			 TB_ERR_TOO_LARGE);
	assert_true(tb_sio_session_is_connected(session, CUSTOM));
	const struct tb_sio_emission emission = { .nsp = CUSTOM,
						  .name = TB_STR("e"),
						  .wants_ack = true };
	tb_buf_reset(&none);
	assert_int_equal(tb_sio_session_emit(session, &emission, &none),
			 TB_ERR_TOO_LARGE);
	expect("3/custom,0[]", TB_SIO_IN_NOTHING);
	assert_out(tb_sio_session_emit(session, &emission, &out),
		   "2/custom,0[\"e\"]");
	tb_buf_fini(&none);
}

static void the_namespaces_that_it_is_in_can_be_listed(void **state)
{
	(void)state;
	expect("0", TB_SIO_IN_CONNECT);
	assert_int_equal(tb_sio_session_nsp(session, 0).n, 0);
	assert_out(
		tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("x"), &out),
		"0{\"sid\":\"x\"}");
	assert_true(tb_str_eq(tb_sio_session_nsp(session, 0), TB_SIO_MAIN));
	assert_int_equal(tb_sio_session_nsp(session, 1).n, 0);
	expect("1", TB_SIO_IN_DISCONNECT);
	assert_int_equal(tb_sio_session_nsp(session, 0).n, 0);
}

static void at_rest_it_keeps_what_waits_for_bytes(void **state)
{
	(void)state;
	tb_sio_session_rest(session);
	expect("0", TB_SIO_IN_CONNECT);
	assert_out(
		tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("x"), &out),
		"0{\"sid\":\"x\"}");
	tb_sio_session_rest(session);
	expect("2[\"e\"]", TB_SIO_IN_EVENT);
	assert_int_equal(tb_sio_session_held_bytes(session), 0);
	tb_sio_session_rest(session);
	expect("51-[\"e\"," P0 "]", TB_SIO_IN_NOTHING);
	assert_true(tb_sio_session_held_bytes(session) > 40);
	tb_sio_session_rest(session);
	expect_bytes("abc", TB_SIO_IN_EVENT);
	assert_true(tb_str_eq(input.packet->attachments[0], TB_STR("abc")));
	assert_int_equal(tb_sio_session_held_bytes(session), 0);
	tb_sio_session_rest(session);
	expect_bytes("abc", TB_SIO_IN_BROKEN);
}

static void an_ack_may_be_written_elsewhere(void **state)
{
	(void)state;
	expect("0", TB_SIO_IN_CONNECT);
	assert_out(
		tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("x"), &out),
		"0{\"sid\":\"x\"}");
	assert_int_equal(tb_sio_session_settle(session, TB_SIO_MAIN, 7),
			 TB_ERR_NOT_FOUND);
	expect("27[\"e\"]", TB_SIO_IN_EVENT);
	assert_int_equal(tb_sio_session_settle(session, CUSTOM, 7),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(tb_sio_session_settle(session, TB_SIO_MAIN, 7), TB_OK);
	assert_int_equal(tb_sio_session_settle(session, TB_SIO_MAIN, 7),
			 TB_ERR_NOT_FOUND);
	expect("27[\"e\"]", TB_SIO_IN_EVENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_namespace_is_asked_for_and_accepted),
		TEST(what_is_not_allowed_is_a_connect_error),
		TEST(namespaces_stand_beside_each_other),
		TEST(the_server_puts_a_client_out),
		TEST(a_packet_before_its_connect_breaks_it),
		TEST(a_packet_before_its_connect_is_accepted_breaks_it),
		TEST(what_no_client_sends_breaks_it),
		TEST(after_a_break_nothing_comes_or_goes),
		TEST(text_between_attachments_breaks_it),
		TEST(bytes_that_nobody_announced_break_it),
		TEST(events_come_with_their_attachments),
		TEST(an_event_is_acknowledged_once),
		TEST(acks_that_are_owed_have_a_ceiling),
		TEST(an_id_in_use_breaks_it),
		TEST(an_ack_comes_with_its_tag),
		TEST(acks_that_are_awaited_have_a_ceiling),
		TEST(leaving_forgets_acks_both_ways),
		TEST(what_was_not_written_did_not_happen),
		TEST(the_namespaces_that_it_is_in_can_be_listed),
		TEST(at_rest_it_keeps_what_waits_for_bytes),
		TEST(an_ack_may_be_written_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
