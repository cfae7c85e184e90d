/*
 * Both sessions with each of their allocations failing in turn: the answer is
 * NOMEM, nothing is lost (ASan looks), and a step that failed can be made
 * again.
 */
#include "../base/torture.h"

#include "codec/digest.h"
#include "realtime/eio_session.h"
#include "realtime/sio_session.h"

#define TEXT_MAX ((size_t)1 << 16)
#define P0 "{\"_placeholder\":true,\"num\":0}"

static const struct tb_eio_options eio = {
	.ping_interval_ms = 300,
	.ping_timeout_ms = 200,
	.payload = { .max_bytes = 1000, .max_packets = 10 },
	.outbox_max_bytes = 1000,
	.outbox_max_packets = 10,
};

static const struct tb_sio_options sio = {
	.limits = { .nsp_max_bytes = 20,
		    .attachments_max = 2,
		    .attachments_max_bytes = 100 },
	.memory_max_bytes = TEXT_MAX,
	.nsps_max = 2,
	.awaited_max = 20,
	.owed_max = 20,
};

static const struct tb_eio_packet messages[] = {
	{ TB_EIO_MESSAGE, false, TB_STR_INIT("51-") },
	{ TB_EIO_MESSAGE, true, TB_STR_INIT("\1\2\3") },
};

/* The next action, asked for again where memory was out: one failure must not
 * have changed what it is. */
static enum tb_err next(struct tb_eio_session *session, const char *expected)
{
	struct tb_eio_action action;
	struct tb_buf buf;
	enum tb_err err;
	enum tb_err again = TB_OK;

	tb_buf_init(&buf, TEXT_MAX);
	err = tb_eio_session_next(session, &buf, &action);
	if (err != TB_OK)
		again = tb_eio_session_next(session, &buf, &action);
	assert_int_equal(again, TB_OK);
	if (expected != NULL)
		assert_true(tb_str_eq(action.bytes, tb_str_z(expected)));
	tb_buf_fini(&buf);
	return err;
}

/* Messages that could not be kept were not sent, not even in part. */
static enum tb_err send_all(struct tb_eio_session *session)
{
	enum tb_err err = tb_eio_session_send(session, messages, 2);
	enum tb_err taken;

	if (err == TB_ERR_NOMEM)
		assert_int_equal(tb_eio_session_send(session, messages, 2),
				 TB_OK);
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_NONE);
	taken = next(session, "451-\036bAQID");
	return err != TB_OK ? err : taken;
}

static enum tb_err take_post(struct tb_eio_session *session)
{
	struct tb_arena *arena = tb_arena_create(TEXT_MAX);
	struct tb_eio_packet *packets;
	enum tb_eio_fault fault;
	size_t n;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	assert_int_equal(tb_eio_session_post_begin(session), TB_EIO_FAULT_NONE);
	fault = tb_eio_session_post(session, 0, arena,
				    TB_STR("4a\036bAQIDBA=="), &packets, &n);
	tb_arena_destroy(arena);
	/* What was lost ends the session, so that it is not lost unseen. */
	assert_int_equal(tb_eio_session_is_open(session),
			 fault == TB_EIO_FAULT_NONE);
	return fault == TB_EIO_FAULT_NONE ? TB_OK : TB_ERR_NOMEM;
}

static enum tb_err live_below(void)
{
	struct tb_eio_session *session =
		tb_eio_session_create(&eio, TB_STR("abc"), TB_EIO_POLLING, 0);
	enum tb_err err;

	if (session == NULL)
		return TB_ERR_NOMEM;
	err = next(session, NULL);
	if (err == TB_OK)
		err = send_all(session);
	if (err == TB_OK)
		err = take_post(session);
	tb_eio_session_destroy(session);
	return err;
}

static enum tb_err feed(struct tb_sio_session *session, const char *message,
			bool is_binary, enum tb_sio_input_kind expected)
{
	struct tb_sio_input input;
	enum tb_err err = tb_sio_session_feed(session, tb_str_z(message),
					      is_binary, &input);

	if (err == TB_ERR_NOMEM && !is_binary)
		assert_int_equal(tb_sio_session_feed(session, tb_str_z(message),
						     false, &input),
				 TB_OK);
	if (err == TB_OK || !is_binary)
		assert_int_equal(input.kind, expected);
	return err;
}

static enum tb_err emit(struct tb_sio_session *session, struct tb_buf *buf)
{
	const struct tb_sio_emission emission = { .nsp = TB_SIO_MAIN,
						  .name = TB_STR("e"),
						  .wants_ack = true };

	tb_buf_fini(buf);
	return tb_sio_session_emit(session, &emission, buf);
}

static enum tb_err talk(struct tb_sio_session *session, struct tb_buf *buf)
{
	enum tb_err err = feed(session, "0", false, TB_SIO_IN_CONNECT);

	if (err == TB_OK)
		err = tb_sio_session_accept(session, TB_SIO_MAIN, TB_STR("x"),
					    buf);
	for (int i = 0; i < 10 && err == TB_OK; i++)
		err = emit(session, buf);
	if (err == TB_OK)
		err = feed(session, "30[]", false, TB_SIO_IN_ACK);
	if (err == TB_OK)
		err = feed(session, "21[\"\\u0061\"]", false, TB_SIO_IN_EVENT);
	tb_buf_fini(buf);
	if (err == TB_OK)
		err = tb_sio_session_ack(session, TB_SIO_MAIN, 1, NULL, 0, 0,
					 buf);
	if (err == TB_OK)
		err = feed(session, "51-[\"a\"," P0 "]", false,
			   TB_SIO_IN_NOTHING);
	return err == TB_OK ? feed(session, "12", true, TB_SIO_IN_EVENT) : err;
}

static enum tb_err live_above(void)
{
	struct tb_sio_session *session = tb_sio_session_create(&sio, 0);
	struct tb_buf buf;
	enum tb_err err;

	if (session == NULL)
		return TB_ERR_NOMEM;
	tb_buf_init(&buf, TEXT_MAX);
	err = talk(session, &buf);
	tb_buf_fini(&buf);
	tb_sio_session_destroy(session);
	return err;
}

static void the_session_below_survives_each_failure(void **state)
{
	(void)state;
	assert_true(torture(live_below) >= 7);
}

static void the_session_above_survives_each_failure(void **state)
{
	(void)state;
	assert_true(torture(live_above) >= 15);
}

static int set_up(void **state)
{
	(void)state;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_session_below_survives_each_failure),
		cmocka_unit_test(the_session_above_survives_each_failure),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
