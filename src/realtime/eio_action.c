#include "base/assert.h"
#include "realtime/eio_state.h"

/* What a session has to do is kept as flags and in the outbox. Each function
 * here writes into the buffer first and changes the session only when that
 * has succeeded, so that a step that failed can be made again. */

static const struct tb_eio_packet ping = { .kind = TB_EIO_PING };
static const struct tb_eio_packet probe_answer = {
	.kind = TB_EIO_PONG,
	.data = TB_STR_INIT("probe"),
};

static enum tb_err act(struct tb_buf *buf, enum tb_eio_action_kind kind,
		       struct tb_eio_action *ret)
{
	if (tb_buf_err(buf) == TB_OK)
		*ret = (struct tb_eio_action) { .kind = kind,
						.bytes = tb_buf_str(buf) };
	return tb_buf_err(buf);
}

/* The same in a frame and alone in a payload. */
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

	tb_buf_append_char(buf, '0' + TB_EIO_OPEN);
	tb_eio_put_handshake(buf, &handshake);
}

static enum tb_err answer(struct tb_eio_session *s, struct tb_buf *buf,
			  struct tb_eio_action *ret)
{
	enum tb_err err = act(buf, TB_EIO_ANSWER_POLL, ret);

	if (err == TB_OK)
		s->poll_waits = false;
	return err;
}

/* Clients read the handshake as one packet, so nothing goes with it. */
static enum tb_err answer_with_open(struct tb_eio_session *s,
				    struct tb_buf *buf,
				    struct tb_eio_action *ret)
{
	enum tb_err err;

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
	const struct tb_eio_parcel *at = s->outbox.first;
	size_t max = s->options->payload.max_bytes;
	size_t n = 0;

	for (; at != NULL; at = at->next, n++) {
		if (n > 0 && buf->n + tb_eio_record_bytes(&at->packet) > max)
			break;
		tb_eio_put_record(buf, &at->packet);
	}
	return n;
}

static enum tb_err answer_with_messages(struct tb_eio_session *s,
					struct tb_buf *buf,
					struct tb_eio_action *ret)
{
	static const struct tb_eio_packet close = { .kind = TB_EIO_CLOSE };
	static const struct tb_eio_packet noop = { .kind = TB_EIO_NOOP };
	bool is_last;
	enum tb_err err;
	size_t n;

	if (s->ping_due)
		tb_eio_put_record(buf, &ping);
	n = put_messages(s, buf);
	is_last = s->phase == EIO_IS_CLOSING && n == s->outbox.packets;
	if (is_last)
		tb_eio_put_record(buf, &close);
	else if (buf->n == 0)
		tb_eio_put_record(buf, &noop);
	err = answer(s, buf, ret);
	if (err != TB_OK)
		return err;
	s->ping_due = false;
	tb_eio_outbox_drop(&s->outbox, n);
	if (is_last)
		tb_eio_state_end(s, s->reason, TB_EIO_CLOSE);
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

/* A packet that is due as a flag, which falls when it has been sent. */
static enum tb_err send_due(bool *due, const struct tb_eio_packet *packet,
			    struct tb_buf *buf, struct tb_eio_action *ret)
{
	enum tb_err err;

	tb_eio_put_frame(buf, packet);
	err = act(buf, TB_EIO_SEND_FRAME, ret);
	if (err == TB_OK)
		*due = false;
	return err;
}

static enum tb_err send_open(struct tb_eio_session *s, struct tb_buf *buf,
			     struct tb_eio_action *ret)
{
	enum tb_err err;

	put_open(s, buf);
	err = act(buf, TB_EIO_SEND_FRAME, ret);
	if (err == TB_OK)
		s->open_due = false;
	return err;
}

static enum tb_err send_message(struct tb_eio_session *s, struct tb_buf *buf,
				struct tb_eio_action *ret)
{
	const struct tb_eio_packet *packet = &s->outbox.first->packet;
	enum tb_err err;

	tb_eio_put_frame(buf, packet);
	err = act(buf, TB_EIO_SEND_FRAME, ret);
	if (err != TB_OK)
		return err;
	ret->is_binary = packet->is_binary;
	tb_eio_outbox_drop(&s->outbox, 1);
	return TB_OK;
}

static enum tb_err next_for_socket(struct tb_eio_session *s, struct tb_buf *buf,
				   struct tb_eio_action *ret)
{
	if (!s->is_writable)
		return TB_OK;
	if (s->probe_due)
		return send_due(&s->probe_due, &probe_answer, buf, ret);
	if (s->socket != EIO_SOCKET_IN_USE)
		return TB_OK;
	if (s->open_due)
		return send_open(s, buf, ret);
	if (s->ping_due)
		return send_due(&s->ping_due, &ping, buf, ret);
	if (s->outbox.packets > 0)
		return send_message(s, buf, ret);
	if (s->phase == EIO_IS_CLOSING)
		tb_eio_state_end(s, s->reason, TB_EIO_CLOSE);
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
