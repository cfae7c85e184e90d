#include "realtime/eio_message.h"

#include "base/alloc.h"
#include "base/assert.h"

/* The first byte of a frame that is a whole message. */
#define FRAME_TEXT 0x81
#define FRAME_BINARY 0x82
/* Lengths that stand for one of two or eight bytes behind them. */
#define LENGTH_16 126
#define LENGTH_64 127
#define HEAD_MAX 10

/* Writes the frame's head for so many bytes; gives its own length. */
static size_t put_head(char *to, bool is_binary, uint64_t n)
{
	size_t length_bytes = n < LENGTH_16 ? 0 : n <= UINT16_MAX ? 2 : 8;

	to[0] = (char)(is_binary ? FRAME_BINARY : FRAME_TEXT);
	to[1] = (char)(length_bytes == 0   ? n
		       : length_bytes == 2 ? LENGTH_16
					   : LENGTH_64);
	for (size_t i = 0; i < length_bytes; i++)
		to[2 + i] = (char)(n >> 8 * (length_bytes - 1 - i));
	return 2 + length_bytes;
}

struct tb_eio_message *tb_eio_message_create(const struct tb_eio_packet *packet)
{
	size_t n = packet->data.n + (packet->is_binary ? 0 : 1);
	struct tb_eio_message *message;
	struct tb_buf buf;
	size_t head_bytes;
	char *frame;

	message = tb_malloc(sizeof(*message) + HEAD_MAX + n);
	if (message == NULL)
		return NULL;
	frame = (char *)(message + 1);
	head_bytes = put_head(frame, packet->is_binary, n);
	tb_buf_init_fixed(&buf, frame + head_bytes, n);
	tb_eio_put_frame(&buf, packet);
	TB_ASSERT(tb_buf_err(&buf) == TB_OK && buf.n == n);
	*message = (struct tb_eio_message) {
		.refs = 1,
		.is_binary = packet->is_binary,
		.head_bytes = (uint8_t)head_bytes,
		.n = head_bytes + n,
		.frame = frame,
	};
	return message;
}

struct tb_eio_message *tb_eio_message_create_frame(struct tb_str frame)
{
	struct tb_eio_message *message = tb_malloc(sizeof(*message) + frame.n);
	char *to;

	if (message == NULL)
		return NULL;
	to = (char *)(message + 1);
	memcpy(to, frame.p, frame.n);
	*message = (struct tb_eio_message) {
		.refs = 1,
		.n = frame.n,
		.frame = to,
	};
	return message;
}

void tb_eio_message_unref(struct tb_eio_message *message)
{
	if (message != NULL &&
	    atomic_fetch_sub_explicit(&message->refs, 1,
				      memory_order_acq_rel) == 1)
		tb_free(message);
}
