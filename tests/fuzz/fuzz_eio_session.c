/*
 * A client that does anything in any order to an Engine.IO session. Whatever
 * it does: a poll that was let in is answered once at most, a WebSocket is
 * closed once at most, frames go to a WebSocket that is there, the end comes
 * once and after it nothing, and time alone ends every session that is silent.
 *
 * Each byte of the input is an event; a frame or a post takes the bytes behind
 * it up to a line feed.
 */
#include "fuzz.h"

#include "codec/digest.h"
#include "realtime/eio_session.h"

#define ARENA_MAX ((size_t)1 << 20)
#define TEXT_MAX ((size_t)1 << 20)
#define STEP_MS 50

static const struct tb_eio_options options = {
	.ping_interval_ms = 300,
	.ping_timeout_ms = 200,
	.upgrade_timeout_ms = 100,
	.close_timeout_ms = 400,
	.payload = { .max_bytes = 100, .max_packets = 4 },
	.outbox_max_bytes = 200,
	.outbox_max_packets = 5,
};

static const struct tb_eio_packet shared = {
	.kind = TB_EIO_MESSAGE,
	.is_binary = true,
	.data = TB_STR_INIT("\1\2\3"),
};

/* What the server around the session knows. */
struct world {
	struct tb_eio_session *session;
	struct tb_arena *arena;
	struct tb_buf out;
	struct tb_eio_message *shared;
	struct tb_str rest;
	int64_t now_ms;
	bool poll_waits;
	bool is_posting;
	bool has_socket;
	bool has_ended;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

static void act(struct world *w, const struct tb_eio_action *action)
{
	switch (action->kind) {
	case TB_EIO_ANSWER_POLL:
		TB_ASSERT(w->poll_waits && action->bytes.n > 0);
		w->poll_waits = false;
		break;
	case TB_EIO_SEND_FRAME:
		TB_ASSERT(w->has_socket && !w->has_ended);
		TB_ASSERT(tb_eio_message_packet(action->message).n > 0);
		tb_eio_message_unref(action->message);
		break;
	case TB_EIO_CLOSE_SOCKET:
		TB_ASSERT(w->has_socket);
		w->has_socket = false;
		break;
	default:
		TB_ASSERT(action->kind == TB_EIO_END && !w->has_ended);
		TB_ASSERT(!w->has_socket && !w->poll_waits);
		w->has_ended = true;
		break;
	}
}

static void run_actions(struct world *w)
{
	struct tb_eio_action action;

	for (;;) {
		TB_ASSERT(tb_eio_session_next(w->session, &w->out, &action) ==
			  TB_OK);
		if (action.kind == TB_EIO_NOTHING)
			break;
		act(w, &action);
	}
	TB_ASSERT(!w->has_ended || !tb_eio_session_is_open(w->session));
	TB_ASSERT(w->has_ended ==
		  (tb_eio_session_deadline(w->session) == INT64_MAX));
}

static void poll(struct world *w)
{
	bool waited = w->poll_waits;

	if (tb_eio_session_poll(w->session) == TB_EIO_FAULT_NONE) {
		TB_ASSERT(!waited && !w->has_ended);
		w->poll_waits = true;
	}
}

static void poll_gone(struct world *w)
{
	if (w->poll_waits)
		tb_eio_session_poll_gone(w->session);
	w->poll_waits = false;
}

static void post_begin(struct world *w)
{
	bool was_posting = w->is_posting;

	if (tb_eio_session_post_begin(w->session) == TB_EIO_FAULT_NONE) {
		TB_ASSERT(!was_posting && !w->has_ended);
		w->is_posting = true;
	}
}

static void post(struct world *w)
{
	struct tb_str body = tb_str_cut(&w->rest, '\n');
	struct tb_eio_packet *messages;
	size_t n = 0;

	if (!w->is_posting)
		return;
	w->is_posting = false;
	if (tb_eio_session_post(w->session, w->now_ms, w->arena, body,
				&messages, &n) == TB_EIO_FAULT_NONE)
		TB_ASSERT(n <= options.payload.max_packets);
	for (size_t i = 0; i < n; i++)
		TB_ASSERT(messages[i].kind == TB_EIO_MESSAGE);
}

static void post_gone(struct world *w)
{
	if (w->is_posting)
		tb_eio_session_post_gone(w->session);
	w->is_posting = false;
}

static void socket_open(struct world *w)
{
	bool had_socket = w->has_socket;

	if (tb_eio_session_socket(w->session, w->now_ms)) {
		TB_ASSERT(!had_socket && !w->has_ended);
		w->has_socket = true;
	}
}

static void frame(struct world *w)
{
	struct tb_str text = tb_str_cut(&w->rest, '\n');
	struct tb_eio_packet message;

	if (!w->has_socket)
		return;
	if (tb_eio_session_frame(w->session, w->now_ms, text,
				 text.n > 0 && text.p[0] == 0, &message))
		TB_ASSERT(message.kind == TB_EIO_MESSAGE &&
			  tb_eio_session_transport(w->session) ==
				  TB_EIO_WEBSOCKET);
}

static void socket_gone(struct world *w)
{
	if (w->has_socket)
		tb_eio_session_socket_gone(w->session);
	w->has_socket = false;
}

static void socket_is_full(struct world *w)
{
	tb_eio_session_set_writable(w->session, false);
}

static void socket_is_free(struct world *w)
{
	tb_eio_session_set_writable(w->session, true);
}

static void send_message(struct world *w)
{
	const struct tb_eio_packet message = { .kind = TB_EIO_MESSAGE,
					       .data = TB_STR("hello") };
	enum tb_err err = tb_eio_session_send(w->session, &message, 1);

	TB_ASSERT(err == TB_OK || err == TB_ERR_BUSY || err == TB_ERR_CLOSED);
}

static void share_message(struct world *w)
{
	enum tb_err err = tb_eio_session_share(w->session, &w->shared, 1);

	TB_ASSERT(err == TB_OK || err == TB_ERR_BUSY || err == TB_ERR_CLOSED);
}

static void stop_reading(struct world *w)
{
	tb_eio_session_set_read(w->session, w->now_ms, false);
}

static void read_on(struct world *w)
{
	tb_eio_session_set_read(w->session, w->now_ms, true);
}

static void tick(struct world *w)
{
	w->now_ms += STEP_MS;
	tb_eio_session_tick(w->session, w->now_ms);
}

static void close_session(struct world *w)
{
	tb_eio_session_close(w->session, w->now_ms, TB_EIO_REASON_FORCED_CLOSE);
}

static void (*const events[])(struct world *) = {
	['g'] = poll,           ['h'] = poll_gone,     ['p'] = post_begin,
	['b'] = post,           ['q'] = post_gone,     ['s'] = socket_open,
	['f'] = frame,          ['x'] = socket_gone,   ['u'] = socket_is_full,
	['w'] = socket_is_free, ['m'] = send_message,  ['t'] = tick,
	['c'] = close_session,  ['n'] = share_message, ['z'] = stop_reading,
	['r'] = read_on,
};

static void run_events(struct world *w)
{
	while (w->rest.n > 0) {
		unsigned event = (unsigned char)*w->rest.p++;
		w->rest.n--;
		if (event < TB_ARRAY_LEN(events) && events[event] != NULL) {
			events[event](w);
			run_actions(w);
		}
	}
}

/* Silence: the client does nothing more, so time has to end it. */
static void fall_silent(struct world *w)
{
	int64_t steps = (options.ping_interval_ms + options.ping_timeout_ms +
			 options.close_timeout_ms) /
				STEP_MS +
			2;

	read_on(w);
	while (steps-- > 0) {
		tick(w);
		run_actions(w);
	}
	TB_ASSERT(w->has_ended && !w->poll_waits && !w->has_socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool is_socket = n % 2 == 1;
	struct world w = {
		.rest = fuzz_input(data, n),
		.poll_waits = !is_socket,
		.has_socket = is_socket,
	};

	w.session = tb_eio_session_create(
		&options, TB_STR("abc"),
		is_socket ? TB_EIO_WEBSOCKET : TB_EIO_POLLING, 0);
	w.shared = tb_eio_message_create(&shared);
	w.arena = tb_arena_create(ARENA_MAX);
	tb_buf_init(&w.out, TEXT_MAX);
	TB_ASSERT(w.session != NULL && w.arena != NULL && w.shared != NULL);
	run_actions(&w);
	run_events(&w);
	fall_silent(&w);
	tb_buf_fini(&w.out);
	tb_arena_destroy(w.arena);
	tb_eio_session_destroy(w.session);
	/* Nobody else has kept it. */
	TB_ASSERT(w.shared->refs == 1);
	tb_eio_message_unref(w.shared);
	return 0;
}
