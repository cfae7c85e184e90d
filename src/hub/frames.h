/*
 * What a client's WebSocket sends, from bytes to messages, by wslay. A reader
 * takes some kilobytes, so that it is lent to a connection only while a frame,
 * or a message in several, has come in part; in between it goes back to the
 * loop that owns it. No I/O. One thread, but for the budget.
 */
#ifndef TB_HUB_FRAMES_H
#define TB_HUB_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "http/budget.h"

/* Why a WebSocket is closed (RFC 6455, section 7.4.1). */
enum tb_close_code {
	TB_CLOSE_NONE = 0, /* none is said */
	TB_CLOSE_NORMAL = 1000,
	TB_CLOSE_GOING_AWAY = 1001,
	TB_CLOSE_PROTOCOL_ERROR = 1002,
	TB_CLOSE_NOT_UTF8 = 1007,
	TB_CLOSE_POLICY = 1008,
	TB_CLOSE_TOO_BIG = 1009,
	TB_CLOSE_TRY_LATER = 1013,
};

/* A reader of frames. */
struct tb_frames;

/* Those of a loop that are not lent. Zeroed but for its first two members. */
struct tb_frames_pool {
	struct tb_budget *budget; /* of what has come in part; shared */
	uint64_t message_max_bytes;
	struct tb_frames *free;
	size_t n_free;
};

void tb_frames_pool_fini(struct tb_frames_pool *pool);
/* NULL: no memory. */
struct tb_frames *tb_frames_lend(struct tb_frames_pool *pool);
/* Takes NULL, and one that is in the middle of something, which is lost. */
void tb_frames_give_back(struct tb_frames_pool *pool, struct tb_frames *frames);

/* Whom a reader tells. */
struct tb_frames_sink {
	void (*on_message)(void *ctx, struct tb_str message, bool is_binary);
	/* A whole control frame that is to be sent: a pong. */
	void (*on_reply)(void *ctx, struct tb_str frame);
	void *ctx;
};

/* Reads as far as the end of the frame that is under way, so that there is at
 * most one call of the sink, and moves `input` on. CLOSED: the client has
 * closed. Else INVALID, TOO_LARGE, BUSY (over the budget) or NOMEM. In each
 * case `ret_code` says what to close the WebSocket with; nothing is read
 * any more. */
enum tb_err tb_frames_feed(struct tb_frames *frames, struct tb_str *input,
			   const struct tb_frames_sink *sink,
			   uint16_t *ret_code) tb_must_check;
/* True where nothing has come in part. */
bool tb_frames_is_between(const struct tb_frames *frames);

#endif
