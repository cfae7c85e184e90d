#include "base/assert.h"
#include "realtime/eio_state.h"

/* Clients are known that take no more of one payload, and end the session
 * instead (python-engineio). */
#define PAYLOAD_PACKETS_MAX 16

/* What a session has to do is kept as flags and in the outbox. Each function
 * here writes into the buffer first and changes the session only when that
 * has succeeded, so that a step that failed can be made again. */

static const struct tb_eio_packet ping = { .kind = TB_EIO_PING };

/* Frames that are always the same. Nobody gives the first reference back, so
 * that they are never freed. */
static const char ping_frame[] = "\x81\x01"
				 "2";
static struct tb_eio_message ping_message = {
	.refs = 1,
	.head_bytes = 2,
	.n = sizeof(ping_frame) - 1,
	.frame = ping_frame,
};
static const char probe_frame[] = "\x81\x06"
				  "3probe";
static struct tb_eio_message probe_message = {
	.refs = 1,
	.head_bytes = 2,
	.n = sizeof(probe_frame) - 1,
	.frame = probe_frame,
};

static struct tb_eio_action send_frame(struct tb_eio_message *message)
{
	return (struct tb_eio_action) { .kind = TB_EIO_SEND_FRAME,
					.message = message };
}

/* The data of the open packet. */
static void put_open(const struct tb_eio_session *s, struct tb_buf *buf)
{
	const struct tb_eio_options *options = s->options;
	const struct tb_eio_handshake handshake = {
		.sid = tb_eio_session_sid(s),
		.can_upgrade = s->can_upgrade,
		.ping_interval_ms = options->ping_interval_ms,
		.ping_timeout_ms = options->ping_timeout_ms,
		.max_payload_bytes = options->payload.max_bytes,
	};

	tb_eio_put_handshake(buf, &handshake);
}

static enum tb_err answer(struct tb_eio_session *s, struct tb_buf *buf,
			  struct tb_eio_action *ret)
{
	if (tb_buf_err(buf) != TB_OK)
		return tb_buf_err(buf);
	*ret = (struct tb_eio_action) { .kind = TB_EIO_ANSWER_POLL,
					.bytes = tb_buf_str(buf) };
	s->poll_waits = false;
	return TB_OK;
}

/* Clients read the handshake as one packet, so nothing goes with it. */
static enum tb_err answer_with_open(struct tb_eio_session *s,
				    struct tb_buf *buf,
				    struct tb_eio_action *ret)
{
	enum tb_err err;

	tb_buf_append_char(buf, '0' + TB_EIO_OPEN);
	put_open(s, buf);
	err = answer(s, buf, ret);
	if (err == TB_OK)
		s->open_due = false;
	return err;
}

static enum tb_err answer_with_farewell(struct tb_eio_session *s,
					struct tb_buf *buf,
					struct tb_eio_action *ret)
{
	const struct tb_eio_packet farewell = { .kind = s->farewell };

	tb_eio_put_record(buf, &farewell);
	return answer(s, buf, ret);
}

/* As many messages as there is room for, but at least one; gives how many. */
static size_t put_messages(const struct tb_eio_session *s, struct tb_buf *buf)
{
	size_t max = s->options->payload.max_bytes;
	size_t n_max = PAYLOAD_PACKETS_MAX - (s->ping_due ? 1 : 0);
	size_t n = 0;

	for (; n < s->outbox.packets && n < n_max; n++) {
		const struct tb_eio_message *message =
			tb_eio_outbox_at(&s->outbox, n);
		const struct tb_eio_packet packet = {
			.kind = TB_EIO_MESSAGE,
			.is_binary = message->is_binary,
			.data = tb_eio_message_data(message),
		};
		if (n > 0 && buf->n + tb_eio_record_bytes(&packet) > max)
			break;
		tb_eio_put_record(buf, &packet);
	}
	return n;
}

/* No close packet says that it was the last one: clients are known that do not
 * come back by themselves when they get it (python-engineio), or forget what
 * stands before it (socket.io-client). Their next poll tells them as well. */
static enum tb_err answer_with_messages(struct tb_eio_session *s,
					struct tb_buf *buf,
					struct tb_eio_action *ret)
{
	static const struct tb_eio_packet noop = { .kind = TB_EIO_NOOP };
	bool is_last;
	enum tb_err err;
	size_t n;

	if (s->ping_due)
		tb_eio_put_record(buf, &ping);
	n = put_messages(s, buf);
	is_last = s->phase == EIO_IS_CLOSING && n == s->outbox.packets;
	if (buf->n == 0)
		tb_eio_put_record(buf, &noop);
	err = answer(s, buf, ret);
	if (err != TB_OK)
		return err;
	s->ping_due = false;
	tb_eio_outbox_drop(&s->outbox, n);
	if (is_last)
		tb_eio_state_end(s, s->reason, TB_EIO_NOOP);
	return TB_OK;
}

/* "The server MUST send a noop packet to any pending GET request to cleanly
 * close HTTP long-polling transport": a poll that would wait is of no use
 * while a probed WebSocket is about to take over. */
static bool has_answer(const struct tb_eio_session *s)
{
	return s->ping_due || s->outbox.packets > 0 ||
	       s->phase == EIO_IS_CLOSING || s->socket == EIO_SOCKET_PROBED;
}

static enum tb_err next_for_poll(struct tb_eio_session *s, struct tb_buf *buf,
				 struct tb_eio_action *ret)
{
	if (!s->poll_waits)
		return TB_OK;
	if (s->phase == EIO_IS_CLOSED || s->transport == TB_EIO_WEBSOCKET)
		return answer_with_farewell(s, buf, ret);
	if (s->open_due)
		return answer_with_open(s, buf, ret);
	if (has_answer(s))
		return answer_with_messages(s, buf, ret);
	return TB_OK;
}

/* A frame that is due as a flag, which falls when it is sent. */
static void send_due(bool *due, struct tb_eio_message *message,
		     struct tb_eio_action *ret)
{
	*ret = send_frame(tb_eio_message_ref(message));
	*due = false;
}

static enum tb_err send_open(struct tb_eio_session *s, struct tb_buf *buf,
			     struct tb_eio_action *ret)
{
	struct tb_eio_packet packet = { .kind = TB_EIO_OPEN };
	struct tb_eio_message *message;

	put_open(s, buf);
	if (tb_buf_err(buf) != TB_OK)
		return tb_buf_err(buf);
	packet.data = tb_buf_str(buf);
	message = tb_eio_message_create(&packet);
	if (message == NULL)
		return TB_ERR_NOMEM;
	*ret = send_frame(message);
	s->open_due = false;
	return TB_OK;
}

static enum tb_err next_for_socket(struct tb_eio_session *s, struct tb_buf *buf,
				   struct tb_eio_action *ret)
{
	if (!s->is_writable)
		return TB_OK;
	if (s->probe_due)
		send_due(&s->probe_due, &probe_message, ret);
	else if (s->socket != EIO_SOCKET_IN_USE)
		return TB_OK;
	else if (s->open_due)
		return send_open(s, buf, ret);
	else if (s->ping_due)
		send_due(&s->ping_due, &ping_message, ret);
	else if (s->outbox.packets > 0)
		*ret = send_frame(tb_eio_outbox_pop(&s->outbox));
	else if (s->phase == EIO_IS_CLOSING)
		tb_eio_state_end(s, s->reason, TB_EIO_NOOP);
	return TB_OK;
}

/* The socket goes before the session does. */
static void next_at_the_end(struct tb_eio_session *s, struct tb_eio_action *ret)
{
	if (s->socket_close_due) {
		s->socket_close_due = false;
		ret->kind = TB_EIO_CLOSE_SOCKET;
	} else if (s->end_due) {
		s->end_due = false;
		ret->kind = TB_EIO_END;
		ret->reason = s->reason;
	}
}

enum tb_err tb_eio_session_next(struct tb_eio_session *s, struct tb_buf *buf,
				struct tb_eio_action *ret)
{
	struct tb_eio_action action = { .kind = TB_EIO_NOTHING };
	enum tb_err err;

	tb_buf_reset(buf);
	err = next_for_poll(s, buf, &action);
	if (err == TB_OK && action.kind == TB_EIO_NOTHING)
		err = next_for_socket(s, buf, &action);
	if (err != TB_OK)
		return err;
	if (action.kind == TB_EIO_NOTHING)
		next_at_the_end(s, &action);
	*ret = action;
	return TB_OK;
}
