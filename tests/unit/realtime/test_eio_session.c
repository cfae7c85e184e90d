/*
 * An Engine.IO session by polling, by WebSocket, its heartbeat and its ends:
 * what the protocol's own test suite asks of a server, and what it does not.
 */
#include "eio_fixture.h"

/* ---- polling ---- */

static void polling_messages_go_both_ways(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(post(0, "4hello\036bAQIDBA==",
			      "hello;"
			      "bytes:\1\2\3\4;"),
			 TB_EIO_FAULT_NONE);
	assert_int_equal(send_text("a"), TB_OK);
	assert_int_equal(send_text("b"), TB_OK);
	assert_actions("");
	assert_poll_waits();
	assert_actions("poll:4a|4b;");
	assert_poll_waits();
	assert_actions("");
	assert_int_equal(send_text("c"), TB_OK);
	assert_actions("poll:4c;");
}

static void bytes_are_sent_behind_their_text(void **state)
{
	const struct tb_eio_packet messages[] = {
		{ TB_EIO_MESSAGE, false, TB_STR("51-") },
		{ TB_EIO_MESSAGE, true, TB_STR("\1\2\3\4") },
	};

	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(tb_eio_session_send(session, messages, 2), TB_OK);
	assert_poll_waits();
	assert_actions("poll:451-|bAQIDBA==;");
}

static void the_handshake_is_answered_alone(void **state)
{
	(void)state;
	session = tb_eio_session_create(&eio_options, TB_STR("abc"),
					TB_EIO_POLLING, 0);
	assert_int_equal(send_text("early"), TB_OK);
	assert_actions(EIO_POLLING_OPEN);
	assert_poll_waits();
	assert_actions("poll:4early;");
}

static void a_poll_is_answered_with_sixteen_packets(void **state)
{
	struct tb_eio_options options = eio_options;

	(void)state;
	options.outbox_max_packets = 33;
	session = tb_eio_session_create(&options, TB_STR("abc"), TB_EIO_POLLING,
					0);
	assert_non_null(session);
	assert_actions(EIO_POLLING_OPEN);
	for (int i = 0; i < 33; i++)
		assert_int_equal(send_text("x"), TB_OK);
	assert_poll_waits();
	assert_actions("poll:4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x;");
	tb_eio_session_tick(session, 300);
	assert_poll_waits();
	assert_actions("poll:2|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x|4x;");
	assert_poll_waits();
	assert_actions("poll:4x|4x;");
	tb_eio_session_destroy(session);
	open_session(TB_EIO_POLLING);
}

static void a_second_poll_ends_the_session(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_poll_waits();
	assert_actions("");
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_REQUEST);
	assert_actions("poll:1;end:transport error;");
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_SID);
	assert_actions("");
}

static void a_second_post_ends_the_session(void **state)
{
	struct tb_eio_packet *messages = NULL;
	size_t n = 4242;

	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(tb_eio_session_post_begin(session), TB_EIO_FAULT_NONE);
	assert_int_equal(tb_eio_session_post_begin(session),
			 TB_EIO_FAULT_REQUEST);
	assert_actions("end:transport error;");
	assert_int_equal(tb_eio_session_post(session, 0, arena, TB_STR("4a"),
					     &messages, &n),
			 TB_EIO_FAULT_SID);
	assert_int_equal(n, 4242);
}

static void a_malformed_post_ends_the_session(void **state)
{
	static const char *const rows[] = { "abc", "", "4a\036", "b!",
					    "4\0364\0364\0364\0364" };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		open_session(TB_EIO_POLLING);
		assert_int_equal(post(0, rows[i], ""), TB_EIO_FAULT_REQUEST);
		assert_actions("end:parse error;");
		assert_int_equal(tb_eio_session_poll(session),
				 TB_EIO_FAULT_SID);
		tb_eio_session_destroy(session);
		session = NULL;
	}
}

static void what_only_a_server_sends_ends_the_session(void **state)
{
	static const char *const rows[] = { "2", "2probe", "5", "0{}",
					    "4a\0362" };

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		open_session(TB_EIO_POLLING);
		assert_poll_waits();
		assert_int_equal(post(0, rows[i], ""), TB_EIO_FAULT_REQUEST);
		assert_actions("poll:1;end:parse error;");
		tb_eio_session_destroy(session);
		session = NULL;
	}
}

static void what_says_nothing_does_nothing(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(post(0, "6\0363\0364a", "a;"), TB_EIO_FAULT_NONE);
	assert_actions("");
	assert_int_equal(tb_eio_session_deadline(session), 300);
}

static void the_client_closes_by_polling(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_poll_waits();
	assert_int_equal(post(0, "4a\0361\0364b", "a;"), TB_EIO_FAULT_NONE);
	assert_actions("poll:6;end:transport close;");
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_SID);
	assert_int_equal(tb_eio_session_post_begin(session), TB_EIO_FAULT_SID);
	assert_int_equal(send_text("x"), TB_ERR_CLOSED);
	assert_false(tb_eio_session_socket(session, 0));
}

/* Both were sent at once, by two connections. */
static void a_poll_may_come_behind_its_client_s_close(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(send_text("lost"), TB_OK);
	assert_int_equal(post(0, "4a\0361\0364b", "a;"), TB_EIO_FAULT_NONE);
	assert_actions("");
	assert_false(tb_eio_session_is_open(session));
	assert_int_equal(send_text("x"), TB_ERR_CLOSED);
	assert_int_equal(tb_eio_session_post_begin(session), TB_EIO_FAULT_SID);
	assert_false(tb_eio_session_socket(session, 0));
	assert_poll_waits();
	assert_actions("poll:6;end:transport close;");
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_SID);
	tb_eio_session_destroy(session);
	open_session(TB_EIO_POLLING);
	assert_int_equal(post(50, "1", ""), TB_EIO_FAULT_NONE);
	assert_int_equal(tb_eio_session_deadline(session), 1050);
	tb_eio_session_tick(session, 1050);
	assert_actions("end:transport close;");
}

static void whoever_hangs_up_ends_the_session(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_poll_waits();
	tb_eio_session_poll_gone(session);
	assert_actions("end:transport error;");
	tb_eio_session_destroy(session);
	open_session(TB_EIO_POLLING);
	assert_int_equal(tb_eio_session_post_begin(session), TB_EIO_FAULT_NONE);
	tb_eio_session_post_gone(session);
	assert_actions("end:transport error;");
}

static void a_poll_takes_what_there_is_room_for(void **state)
{
	char large[60];

	(void)state;
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	open_session(TB_EIO_POLLING);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_text(i < 2 ? large : "small"), TB_OK);
	assert_poll_waits();
	assert_int_equal(out.n, 0);
	struct tb_eio_action action;
	assert_int_equal(tb_eio_session_next(session, &out, &action), TB_OK);
	assert_int_equal(action.kind, TB_EIO_ANSWER_POLL);
	assert_int_equal(action.bytes.n, 60);
	assert_poll_waits();
	assert_int_equal(tb_eio_session_next(session, &out, &action), TB_OK);
	assert_int_equal(action.bytes.n, 60 + 1 + 6);
}

/* ---- the outbox ---- */

static void a_full_outbox_says_so_and_stays_as_it_was(void **state)
{
	static char large[201];
	const struct tb_eio_packet two[] = {
		{ TB_EIO_MESSAGE, false, TB_STR("y") },
		{ TB_EIO_MESSAGE, false, TB_STR("z") },
	};

	(void)state;
	memset(large, 'x', 200);
	open_session(TB_EIO_POLLING);
	assert_int_equal(send_text("a"), TB_OK);
	assert_int_equal(send_text(large), TB_ERR_BUSY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_text("b"), TB_OK);
	assert_int_equal(tb_eio_session_send(session, two, 2), TB_ERR_BUSY);
	assert_int_equal(send_text("c"), TB_OK);
	assert_int_equal(send_text("d"), TB_ERR_BUSY);
	assert_true(tb_eio_session_is_open(session));
	assert_poll_waits();
	assert_actions("poll:4a|4b|4b|4b|4c;");
	assert_int_equal(send_text(large), TB_OK);
	large[0] = '\0';
	assert_int_equal(send_text(large), TB_OK);
}

static void what_never_fits_is_too_large(void **state)
{
	static char large[202];
	struct tb_eio_packet many[6];

	(void)state;
	memset(large, 'x', 201);
	for (size_t i = 0; i < 6; i++)
		many[i] = (struct tb_eio_packet) { .kind = TB_EIO_MESSAGE };
	open_session(TB_EIO_POLLING);
	assert_int_equal(send_text(large), TB_ERR_TOO_LARGE);
	assert_int_equal(tb_eio_session_send(session, many, 6),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(tb_eio_session_send(session, many, 0), TB_OK);
	assert_int_equal(send_text("a\036b"), TB_ERR_INVALID);
	assert_poll_waits();
	assert_actions("");
}

/* ---- WebSocket ---- */

static void frames_go_both_ways(void **state)
{
	const struct tb_eio_packet bytes = { TB_EIO_MESSAGE, true,
					     TB_STR("12") };
	struct tb_eio_packet message;

	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	assert_message("4hello");
	assert_true(tb_eio_session_frame(session, 0, TB_STR("\1\2"), true,
					 &message));
	assert_true(message.is_binary);
	assert_true(tb_str_eq(message.data, TB_STR("\1\2")));
	assert_int_equal(send_text("a"), TB_OK);
	assert_int_equal(tb_eio_session_send(session, &bytes, 1), TB_OK);
	assert_actions("frame:4a;bytes:12;");
}

static void a_slow_socket_leaves_frames_in_the_outbox(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	tb_eio_session_set_writable(session, false);
	assert_int_equal(send_text("a"), TB_OK);
	tb_eio_session_tick(session, 300);
	assert_actions("");
	tb_eio_session_set_writable(session, true);
	assert_actions("frame:2;frame:4a;");
}

static void a_malformed_frame_ends_the_session(void **state)
{
	static char large[102];
	static const char *const rows[] = { "abc", "",   "2",  "5",
					    "0{}", "1x", large };

	(void)state;
	memset(large, '4', 101);
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		open_session(TB_EIO_WEBSOCKET);
		frame(0, rows[i]);
		assert_actions("close;end:parse error;");
		frame(0, "4a");
		assert_actions("");
		tb_eio_session_destroy(session);
		session = NULL;
	}
}

static void the_client_closes_its_socket(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	frame(0, "1");
	assert_actions("close;end:transport close;");
	tb_eio_session_destroy(session);
	open_session(TB_EIO_WEBSOCKET);
	tb_eio_session_socket_gone(session);
	assert_actions("end:transport close;");
}

static void a_socket_session_takes_no_other_request(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_REQUEST);
	assert_int_equal(post(0, "4a", ""), TB_EIO_FAULT_REQUEST);
	assert_false(tb_eio_session_socket(session, 0));
	assert_message("4hello");
	assert_actions("");
}

/* ---- the heartbeat ---- */

static void pings_are_answered_by_polling(void **state)
{
	int64_t now = 0;

	(void)state;
	open_session(TB_EIO_POLLING);
	for (int i = 0; i < 3; i++) {
		assert_poll_waits();
		assert_int_equal(tb_eio_session_deadline(session), now + 300);
		tb_eio_session_tick(session, now + 299);
		assert_actions("");
		now += 300;
		tb_eio_session_tick(session, now);
		assert_actions("poll:2;");
		assert_int_equal(tb_eio_session_deadline(session), now + 200);
		now += 199;
		tb_eio_session_tick(session, now);
		assert_int_equal(post(now, "3", ""), TB_EIO_FAULT_NONE);
	}
	assert_actions("");
}

static void no_pong_in_time_ends_the_session(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	tb_eio_session_tick(session, 300);
	tb_eio_session_tick(session, 500);
	assert_actions("end:ping timeout;");
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_SID);
	assert_int_equal(tb_eio_session_deadline(session), INT64_MAX);
	tb_eio_session_destroy(session);
	open_session(TB_EIO_WEBSOCKET);
	tb_eio_session_tick(session, 300);
	assert_actions("frame:2;");
	assert_message("4still there");
	tb_eio_session_tick(session, 500);
	assert_actions("close;end:ping timeout;");
}

static void a_poll_that_waits_learns_of_the_timeout(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_poll_waits();
	tb_eio_session_tick(session, 300);
	assert_actions("poll:2;");
	assert_poll_waits();
	tb_eio_session_tick(session, 500);
	assert_actions("poll:6;end:ping timeout;");
}

static void a_pong_before_its_ping_counts_for_nothing(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	frame(100, "3");
	assert_int_equal(tb_eio_session_deadline(session), 300);
	tb_eio_session_set_writable(session, false);
	tb_eio_session_tick(session, 300);
	frame(310, "3");
	assert_int_equal(tb_eio_session_deadline(session), 500);
	tb_eio_session_set_writable(session, true);
	assert_actions("frame:2;");
	frame(320, "3");
	assert_int_equal(tb_eio_session_deadline(session), 620);
}

/* ---- ends by the server ---- */

/* A client whose pongs are not read is pinged on, and not given up. */
static void who_is_not_read_misses_no_pong(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	tb_eio_session_set_read(session, 100, false);
	for (int64_t now = 300; now <= 3000; now += 300) {
		assert_int_equal(tb_eio_session_deadline(session), now);
		tb_eio_session_tick(session, now);
		assert_actions("frame:2;");
	}
	tb_eio_session_set_read(session, 3100, true);
	assert_int_equal(tb_eio_session_deadline(session), 3300);
	frame(3250, "3");
	assert_int_equal(tb_eio_session_deadline(session), 3550);
	tb_eio_session_tick(session, 3550);
	assert_actions("frame:2;");
	tb_eio_session_set_read(session, 3600, false);
	assert_int_equal(tb_eio_session_deadline(session), 3850);
	tb_eio_session_set_read(session, 3700, true);
	tb_eio_session_tick(session, 3900);
	assert_actions("close;end:ping timeout;");
}

static void a_late_ping_leaves_time_for_its_pong(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	tb_eio_session_tick(session, 310);
	assert_actions("frame:2;");
	assert_int_equal(tb_eio_session_deadline(session), 500);
	frame(400, "3");
	tb_eio_session_tick(session, 5000);
	assert_actions("frame:2;");
	assert_int_equal(tb_eio_session_deadline(session), 5100);
}

static void closing_sends_what_waits_first(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	assert_int_equal(send_text("last"), TB_OK);
	tb_eio_session_set_writable(session, false);
	tb_eio_session_close(session, 0, TB_EIO_REASON_FORCED_CLOSE);
	assert_false(tb_eio_session_is_open(session));
	assert_int_equal(send_text("later"), TB_ERR_CLOSED);
	frame(0, "4not heard");
	assert_actions("");
	tb_eio_session_set_writable(session, true);
	assert_actions("frame:4last;close;end:forced close;");
}

static void closing_by_polling_waits_for_a_poll(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	assert_int_equal(send_text("last"), TB_OK);
	tb_eio_session_close(session, 0, TB_EIO_REASON_SHUTTING_DOWN);
	tb_eio_session_close(session, 0, TB_EIO_REASON_FORCED_CLOSE);
	assert_actions("");
	assert_int_equal(post(0, "4not heard", ""), TB_EIO_FAULT_NONE);
	assert_poll_waits();
	assert_actions("poll:4last;end:server shutting down;");
}

static void closing_is_not_waited_for_forever(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	tb_eio_session_close(session, 50, TB_EIO_REASON_SHUTTING_DOWN);
	assert_int_equal(tb_eio_session_deadline(session), 1050);
	tb_eio_session_tick(session, 1049);
	assert_actions("");
	tb_eio_session_tick(session, 1050);
	assert_actions("end:server shutting down;");
}

static void a_client_may_close_what_is_closing(void **state)
{
	(void)state;
	open_session(TB_EIO_POLLING);
	tb_eio_session_close(session, 0, TB_EIO_REASON_SHUTTING_DOWN);
	assert_int_equal(post(0, "1", ""), TB_EIO_FAULT_NONE);
	assert_actions("end:server shutting down;");
}

static void aborting_waits_for_nothing(void **state)
{
	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	assert_int_equal(send_text("lost"), TB_OK);
	tb_eio_session_set_writable(session, false);
	tb_eio_session_abort(session, TB_EIO_REASON_OUTBOX_FULL);
	assert_actions("close;end:outbox full;");
	tb_eio_session_abort(session, TB_EIO_REASON_FORCED_CLOSE);
	tb_eio_session_tick(session, 10000);
	assert_actions("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EIO_TEST(polling_messages_go_both_ways),
		EIO_TEST(bytes_are_sent_behind_their_text),
		EIO_TEST(the_handshake_is_answered_alone),
		EIO_TEST(a_poll_is_answered_with_sixteen_packets),
		EIO_TEST(a_second_poll_ends_the_session),
		EIO_TEST(a_second_post_ends_the_session),
		EIO_TEST(a_malformed_post_ends_the_session),
		EIO_TEST(what_only_a_server_sends_ends_the_session),
		EIO_TEST(what_says_nothing_does_nothing),
		EIO_TEST(the_client_closes_by_polling),
		EIO_TEST(a_poll_may_come_behind_its_client_s_close),
		EIO_TEST(whoever_hangs_up_ends_the_session),
		EIO_TEST(a_poll_takes_what_there_is_room_for),
		EIO_TEST(a_full_outbox_says_so_and_stays_as_it_was),
		EIO_TEST(what_never_fits_is_too_large),
		EIO_TEST(frames_go_both_ways),
		EIO_TEST(a_slow_socket_leaves_frames_in_the_outbox),
		EIO_TEST(a_malformed_frame_ends_the_session),
		EIO_TEST(the_client_closes_its_socket),
		EIO_TEST(a_socket_session_takes_no_other_request),
		EIO_TEST(pings_are_answered_by_polling),
		EIO_TEST(no_pong_in_time_ends_the_session),
		EIO_TEST(a_poll_that_waits_learns_of_the_timeout),
		EIO_TEST(a_pong_before_its_ping_counts_for_nothing),
		EIO_TEST(who_is_not_read_misses_no_pong),
		EIO_TEST(a_late_ping_leaves_time_for_its_pong),
		EIO_TEST(closing_sends_what_waits_first),
		EIO_TEST(closing_by_polling_waits_for_a_poll),
		EIO_TEST(closing_is_not_waited_for_forever),
		EIO_TEST(a_client_may_close_what_is_closing),
		EIO_TEST(aborting_waits_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
