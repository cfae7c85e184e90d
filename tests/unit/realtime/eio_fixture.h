/*
 * One Engine.IO session under test, and all that it wants done as one line of
 * text: "poll:4a|2;" a poll answered (| for the separator), "frame:2;" and
 * "bytes:..;" a frame sent, "close;" its WebSocket closed, "end:reason;".
 */
#ifndef TB_TESTS_EIO_FIXTURE_H
#define TB_TESTS_EIO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "realtime/eio_session.h"

#define EIO_TEXT_MAX ((size_t)1 << 16)

static const struct tb_eio_options eio_options = {
	.ping_interval_ms = 300,
	.ping_timeout_ms = 200,
	.upgrade_timeout_ms = 100,
	.close_timeout_ms = 1000,
	.payload = { .max_bytes = 100, .max_packets = 4 },
	.outbox_max_bytes = 200,
	.outbox_max_packets = 5,
};

#define EIO_OPEN_REST                                                          \
	"\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":100};"
#define EIO_POLLING_OPEN                                                       \
	"poll:0{\"sid\":\"abc\",\"upgrades\":[\"websocket\"]," EIO_OPEN_REST
#define EIO_WEBSOCKET_OPEN                                                     \
	"frame:0{\"sid\":\"abc\",\"upgrades\":[]," EIO_OPEN_REST

static struct tb_eio_session *session;
static struct tb_arena *arena;
static struct tb_buf out;

static inline void put_visible(struct tb_buf *to, const char *label,
			       struct tb_str bytes)
{
	tb_buf_append_z(to, label);
	for (size_t i = 0; i < bytes.n; i++)
		tb_buf_append_char(
			to, bytes.p[i] == TB_EIO_SEPARATOR ? '|' : bytes.p[i]);
	tb_buf_append_char(to, ';');
}

static inline void put_action(struct tb_buf *to,
			      const struct tb_eio_action *action)
{
	switch (action->kind) {
	case TB_EIO_ANSWER_POLL:
		put_visible(to, "poll:", action->bytes);
		break;
	case TB_EIO_SEND_FRAME:
		put_visible(to,
			    action->message->is_binary ? "bytes:" : "frame:",
			    tb_eio_message_packet(action->message));
		tb_eio_message_unref(action->message);
		break;
	case TB_EIO_CLOSE_SOCKET:
		tb_buf_append_z(to, "close;");
		break;
	case TB_EIO_END:
		put_visible(to, "end:",
			    tb_str_z(tb_eio_reason_text(action->reason)));
		break;
	default:
		fail();
	}
}

/* Everything that is to be done now. */
static inline void assert_actions(const char *expected)
{
	struct tb_eio_action action;
	struct tb_buf all;

	tb_buf_init(&all, EIO_TEXT_MAX);
	for (;;) {
		assert_int_equal(tb_eio_session_next(session, &out, &action),
				 TB_OK);
		if (action.kind == TB_EIO_NOTHING)
			break;
		put_action(&all, &action);
	}
	tb_buf_append_char(&all, '\0');
	assert_string_equal(all.p, expected);
	tb_buf_fini(&all);
}

static inline void open_session(enum tb_eio_transport transport)
{
	session = tb_eio_session_create(&eio_options, TB_STR("abc"), transport,
					0);
	assert_non_null(session);
	assert_actions(transport == TB_EIO_POLLING ? EIO_POLLING_OPEN
						   : EIO_WEBSOCKET_OPEN);
}

static inline void assert_poll_waits(void)
{
	assert_int_equal(tb_eio_session_poll(session), TB_EIO_FAULT_NONE);
}

/* A post with what it leaves for the layer above, as "a;b;". */
static inline enum tb_eio_fault post(int64_t now_ms, const char *body,
				     const char *expected)
{
	struct tb_eio_packet *messages = NULL;
	enum tb_eio_fault fault;
	struct tb_buf all;
	size_t n = 0;

	fault = tb_eio_session_post_begin(session);
	if (fault != TB_EIO_FAULT_NONE)
		return fault;
	fault = tb_eio_session_post(session, now_ms, arena, tb_str_z(body),
				    &messages, &n);
	tb_buf_init(&all, EIO_TEXT_MAX);
	for (size_t i = 0; i < n; i++)
		put_visible(&all, messages[i].is_binary ? "bytes:" : "",
			    messages[i].data);
	tb_buf_append_char(&all, '\0');
	assert_string_equal(all.p, expected);
	tb_buf_fini(&all);
	return fault;
}

/* A text frame that leaves nothing for the layer above. */
static inline void frame(int64_t now_ms, const char *text)
{
	struct tb_eio_packet message;

	assert_false(tb_eio_session_frame(session, now_ms, tb_str_z(text),
					  false, &message));
}

/* A text frame that is a message. */
static inline void assert_message(const char *text)
{
	struct tb_eio_packet message;

	assert_true(tb_eio_session_frame(session, 0, tb_str_z(text), false,
					 &message));
	assert_true(tb_str_eq(message.data, tb_str_z(text + 1)));
	assert_false(message.is_binary);
}

static inline enum tb_err send_text(const char *text)
{
	const struct tb_eio_packet message = { .kind = TB_EIO_MESSAGE,
					       .data = tb_str_z(text) };

	return tb_eio_session_send(session, &message, 1);
}

static inline int eio_set_up(void **state)
{
	(void)state;
	session = NULL;
	tb_buf_init(&out, EIO_TEXT_MAX);
	arena = tb_arena_create(EIO_TEXT_MAX);
	return arena != NULL && tb_digest_init() == TB_OK ? 0 : -1;
}

static inline int eio_tear_down(void **state)
{
	(void)state;
	tb_eio_session_destroy(session);
	tb_arena_destroy(arena);
	tb_buf_fini(&out);
	return 0;
}

#define EIO_TEST(f)                                                            \
	cmocka_unit_test_setup_teardown(f, eio_set_up, eio_tear_down)

#endif
