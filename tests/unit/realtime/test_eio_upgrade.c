/*
 * From polling to WebSocket: the steps of the protocol, and what happens when
 * one of them is missing, late, or wrong.
 */
#include "eio_fixture.h"

static void probe(void)
{
	assert_true(tb_eio_session_socket(session, 0));
	frame(0, "2probe");
	assert_actions("frame:3probe;");
}

static void the_steps_of_the_protocol_lead_to_the_socket(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	probe();
	assert_int_equal(tb_eio_session_transport(session), TB_EIO_POLLING);
	assert_poll_waits();
	assert_actions("poll:6;");
	frame(0, "5");
	assert_int_equal(tb_eio_session_transport(session), TB_EIO_WEBSOCKET);
	assert_message("4hello");
	assert_int_equal(send_text("hello"), TB_OK);
	assert_actions("frame:4hello;");
}

static void a_poll_that_waits_is_ended_by_the_probe(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_poll_waits();
	assert_true(tb_eio_session_socket(session, 0));
	assert_actions("");
	frame(0, "2probe");
	assert_actions("poll:6;frame:3probe;");
}

static void a_poll_that_waits_is_ended_by_the_upgrade(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_poll_waits();
	assert_true(tb_eio_session_socket(session, 0));
	frame(0, "2probe");
	frame(0, "5");
	assert_int_equal(send_text("a"), TB_OK);
	assert_actions("poll:6;frame:3probe;frame:4a;");
}

static void nothing_is_lost_on_the_way(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	probe();
	assert_int_equal(send_text("a"), TB_OK);
	assert_actions("");
	assert_poll_waits();
	assert_actions("poll:4a;");
	assert_int_equal(send_text("b"), TB_OK);
	assert_int_equal(post(0, "4still by polling", "still by polling;"),
			 TB_EIO_FAULT_NONE);
	frame(0, "5");
	assert_actions("frame:4b;");
}

static void a_socket_that_is_not_probed_holds_nothing_up(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_true(tb_eio_session_socket(session, 0));
	assert_int_equal(send_text("a"), TB_OK);
	assert_actions("");
	assert_poll_waits();
	assert_actions("poll:4a;");
	assert_poll_waits();
	assert_actions("");
}

static void polling_is_over_after_the_upgrade(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_true(tb_eio_session_socket(session, 0));
	frame(0, "2probe");
	frame(0, "5");
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_REQUEST);
	assert_int_equal(post(0, "4a", ""), TB_EIO_FAULT_REQUEST);
	assert_message("4hello");
	assert_actions("frame:3probe;");
}

static void a_post_that_was_overtaken_is_refused(void **state)
{
	struct tb_eio_packet *messages;
	size_t n;

	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(tb_eio_session_post_begin(session), TB_EIO_FAULT_NONE);
	probe();
	frame(0, "5");
	assert_int_equal(tb_eio_session_post(session, 0, arena, TB_STR("4a"),
					     &messages, &n),
			 TB_EIO_FAULT_REQUEST);
	tb_eio_session_poll_gone(session);
	tb_eio_session_post_gone(session);
	assert_true(tb_eio_session_is_open(session));
}

static void there_is_one_socket(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_true(tb_eio_session_socket(session, 0));
	assert_false(tb_eio_session_socket(session, 0));
	frame(0, "2probe");
	assert_false(tb_eio_session_socket(session, 0));
	frame(0, "5");
	assert_false(tb_eio_session_socket(session, 0));
	assert_message("4hello");
}

static void a_wrong_step_ends_the_attempt_alone(void **state)
{
	static const char *const rows[] = {
		"5", "2", "2other", "3probe", "4a", "1", "6", "abc", "", "0{}"
	};

	(void)state;
	open_session(TB_EIO_POLLING);
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		assert_true(tb_eio_session_socket(session, 0));
		frame(0, rows[i]);
		assert_false(tb_eio_session_socket(session, 0));
		assert_actions("close;");
	}
	assert_int_equal(post(0, "4a", "a;"), TB_EIO_FAULT_NONE);
	probe();
	frame(0, "4a");
	assert_actions("close;");
	assert_true(tb_eio_session_is_open(session));
}

static void bytes_are_no_step(void **state)
{
	struct tb_eio_packet message;

	(void)state;
	open_session(TB_EIO_POLLING);
	assert_true(tb_eio_session_socket(session, 0));
	assert_false(tb_eio_session_frame(session, 0, TB_STR("2probe"), true,
					  &message));
	assert_actions("close;");
}

static void an_upgrade_has_its_time(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_true(tb_eio_session_socket(session, 10));
	assert_int_equal(tb_eio_session_deadline(session), 110);
	frame(0, "2probe");
	tb_eio_session_tick(session, 109);
	assert_actions("frame:3probe;");
	tb_eio_session_tick(session, 110);
	assert_actions("close;");
	assert_int_equal(tb_eio_session_deadline(session), 300);
	assert_poll_waits();
	assert_actions("");
	frame(0, "5");
	assert_int_equal(tb_eio_session_transport(session), TB_EIO_POLLING);
}

static void a_probe_that_breaks_harms_nothing(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_true(tb_eio_session_socket(session, 0));
	frame(0, "2probe");
	tb_eio_session_socket_gone(session);
	assert_actions("");
	assert_poll_waits();
	assert_actions("");
	assert_true(tb_eio_session_socket(session, 0));
	frame(0, "2probe");
	assert_actions("poll:6;frame:3probe;");
}

static void the_heartbeat_goes_on_meanwhile(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	tb_eio_session_tick(session, 300);
	assert_true(tb_eio_session_socket(session, 300));
	frame(300, "2probe");
	frame(300, "5");
	assert_actions("frame:3probe;frame:2;");
	frame(310, "3");
	assert_int_equal(tb_eio_session_deadline(session), 610);
}

static void an_end_closes_the_socket_that_was_probed(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	probe();
	assert_int_equal(post(0, "1", ""), TB_EIO_FAULT_NONE);
	assert_actions("close;end:transport close;");
	tb_eio_session_destroy(session);
	open_session(TB_EIO_POLLING);
	probe();
	tb_eio_session_close(session, 0, TB_EIO_REASON_FORCED_CLOSE);
	assert_actions("close;");
	assert_poll_waits();
	assert_actions("poll:6;end:forced close;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EIO_TEST(the_steps_of_the_protocol_lead_to_the_socket),
		EIO_TEST(a_poll_that_waits_is_ended_by_the_probe),
		EIO_TEST(a_poll_that_waits_is_ended_by_the_upgrade),
		EIO_TEST(nothing_is_lost_on_the_way),
		EIO_TEST(a_socket_that_is_not_probed_holds_nothing_up),
		EIO_TEST(polling_is_over_after_the_upgrade),
		EIO_TEST(a_post_that_was_overtaken_is_refused),
		EIO_TEST(there_is_one_socket),
		EIO_TEST(a_wrong_step_ends_the_attempt_alone),
		EIO_TEST(bytes_are_no_step),
		EIO_TEST(an_upgrade_has_its_time),
		EIO_TEST(a_probe_that_breaks_harms_nothing),
		EIO_TEST(the_heartbeat_goes_on_meanwhile),
		EIO_TEST(an_end_closes_the_socket_that_was_probed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
