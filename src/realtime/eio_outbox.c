#include "realtime/eio_outbox.h"

#include "base/alloc.h"
#include "base/assert.h"

/* A queue that was larger gives its memory back once it is empty. */
#define KEPT_MAX 16

void tb_eio_outbox_init(struct tb_eio_outbox *outbox, size_t max_bytes,
			size_t max_packets)
{
	*outbox = (struct tb_eio_outbox) {
		.cap = TB_EIO_OUTBOX_FEW,
		.max_bytes = max_bytes,
		.max_packets = max_packets,
	};
}

void tb_eio_outbox_fini(struct tb_eio_outbox *outbox)
{
	tb_eio_outbox_drop(outbox, outbox->packets);
	tb_free(outbox->more);
	tb_eio_outbox_init(outbox, outbox->max_bytes, outbox->max_packets);
}

static struct tb_eio_message **place_of(const struct tb_eio_outbox *outbox,
					size_t i)
{
	struct tb_eio_message *const *ring =
		outbox->more != NULL ? outbox->more : outbox->few;

	return (struct tb_eio_message **)&ring[(outbox->first + i) &
					       (outbox->cap - 1)];
}

struct tb_eio_message *tb_eio_outbox_at(const struct tb_eio_outbox *outbox,
					size_t i)
{
	TB_ASSERT(i < outbox->packets);
	return *place_of(outbox, i);
}

static enum tb_err check_room(const struct tb_eio_outbox *outbox, size_t bytes,
			      size_t packets)
{
	if (bytes > outbox->max_bytes || packets > outbox->max_packets)
		return TB_ERR_TOO_LARGE;
	if (bytes > outbox->max_bytes - outbox->bytes ||
	    packets > outbox->max_packets - outbox->packets)
		return TB_ERR_BUSY;
	return TB_OK;
}

static enum tb_err grow(struct tb_eio_outbox *outbox, size_t n)
{
	size_t cap = outbox->cap;
	struct tb_eio_message **more;

	while (cap < n)
		cap *= 2;
	if (cap == outbox->cap)
		return TB_OK;
	more = tb_malloc(cap * sizeof(struct tb_eio_message *));
	if (more == NULL)
		return TB_ERR_NOMEM;
	for (size_t i = 0; i < outbox->packets; i++)
		more[i] = *place_of(outbox, i);
	tb_free(outbox->more);
	outbox->more = more;
	outbox->cap = cap;
	outbox->first = 0;
	return TB_OK;
}

/* Checks the bounds and makes room for so much more. */
static enum tb_err reserve(struct tb_eio_outbox *outbox, size_t bytes, size_t n)
{
	enum tb_err err = check_room(outbox, bytes, n);

	return err == TB_OK ? grow(outbox, outbox->packets + n) : err;
}

/* Where room was made. */
static void append(struct tb_eio_outbox *outbox, struct tb_eio_message *message)
{
	*place_of(outbox, outbox->packets++) = message;
	outbox->bytes += tb_eio_message_data(message).n;
}

enum tb_err tb_eio_outbox_push(struct tb_eio_outbox *outbox,
			       struct tb_eio_message *const *messages, size_t n)
{
	size_t bytes = 0;
	enum tb_err err;

	for (size_t i = 0; i < n; i++)
		bytes += tb_eio_message_data(messages[i]).n;
	err = reserve(outbox, bytes, n);
	if (err != TB_OK)
		return err;
	for (size_t i = 0; i < n; i++)
		append(outbox, tb_eio_message_ref(messages[i]));
	return TB_OK;
}

/* Takes the newest ones back. */
static void take_back(struct tb_eio_outbox *outbox, size_t n)
{
	while (n-- > 0) {
		struct tb_eio_message *message =
			tb_eio_outbox_at(outbox, outbox->packets - 1);
		outbox->packets--;
		outbox->bytes -= tb_eio_message_data(message).n;
		tb_eio_message_unref(message);
	}
}

enum tb_err tb_eio_outbox_push_packets(struct tb_eio_outbox *outbox,
				       const struct tb_eio_packet *packets,
				       size_t n)
{
	size_t bytes = 0;
	enum tb_err err;

	for (size_t i = 0; i < n; i++)
		bytes += packets[i].data.n;
	err = reserve(outbox, bytes, n);
	if (err != TB_OK)
		return err;
	for (size_t i = 0; i < n; i++) {
		struct tb_eio_message *message =
			tb_eio_message_create(&packets[i]);
		if (message == NULL) {
			take_back(outbox, i);
			return TB_ERR_NOMEM;
		}
		append(outbox, message);
	}
	return TB_OK;
}

struct tb_eio_message *tb_eio_outbox_pop(struct tb_eio_outbox *outbox)
{
	struct tb_eio_message *message = tb_eio_outbox_at(outbox, 0);

	outbox->first++;
	outbox->packets--;
	outbox->bytes -= tb_eio_message_data(message).n;
	if (outbox->packets == 0 && outbox->cap > KEPT_MAX) {
		tb_free(outbox->more);
		outbox->more = NULL;
		outbox->cap = TB_EIO_OUTBOX_FEW;
	}
	return message;
}

void tb_eio_outbox_drop(struct tb_eio_outbox *outbox, size_t n)
{
	TB_ASSERT(n <= outbox->packets);
	while (n-- > 0)
		tb_eio_message_unref(tb_eio_outbox_pop(outbox));
}
