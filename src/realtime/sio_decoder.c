#include "realtime/sio_decoder.h"

#include "base/alloc.h"

struct tb_sio_decoder {
	struct tb_sio_limits limits;
	struct tb_arena *arena;
	struct tb_sio_packet packet;
	struct tb_str *attachments;
	size_t n_attachments; /* that are here */
	size_t attachments_bytes;
	bool is_waiting;
};

struct tb_sio_decoder *tb_sio_decoder_create(const struct tb_sio_limits *limits,
					     size_t memory_max_bytes)
{
	struct tb_sio_decoder *decoder = tb_calloc(1, sizeof(*decoder));

	if (decoder == NULL)
		return NULL;
	decoder->limits = *limits;
	decoder->arena = tb_arena_create(memory_max_bytes);
	if (decoder->arena == NULL) {
		tb_free(decoder);
		return NULL;
	}
	return decoder;
}

void tb_sio_decoder_destroy(struct tb_sio_decoder *decoder)
{
	if (decoder == NULL)
		return;
	tb_arena_destroy(decoder->arena);
	tb_free(decoder);
}

bool tb_sio_decoder_is_waiting(const struct tb_sio_decoder *decoder)
{
	return decoder->is_waiting;
}

size_t tb_sio_decoder_bytes(const struct tb_sio_decoder *decoder)
{
	return tb_arena_used(decoder->arena);
}

static enum tb_err refuse(const char *what, const char **ret_what)
{
	*ret_what = what;
	return TB_ERR_INVALID;
}

static enum tb_err begin(struct tb_sio_decoder *decoder, struct tb_str text,
			 const char **ret_what)
{
	struct tb_sio_packet *packet = &decoder->packet;
	enum tb_err err;

	if (decoder->is_waiting)
		return refuse("text where an attachment is missing", ret_what);
	tb_arena_reset(decoder->arena);
	err = tb_arena_strdup(decoder->arena, text, &text);
	if (err != TB_OK)
		return err;
	err = tb_sio_decode(decoder->arena, text, &decoder->limits, packet,
			    ret_what);
	if (err != TB_OK || packet->n_attachments == 0)
		return err;
	decoder->attachments =
		tb_arena_calloc(decoder->arena, packet->n_attachments,
				sizeof(*decoder->attachments));
	if (decoder->attachments == NULL)
		return tb_arena_err(decoder->arena);
	decoder->n_attachments = 0;
	decoder->attachments_bytes = 0;
	decoder->is_waiting = true;
	return TB_OK;
}

static enum tb_err attach(struct tb_sio_decoder *decoder, struct tb_str bytes,
			  const char **ret_what)
{
	size_t room = decoder->limits.attachments_max_bytes -
		      decoder->attachments_bytes;
	struct tb_str *to;
	enum tb_err err;

	if (!decoder->is_waiting)
		return refuse("bytes that no packet announced", ret_what);
	if (bytes.n > room) {
		*ret_what = "attachments that are too large";
		return TB_ERR_TOO_LARGE;
	}
	to = &decoder->attachments[decoder->n_attachments];
	err = tb_arena_strdup(decoder->arena, bytes, to);
	if (err != TB_OK)
		return err;
	decoder->n_attachments++;
	decoder->attachments_bytes += bytes.n;
	if (decoder->n_attachments == decoder->packet.n_attachments) {
		decoder->packet.attachments = decoder->attachments;
		decoder->is_waiting = false;
	}
	return TB_OK;
}

enum tb_err tb_sio_decoder_feed(struct tb_sio_decoder *decoder,
				struct tb_str message, bool is_binary,
				const struct tb_sio_packet **ret,
				const char **ret_what)
{
	const char *what = "a packet that takes too much memory";
	enum tb_err err = is_binary ? attach(decoder, message, &what)
				    : begin(decoder, message, &what);

	if (err != TB_OK) {
		decoder->is_waiting = false;
		*ret_what = what;
		return err;
	}
	*ret = decoder->is_waiting ? NULL : &decoder->packet;
	return TB_OK;
}
