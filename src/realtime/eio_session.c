#include "realtime/eio_session.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "realtime/eio_state.h"

static const char *const reason_texts[TB_EIO_REASONS] = {
	[TB_EIO_REASON_TRANSPORT_ERROR] = "transport error",
	[TB_EIO_REASON_TRANSPORT_CLOSE] = "transport close",
	[TB_EIO_REASON_PING_TIMEOUT] = "ping timeout",
	[TB_EIO_REASON_PARSE_ERROR] = "parse error",
	[TB_EIO_REASON_FORCED_CLOSE] = "forced close",
	[TB_EIO_REASON_SHUTTING_DOWN] = "server shutting down",
	[TB_EIO_REASON_OUTBOX_FULL] = "outbox full",
};

static const struct tb_str probe_text = TB_STR_INIT("probe");

/* How long a poll may come behind its client's close. */
#define LATE_POLL_MS 1000

const char *tb_eio_reason_text(enum tb_eio_reason reason)
{
	TB_ASSERT((size_t)reason < TB_EIO_REASONS);
	return reason_texts[reason];
}

/* ---- its life ---- */

struct tb_eio_session *
tb_eio_session_create(const struct tb_eio_options *options, struct tb_str sid,
		      enum tb_eio_transport transport, int64_t now_ms)
{
	struct tb_eio_session *s = tb_calloc(1, sizeof(*s) + sid.n);
	bool is_polling = transport == TB_EIO_POLLING;

	if (s == NULL)
		return NULL;
	s->options = options;
	s->transport = transport;
	s->socket = is_polling ? EIO_SOCKET_NONE : EIO_SOCKET_IN_USE;
	s->can_upgrade = is_polling;
	s->poll_waits = is_polling;
	s->is_writable = true;
	s->is_read = true;
	s->open_due = true;
	s->heartbeat_ms = now_ms + options->ping_interval_ms;
	tb_eio_outbox_init(&s->outbox, options->outbox_max_bytes,
			   options->outbox_max_packets);
	s->sid_n = sid.n;
	memcpy(s->sid, sid.p, sid.n);
	return s;
}

void tb_eio_session_destroy(struct tb_eio_session *s)
{
	if (s == NULL)
		return;
	tb_eio_outbox_fini(&s->outbox);
	tb_free(s);
}

struct tb_str tb_eio_session_sid(const struct tb_eio_session *s)
{
	return tb_str(s->sid, s->sid_n);
}

enum tb_eio_transport tb_eio_session_transport(const struct tb_eio_session *s)
{
	return s->transport;
}

bool tb_eio_session_is_open(const struct tb_eio_session *s)
{
	return s->phase == EIO_IS_OPEN;
}

static void drop_socket(struct tb_eio_session *s)
{
	s->socket_close_due |= s->socket != EIO_SOCKET_NONE;
	s->socket = EIO_SOCKET_NONE;
	s->probe_due = false;
}

void tb_eio_state_end(struct tb_eio_session *s, enum tb_eio_reason reason,
		      enum tb_eio_kind farewell)
{
	if (s->phase == EIO_IS_CLOSED)
		return;
	/* One that was being closed ends for the reason that it was told. */
	if (s->phase == EIO_IS_OPEN)
		s->reason = reason;
	s->phase = EIO_IS_CLOSED;
	s->farewell = farewell;
	s->end_due = true;
	s->open_due = false;
	s->ping_due = false;
	drop_socket(s);
	tb_eio_outbox_drop(&s->outbox, s->outbox.packets);
}

/* For what a client may come back after: nothing tells it not to. */
static void end(struct tb_eio_session *s, enum tb_eio_reason reason)
{
	tb_eio_state_end(s, reason, TB_EIO_NOOP);
}

/* For what no client may do. */
static void end_misused(struct tb_eio_session *s, enum tb_eio_reason reason)
{
	tb_eio_state_end(s, reason, TB_EIO_CLOSE);
}

void tb_eio_session_close(struct tb_eio_session *s, int64_t now_ms,
			  enum tb_eio_reason reason)
{
	if (s->phase != EIO_IS_OPEN)
		return;
	s->phase = EIO_IS_CLOSING;
	s->reason = reason;
	s->close_ms = now_ms + s->options->close_timeout_ms;
	if (s->socket != EIO_SOCKET_IN_USE)
		drop_socket(s);
}

void tb_eio_session_abort(struct tb_eio_session *s, enum tb_eio_reason reason)
{
	end(s, reason);
}

/* ---- packets ---- */

/* "At a given interval the server sends a ping packet and the client has a few
 * seconds to send a pong packet back." A pong that nobody asked for changes
 * nothing. */
static void take_pong(struct tb_eio_session *s, int64_t now_ms)
{
	if (!s->awaits_pong || s->ping_due)
		return;
	s->awaits_pong = false;
	s->heartbeat_ms = now_ms + s->options->ping_interval_ms;
}

/* The client does not wait for a word of parting: its poll is ended by one that
 * says nothing. One that it sent with its close, by another connection, may
 * come a little later. */
static void take_close(struct tb_eio_session *s, int64_t now_ms)
{
	int64_t wait_ms = s->options->close_timeout_ms < LATE_POLL_MS
				  ? s->options->close_timeout_ms
				  : LATE_POLL_MS;

	if (s->phase == EIO_IS_OPEN && s->socket == EIO_SOCKET_NONE &&
	    !s->poll_waits) {
		tb_eio_session_close(s, now_ms, TB_EIO_REASON_TRANSPORT_CLOSE);
		tb_eio_outbox_drop(&s->outbox, s->outbox.packets);
		s->ping_due = false;
		s->has_left = true;
		s->close_ms = now_ms + wait_ms;
		return;
	}
	tb_eio_state_end(s, TB_EIO_REASON_TRANSPORT_CLOSE, TB_EIO_NOOP);
}

/* True for a message that the layer above gets. */
static bool take_packet(struct tb_eio_session *s, int64_t now_ms,
			const struct tb_eio_packet *packet)
{
	if (s->phase == EIO_IS_CLOSED)
		return false;
	switch (packet->kind) {
	case TB_EIO_MESSAGE:
		return s->phase == EIO_IS_OPEN;
	case TB_EIO_PONG:
		take_pong(s, now_ms);
		return false;
	case TB_EIO_CLOSE:
		take_close(s, now_ms);
		return false;
	case TB_EIO_NOOP:
		return false;
	default:
		end_misused(s, TB_EIO_REASON_PARSE_ERROR);
		return false;
	}
}

/* ---- polling ---- */

static enum tb_eio_fault check_polling(const struct tb_eio_session *s)
{
	if (s->phase == EIO_IS_CLOSED)
		return TB_EIO_FAULT_SID;
	if (s->transport != TB_EIO_POLLING)
		return TB_EIO_FAULT_REQUEST;
	return TB_EIO_FAULT_NONE;
}

/* "A client MUST NOT have more than one active request. Should it happen, the
 * server MUST return an HTTP 400 error status and close the session." */
static enum tb_eio_fault enter_request(struct tb_eio_session *s, bool *active)
{
	enum tb_eio_fault fault = check_polling(s);

	if (fault != TB_EIO_FAULT_NONE)
		return fault;
	if (*active) {
		end_misused(s, TB_EIO_REASON_TRANSPORT_ERROR);
		return TB_EIO_FAULT_REQUEST;
	}
	*active = true;
	return TB_EIO_FAULT_NONE;
}

enum tb_eio_fault tb_eio_session_poll(struct tb_eio_session *s)
{
	enum tb_eio_fault fault = enter_request(s, &s->poll_waits);

	if (fault == TB_EIO_FAULT_NONE && s->has_left)
		tb_eio_state_end(s, s->reason, TB_EIO_NOOP);
	return fault;
}

void tb_eio_session_poll_gone(struct tb_eio_session *s)
{
	s->poll_waits = false;
	if (s->transport == TB_EIO_POLLING)
		end(s, TB_EIO_REASON_TRANSPORT_ERROR);
}

enum tb_eio_fault tb_eio_session_post_begin(struct tb_eio_session *s)
{
	return s->has_left ? TB_EIO_FAULT_SID
			   : enter_request(s, &s->is_posting);
}

void tb_eio_session_post_gone(struct tb_eio_session *s)
{
	s->is_posting = false;
	if (s->transport == TB_EIO_POLLING)
		end(s, TB_EIO_REASON_TRANSPORT_ERROR);
}

/* Keeps the messages of a payload, in place. */
static size_t take_packets(struct tb_eio_session *s, int64_t now_ms,
			   struct tb_eio_packet *packets, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (take_packet(s, now_ms, &packets[i]))
			packets[kept++] = packets[i];
	}
	return kept;
}

/* Ended by a packet other than the client's close. */
static bool was_misused(const struct tb_eio_session *s)
{
	return s->phase == EIO_IS_CLOSED && s->farewell != TB_EIO_NOOP;
}

enum tb_eio_fault tb_eio_session_post(struct tb_eio_session *s, int64_t now_ms,
				      struct tb_arena *arena,
				      struct tb_str body,
				      struct tb_eio_packet **ret, size_t *ret_n)
{
	enum tb_eio_fault fault = check_polling(s);
	struct tb_eio_packet *packets;
	size_t n;

	TB_ASSERT(s->is_posting);
	s->is_posting = false;
	if (fault != TB_EIO_FAULT_NONE)
		return fault;
	if (tb_eio_decode_payload(arena, body, &s->options->payload, &packets,
				  &n) != TB_OK) {
		end_misused(s, TB_EIO_REASON_PARSE_ERROR);
		return TB_EIO_FAULT_REQUEST;
	}
	n = take_packets(s, now_ms, packets, n);
	if (was_misused(s))
		return TB_EIO_FAULT_REQUEST;
	*ret = packets;
	*ret_n = n;
	return TB_EIO_FAULT_NONE;
}

/* ---- the WebSocket ---- */

/* "A client MUST NOT open more than one WebSocket connection per session.
 * Should it happen, the server MUST close the WebSocket connection." */
bool tb_eio_session_socket(struct tb_eio_session *s, int64_t now_ms)
{
	if (s->phase != EIO_IS_OPEN || s->socket != EIO_SOCKET_NONE ||
	    s->socket_close_due)
		return false;
	s->socket = EIO_SOCKET_NEW;
	s->is_writable = true;
	s->upgrade_ms = now_ms + s->options->upgrade_timeout_ms;
	return true;
}

static void upgrade(struct tb_eio_session *s)
{
	s->socket = EIO_SOCKET_IN_USE;
	s->transport = TB_EIO_WEBSOCKET;
	s->farewell = TB_EIO_NOOP;
}

/* Whatever is no step of an upgrade ends the attempt, not the session. */
static void take_probe(struct tb_eio_session *s,
		       const struct tb_eio_packet *packet)
{
	if (packet->kind == TB_EIO_PING &&
	    tb_str_eq(packet->data, probe_text)) {
		s->socket = EIO_SOCKET_PROBED;
		s->probe_due = true;
	} else if (packet->kind == TB_EIO_UPGRADE &&
		   s->socket == EIO_SOCKET_PROBED) {
		upgrade(s);
	} else {
		drop_socket(s);
	}
}

bool tb_eio_session_frame(struct tb_eio_session *s, int64_t now_ms,
			  struct tb_str data, bool is_binary,
			  struct tb_eio_packet *ret)
{
	/* What cannot be read is like a packet that nobody may send. */
	struct tb_eio_packet packet = { .kind = TB_EIO_KINDS };

	if (s->socket == EIO_SOCKET_NONE)
		return false;
	if (data.n > s->options->payload.max_bytes ||
	    tb_eio_decode_frame(data, is_binary, &packet) != TB_OK)
		packet.kind = TB_EIO_KINDS;
	if (s->socket != EIO_SOCKET_IN_USE) {
		take_probe(s, &packet);
		return false;
	}
	if (!take_packet(s, now_ms, &packet))
		return false;
	*ret = packet;
	return true;
}

void tb_eio_session_set_writable(struct tb_eio_session *s, bool is_writable)
{
	s->is_writable = is_writable;
}

void tb_eio_session_socket_gone(struct tb_eio_session *s)
{
	bool was_in_use = s->socket == EIO_SOCKET_IN_USE;

	s->socket = EIO_SOCKET_NONE;
	s->probe_due = false;
	s->socket_close_due = false;
	if (was_in_use)
		end(s, TB_EIO_REASON_TRANSPORT_CLOSE);
}

/* ---- time ---- */

/* Counted from when the ping was due, as clients count, and not from when
 * somebody came to send it; unless that was so late that too little would be
 * left. */
static int64_t pong_deadline(const struct tb_eio_session *s, int64_t now_ms)
{
	int64_t timeout_ms = s->options->ping_timeout_ms;
	int64_t from_due = s->heartbeat_ms + timeout_ms;
	int64_t least = now_ms + timeout_ms / 2;

	return from_due > least ? from_due : least;
}

static void beat(struct tb_eio_session *s, int64_t now_ms)
{
	if (now_ms < s->heartbeat_ms)
		return;
	if (s->awaits_pong && s->is_read) {
		end(s, TB_EIO_REASON_PING_TIMEOUT);
		return;
	}
	s->ping_due = true;
	s->awaits_pong = true;
	s->pinged_ms = now_ms;
	s->heartbeat_ms = s->is_read ? pong_deadline(s, now_ms)
				     : now_ms + s->options->ping_interval_ms;
}

/* Clients count on pings, too: each goes away when none came for so long. */
void tb_eio_session_set_read(struct tb_eio_session *s, int64_t now_ms,
			     bool is_read)
{
	if (s->is_read != is_read && s->awaits_pong)
		s->heartbeat_ms =
			is_read ? now_ms + s->options->ping_timeout_ms
				: s->pinged_ms + s->options->ping_interval_ms;
	s->is_read = is_read;
}

static bool is_upgrading(const struct tb_eio_session *s)
{
	return s->socket == EIO_SOCKET_NEW || s->socket == EIO_SOCKET_PROBED;
}

void tb_eio_session_tick(struct tb_eio_session *s, int64_t now_ms)
{
	if (is_upgrading(s) && now_ms >= s->upgrade_ms)
		drop_socket(s);
	if (s->phase == EIO_IS_CLOSING && now_ms >= s->close_ms)
		end(s, s->reason);
	if (s->phase == EIO_IS_OPEN)
		beat(s, now_ms);
}

int64_t tb_eio_session_deadline(const struct tb_eio_session *s)
{
	if (s->phase == EIO_IS_CLOSED)
		return INT64_MAX;
	if (s->phase == EIO_IS_CLOSING)
		return s->close_ms;
	if (is_upgrading(s) && s->upgrade_ms < s->heartbeat_ms)
		return s->upgrade_ms;
	return s->heartbeat_ms;
}

/* ---- messages out ---- */

enum tb_err tb_eio_session_send(struct tb_eio_session *s,
				const struct tb_eio_packet *messages, size_t n)
{
	if (s->phase != EIO_IS_OPEN)
		return TB_ERR_CLOSED;
	for (size_t i = 0; i < n; i++) {
		TB_ASSERT(messages[i].kind == TB_EIO_MESSAGE);
		if (!tb_eio_packet_is_sendable(&messages[i]))
			return TB_ERR_INVALID;
	}
	return tb_eio_outbox_push_packets(&s->outbox, messages, n);
}

enum tb_err tb_eio_session_share(struct tb_eio_session *s,
				 struct tb_eio_message *const *messages,
				 size_t n)
{
	if (s->phase != EIO_IS_OPEN)
		return TB_ERR_CLOSED;
	return tb_eio_outbox_push(&s->outbox, messages, n);
}

struct tb_eio_backlog tb_eio_session_backlog(const struct tb_eio_session *s)
{
	return (struct tb_eio_backlog) { s->outbox.bytes, s->outbox.packets };
}
