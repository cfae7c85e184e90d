#include "hub/frames.h"

#include <wslay/wslay.h>

#include "base/alloc.h"
#include "base/assert.h"

#define FREE_MAX 16
#define HEAD_MAX 14
#define CONTROL_PAYLOAD_MAX 125
/* A control frame without a mask: a head of two bytes. */
#define REPLY_MAX (2 + CONTROL_PAYLOAD_MAX)

/* Bits of a frame's first two bytes. */
#define FIN 0x80
#define CONTROL 0x08
#define MASKED 0x80
#define LENGTH 0x7f

struct tb_frames {
	struct tb_frames *next;
	struct tb_frames_pool *pool;
	wslay_event_context_ptr context;
	/* The frame under way. wslay checks it; what is read of its head here
	 * says where it ends. A control frame is held until it is whole, since
	 * wslay would judge some differently in pieces. */
	uint8_t held[HEAD_MAX + CONTROL_PAYLOAD_MAX];
	size_t n_held;
	uint64_t payload_left; /* once the head is whole */
	bool is_head_whole;
	bool is_in_message; /* that is not at its last frame */
	bool is_over;
	uint64_t claimed_bytes; /* of the budget */
	/* During a call. */
	struct tb_str slice;
	const struct tb_frames_sink *sink;
	bool is_closed;
	uint16_t code;
	uint8_t reply[REPLY_MAX];
	size_t n_reply;
};

/* ---- what wslay calls ---- */

static ssize_t give_bytes(wslay_event_context_ptr context, uint8_t *to,
			  size_t n, int flags, void *user)
{
	struct tb_frames *frames = user;

	(void)flags;
	if (frames->slice.n == 0) {
		wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (n > frames->slice.n)
		n = frames->slice.n;
	memcpy(to, frames->slice.p, n);
	frames->slice = tb_str(frames->slice.p + n, frames->slice.n - n);
	return (ssize_t)n;
}

/* wslay sends nothing but control frames here, one for each that it takes. */
static ssize_t take_reply(wslay_event_context_ptr context, const uint8_t *p,
			  size_t n, int flags, void *user)
{
	struct tb_frames *frames = user;

	(void)context;
	(void)flags;
	TB_ASSERT(n <= sizeof(frames->reply) - frames->n_reply);
	memcpy(frames->reply + frames->n_reply, p, n);
	frames->n_reply += n;
	return (ssize_t)n;
}

static void take_message(wslay_event_context_ptr context,
			 const struct wslay_event_on_msg_recv_arg *arg,
			 void *user)
{
	struct tb_frames *frames = user;
	struct tb_str message = tb_str((const char *)arg->msg, arg->msg_length);

	(void)context;
	if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
		/* "If there is a body, the first two bytes of the body MUST be
		 * a 2-byte unsigned integer": wslay lets a single byte pass. */
		frames->is_closed = message.n != 1;
		frames->code = frames->is_closed ? arg->status_code
						 : TB_CLOSE_PROTOCOL_ERROR;
	} else if (!wslay_is_ctrl_frame(arg->opcode)) {
		frames->sink->on_message(frames->sink->ctx, message,
					 arg->opcode == WSLAY_BINARY_FRAME);
	}
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = give_bytes,
	.send_callback = take_reply,
	.on_msg_recv_callback = take_message,
};

/* ---- lending ---- */

static void destroy(struct tb_frames *frames)
{
	wslay_event_context_free(frames->context);
	tb_free(frames);
}

static struct tb_frames *create(struct tb_frames_pool *pool)
{
	struct tb_frames *frames = tb_calloc(1, sizeof(*frames));

	if (frames == NULL)
		return NULL;
	if (wslay_event_context_server_init(&frames->context, &callbacks,
					    frames) != 0) {
		tb_free(frames);
		return NULL;
	}
	wslay_event_config_set_max_recv_msg_length(frames->context,
						   pool->message_max_bytes);
	frames->pool = pool;
	return frames;
}

void tb_frames_pool_fini(struct tb_frames_pool *pool)
{
	while (pool->free != NULL) {
		struct tb_frames *frames = pool->free;
		pool->free = frames->next;
		destroy(frames);
	}
	pool->n_free = 0;
}

struct tb_frames *tb_frames_lend(struct tb_frames_pool *pool)
{
	struct tb_frames *frames = pool->free;

	if (frames == NULL)
		return create(pool);
	pool->free = frames->next;
	pool->n_free--;
	return frames;
}

static void give_up_claim(struct tb_frames *frames)
{
	tb_budget_give(frames->pool->budget, frames->claimed_bytes);
	frames->claimed_bytes = 0;
}

void tb_frames_give_back(struct tb_frames_pool *pool, struct tb_frames *frames)
{
	if (frames == NULL)
		return;
	give_up_claim(frames);
	if (pool->n_free == FREE_MAX || !tb_frames_is_between(frames)) {
		destroy(frames);
		return;
	}
	frames->next = pool->free;
	pool->free = frames;
	pool->n_free++;
}

bool tb_frames_is_between(const struct tb_frames *frames)
{
	return frames->n_held == 0 && !frames->is_in_message &&
	       !frames->is_over;
}

/* ---- reading ---- */

static enum tb_err fail(struct tb_frames *frames, enum tb_err err,
			uint16_t code)
{
	frames->is_over = true;
	frames->code = code;
	return err;
}

/* wslay has ended it: by the client's close frame, or by a close frame of its
 * own that says why. */
static enum tb_err end(struct tb_frames *frames)
{
	if (frames->is_closed)
		return fail(frames, TB_ERR_CLOSED, frames->code);
	if (frames->code == TB_CLOSE_NONE && frames->n_reply >= 4)
		frames->code =
			(uint16_t)(frames->reply[2] << 8 | frames->reply[3]);
	if (frames->code == TB_CLOSE_NONE)
		frames->code = TB_CLOSE_PROTOCOL_ERROR;
	return fail(frames,
		    frames->code == TB_CLOSE_TOO_BIG ? TB_ERR_TOO_LARGE
						     : TB_ERR_INVALID,
		    frames->code);
}

/* Lets wslay read these bytes, and takes what it answers to them. */
static enum tb_err hand_on(struct tb_frames *frames, struct tb_str bytes)
{
	wslay_event_context_ptr context = frames->context;
	int given;

	frames->slice = bytes;
	frames->n_reply = 0;
	given = wslay_event_recv(context);
	if (given == WSLAY_ERR_NOMEM ||
	    wslay_event_send(context) == WSLAY_ERR_NOMEM)
		return fail(frames, TB_ERR_NOMEM, TB_CLOSE_TRY_LATER);
	if (given != 0 || !wslay_event_get_read_enabled(context))
		return end(frames);
	TB_ASSERT(frames->slice.n == 0);
	if (frames->n_reply > 0)
		frames->sink->on_reply(
			frames->sink->ctx,
			tb_str((const char *)frames->reply, frames->n_reply));
	return TB_OK;
}

/* The length of a head of which so much is there. */
static size_t head_bytes(const uint8_t *head, size_t n)
{
	size_t length = n < 2 ? 0 : head[1] & LENGTH;

	return 2u + (length == 126 ? 2 : 0) + (length == 127 ? 8 : 0) +
	       (n >= 2 && head[1] & MASKED ? 4 : 0);
}

static uint64_t payload_bytes(const uint8_t *head)
{
	size_t length = head[1] & LENGTH;
	size_t n = length == 126 ? 2 : length == 127 ? 8 : 0;
	uint64_t bytes = 0;

	if (n == 0)
		return length;
	for (size_t i = 0; i < n; i++)
		bytes = bytes << 8 | head[2 + i];
	return bytes;
}

static bool is_control(const struct tb_frames *frames)
{
	return (frames->held[0] & CONTROL) != 0;
}

static void hold(struct tb_frames *frames, struct tb_str *input, size_t n)
{
	TB_ASSERT(n <= sizeof(frames->held) - frames->n_held);
	memcpy(frames->held + frames->n_held, input->p, n);
	frames->n_held += n;
	*input = tb_str(input->p + n, input->n - n);
}

/* Memory that is taken until the rest of a message comes is taken from all.
 * What is too large for one message is refused without. */
static bool claim(struct tb_frames *frames, uint64_t n, size_t n_here)
{
	bool is_last = (frames->held[0] & FIN) != 0;

	if ((is_last && !frames->is_in_message && n <= n_here) ||
	    n > frames->pool->message_max_bytes)
		return true;
	if (!tb_budget_take(frames->pool->budget, n))
		return false;
	frames->claimed_bytes += n;
	return true;
}

/* The head is whole. A control frame waits for what it says. */
static enum tb_err begin_frame(struct tb_frames *frames, struct tb_str rest)
{
	uint64_t n = payload_bytes(frames->held);

	frames->is_head_whole = true;
	frames->payload_left = n;
	if (is_control(frames) && n <= CONTROL_PAYLOAD_MAX)
		return TB_OK;
	if (!is_control(frames) && !claim(frames, n, rest.n))
		return fail(frames, TB_ERR_BUSY, TB_CLOSE_TRY_LATER);
	return hand_on(frames,
		       tb_str((const char *)frames->held, frames->n_held));
}

static enum tb_err take_head(struct tb_frames *frames, struct tb_str *input)
{
	while (input->n > 0 &&
	       frames->n_held < head_bytes(frames->held, frames->n_held))
		hold(frames, input, 1);
	if (frames->n_held < 2 ||
	    frames->n_held < head_bytes(frames->held, frames->n_held))
		return TB_OK;
	return begin_frame(frames, *input);
}

static enum tb_err take_payload(struct tb_frames *frames, struct tb_str *input)
{
	size_t n = frames->payload_left < input->n
			   ? (size_t)frames->payload_left
			   : input->n;
	struct tb_str bytes = tb_str(input->p, n);

	frames->payload_left -= n;
	if (is_control(frames)) {
		hold(frames, input, n);
		return frames->payload_left > 0
			       ? TB_OK
			       : hand_on(frames,
					 tb_str((const char *)frames->held,
						frames->n_held));
	}
	*input = tb_str(input->p + n, input->n - n);
	return n > 0 ? hand_on(frames, bytes) : TB_OK;
}

static void end_frame(struct tb_frames *frames)
{
	bool is_last = (frames->held[0] & FIN) != 0;

	if (!is_control(frames)) {
		frames->is_in_message = !is_last;
		if (is_last)
			give_up_claim(frames);
	}
	frames->n_held = 0;
	frames->is_head_whole = false;
}

enum tb_err tb_frames_feed(struct tb_frames *frames, struct tb_str *input,
			   const struct tb_frames_sink *sink,
			   uint16_t *ret_code)
{
	enum tb_err err = TB_OK;

	TB_ASSERT(!frames->is_over);
	frames->sink = sink;
	if (!frames->is_head_whole)
		err = take_head(frames, input);
	if (err == TB_OK && frames->is_head_whole)
		err = take_payload(frames, input);
	if (err != TB_OK) {
		*ret_code = frames->code;
		return err;
	}
	if (frames->is_head_whole && frames->payload_left == 0)
		end_frame(frames);
	return TB_OK;
}
