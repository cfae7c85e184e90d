/*
 * Messages as whole frames, and sessions that share them: nobody copies, each
 * holds a reference, and none is left over.
 */
#include "eio_fixture.h"

#include "../base/torture.h"
#include "base/alloc.h"
#include "realtime/eio_outbox.h"

#define LONG_MAX ((size_t)70000)

static struct tb_eio_message *text_of(size_t n)
{
	static char text[LONG_MAX];
	const struct tb_eio_packet packet = { .kind = TB_EIO_MESSAGE,
					      .data = tb_str(text, n) };
	struct tb_eio_message *message;

	memset(text, 'x', sizeof(text));
	message = tb_eio_message_create(&packet);
	assert_non_null(message);
	return message;
}

static void a_frame_has_the_shortest_head(void **state)
{
	static const struct {
		size_t n; /* of the packet, with its kind */
		struct tb_str head;
	} rows[] = {
		{ 1, TB_STR_INIT("\x81\x01") },
		{ 125, TB_STR_INIT("\x81\x7d") },
		{ 126, TB_STR_INIT("\x81\x7e\x00\x7e") },
		{ 65535, TB_STR_INIT("\x81\x7e\xff\xff") },
		{ 65536, TB_STR_INIT("\x81\x7f\0\0\0\0\0\1\0\0") },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		struct tb_eio_message *message = text_of(rows[i].n - 1);
		struct tb_str frame = tb_eio_message_frame(message);

		assert_int_equal(frame.n, rows[i].head.n + rows[i].n);
		assert_memory_equal(frame.p, rows[i].head.p, rows[i].head.n);
		assert_int_equal(frame.p[rows[i].head.n], '4');
		assert_int_equal(tb_eio_message_packet(message).n, rows[i].n);
		assert_int_equal(tb_eio_message_data(message).n, rows[i].n - 1);
		tb_eio_message_unref(message);
	}
}

static void bytes_have_no_kind(void **state)
{
	const struct tb_eio_packet packet = { TB_EIO_MESSAGE, true,
					      TB_STR("\0\1") };
	struct tb_eio_message *message = tb_eio_message_create(&packet);

	(void)state;
	assert_non_null(message);
	assert_true(tb_str_eq(tb_eio_message_frame(message),
			      TB_STR("\x82\x02\0\1")));
	assert_true(tb_str_eq(tb_eio_message_data(message), packet.data));
	assert_true(tb_str_eq(tb_eio_message_packet(message), packet.data));
	tb_eio_message_unref(message);
	tb_eio_message_unref(NULL);
}

static void other_frames_are_taken_as_they_are(void **state)
{
	struct tb_eio_message *message =
		tb_eio_message_create_frame(TB_STR("\x8a\x01x"));

	(void)state;
	assert_non_null(message);
	assert_true(
		tb_str_eq(tb_eio_message_frame(message), TB_STR("\x8a\x01x")));
	tb_eio_message_unref(message);
}

static void sessions_share_a_message(void **state)
{
	struct tb_eio_message *message = text_of(5);
	struct tb_eio_session *other = tb_eio_session_create(
		&eio_options, TB_STR("def"), TB_EIO_POLLING, 0);
	struct tb_eio_action action;

	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	assert_non_null(other);
	assert_int_equal(tb_eio_session_share(session, &message, 1), TB_OK);
	assert_int_equal(tb_eio_session_share(other, &message, 1), TB_OK);
	assert_int_equal(message->refs, 3);
	assert_int_equal(tb_eio_session_backlog(other).bytes, 5);
	assert_int_equal(tb_eio_session_backlog(other).packets, 1);
	assert_int_equal(tb_eio_session_next(session, &out, &action), TB_OK);
	assert_int_equal(action.kind, TB_EIO_SEND_FRAME);
	assert_ptr_equal(action.message, message);
	assert_int_equal(tb_eio_session_backlog(session).packets, 0);
	tb_eio_message_unref(action.message);
	/* The handshake, then the message. */
	assert_int_equal(tb_eio_session_next(other, &out, &action), TB_OK);
	assert_int_equal(tb_eio_session_poll(other), TB_EIO_FAULT_NONE);
	assert_int_equal(tb_eio_session_next(other, &out, &action), TB_OK);
	assert_true(tb_str_eq(action.bytes, TB_STR("4xxxxx")));
	assert_int_equal(message->refs, 1);
	assert_int_equal(tb_eio_session_share(other, &message, 1), TB_OK);
	tb_eio_session_destroy(other);
	assert_int_equal(message->refs, 1);
	tb_eio_session_abort(session, TB_EIO_REASON_FORCED_CLOSE);
	assert_int_equal(tb_eio_session_share(session, &message, 1),
			 TB_ERR_CLOSED);
	assert_int_equal(message->refs, 1);
	tb_eio_message_unref(message);
}

static void those_that_do_not_fit_are_all_left_out(void **state)
{
	struct tb_eio_message *many[6];

	(void)state;
	open_session(TB_EIO_POLLING);
	for (size_t i = 0; i < TB_ARRAY_LEN(many); i++)
		many[i] = text_of(40);
	assert_int_equal(tb_eio_session_share(session, many, 6),
			 TB_ERR_TOO_LARGE);
	assert_int_equal(tb_eio_session_share(session, many, 3), TB_OK);
	assert_int_equal(tb_eio_session_share(session, many, 3), TB_ERR_BUSY);
	assert_int_equal(tb_eio_session_share(session, many + 3, 2), TB_OK);
	for (size_t i = 0; i < TB_ARRAY_LEN(many); i++) {
		assert_int_equal(many[i]->refs, i < 5 ? 2 : 1);
		tb_eio_message_unref(many[i]);
	}
}

/* A queue that is filled and emptied by different steps, beside one that is
 * just numbers. */
static void an_outbox_keeps_its_order(void **state)
{
	struct tb_eio_outbox outbox;
	struct tb_eio_message *messages[64];
	size_t put = 0, taken = 0;

	(void)state;
	tb_eio_outbox_init(&outbox, SIZE_MAX, SIZE_MAX);
	for (size_t i = 0; i < TB_ARRAY_LEN(messages); i++)
		messages[i] = text_of(i);
	for (size_t round = 0; round < 500; round++) {
		size_t n = round % 7 + (round % 50 == 0 ? 40 : 0);
		for (size_t i = 0; i < n; i++, put++)
			assert_int_equal(tb_eio_outbox_push(&outbox,
							    &messages[put % 64],
							    1),
					 TB_OK);
		for (size_t i = 0; i < round % 9 && taken < put; i++, taken++) {
			struct tb_eio_message *m = tb_eio_outbox_pop(&outbox);
			assert_ptr_equal(m, messages[taken % 64]);
			tb_eio_message_unref(m);
		}
		assert_int_equal(outbox.packets, put - taken);
	}
	while (outbox.packets > 0) {
		assert_ptr_equal(tb_eio_outbox_at(&outbox, 0),
				 messages[taken++ % 64]);
		tb_eio_outbox_drop(&outbox, 1);
	}
	assert_int_equal(outbox.bytes, 0);
	/* An empty one keeps little of what it was. */
	assert_true(outbox.cap <= 16);
	tb_eio_outbox_fini(&outbox);
	for (size_t i = 0; i < TB_ARRAY_LEN(messages); i++) {
		assert_int_equal(messages[i]->refs, 1);
		tb_eio_message_unref(messages[i]);
	}
}

static enum tb_err share_many(void)
{
	const struct tb_eio_packet packets[] = {
		{ TB_EIO_MESSAGE, false, TB_STR("a") },
		{ TB_EIO_MESSAGE, true, TB_STR("b") },
		{ TB_EIO_MESSAGE, false, TB_STR("c") },
	};
	struct tb_eio_outbox outbox;
	enum tb_err err;

	tb_eio_outbox_init(&outbox, 100, 100);
	err = tb_eio_outbox_push_packets(&outbox, packets, 3);
	assert_int_equal(outbox.packets, err == TB_OK ? 3 : 0);
	assert_int_equal(outbox.bytes, err == TB_OK ? 3 : 0);
	tb_eio_outbox_fini(&outbox);
	return err;
}

static void an_outbox_takes_all_or_nothing(void **state)
{
	(void)state;
	assert_int_equal(torture(share_many), 4);
}

/* What is sent at once takes no memory. */
static void one_at_a_time_needs_no_memory(void **state)
{
	struct tb_eio_message *message = text_of(1);
	struct tb_eio_action action;

	(void)state;
	open_session(TB_EIO_WEBSOCKET);
	tb_alloc_fail_at(1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tb_eio_session_share(session, &message, 1),
				 TB_OK);
		assert_int_equal(tb_eio_session_next(session, &out, &action),
				 TB_OK);
		tb_eio_message_unref(action.message);
	}
	assert_int_equal(tb_alloc_calls(), 0);
	tb_alloc_fail_at(0);
	tb_eio_message_unref(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EIO_TEST(a_frame_has_the_shortest_head),
		EIO_TEST(bytes_have_no_kind),
		EIO_TEST(other_frames_are_taken_as_they_are),
		EIO_TEST(sessions_share_a_message),
		EIO_TEST(those_that_do_not_fit_are_all_left_out),
		EIO_TEST(an_outbox_keeps_its_order),
		EIO_TEST(an_outbox_takes_all_or_nothing),
		EIO_TEST(one_at_a_time_needs_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
