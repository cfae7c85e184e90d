#include "realtime/eio_outbox.h"

#include "base/alloc.h"
#include "base/assert.h"

void tb_eio_outbox_init(struct tb_eio_outbox *outbox, size_t max_bytes,
			size_t max_packets)
{
	*outbox = (struct tb_eio_outbox) {
		.max_bytes = max_bytes,
		.max_packets = max_packets,
	};
	outbox->end = &outbox->first;
}

void tb_eio_outbox_fini(struct tb_eio_outbox *outbox)
{
	tb_eio_outbox_drop(outbox, outbox->packets);
}

static struct tb_eio_parcel *wrap(const struct tb_eio_packet *packet)
{
	struct tb_str data = packet->data;
	struct tb_eio_parcel *parcel = tb_malloc(sizeof(*parcel) + data.n);
	char *to;

	if (parcel == NULL)
		return NULL;
	to = (char *)(parcel + 1);
	if (data.n > 0)
		memcpy(to, data.p, data.n);
	parcel->next = NULL;
	parcel->packet = *packet;
	parcel->packet.data = tb_str(to, data.n);
	return parcel;
}

static void drop_list(struct tb_eio_parcel *first)
{
	while (first != NULL) {
		struct tb_eio_parcel *next = first->next;
		tb_free(first);
		first = next;
	}
}

/* A list of copies, so that the outbox is changed only when all are made. */
static enum tb_err wrap_all(const struct tb_eio_packet *packets, size_t n,
			    struct tb_eio_parcel **ret_first,
			    struct tb_eio_parcel ***ret_end)
{
	struct tb_eio_parcel *first = NULL;
	struct tb_eio_parcel **end = &first;

	for (size_t i = 0; i < n; i++) {
		*end = wrap(&packets[i]);
		if (*end == NULL) {
			drop_list(first);
			return TB_ERR_NOMEM;
		}
		end = &(*end)->next;
	}
	*ret_first = first;
	*ret_end = end;
	return TB_OK;
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

enum tb_err tb_eio_outbox_push(struct tb_eio_outbox *outbox,
			       const struct tb_eio_packet *packets, size_t n)
{
	struct tb_eio_parcel *first;
	struct tb_eio_parcel **end;
	size_t bytes = 0;
	enum tb_err err;

	for (size_t i = 0; i < n; i++)
		bytes += packets[i].data.n;
	err = check_room(outbox, bytes, n);
	if (err == TB_OK && n > 0)
		err = wrap_all(packets, n, &first, &end);
	if (err != TB_OK || n == 0)
		return err;
	*outbox->end = first;
	outbox->end = end;
	outbox->bytes += bytes;
	outbox->packets += n;
	return TB_OK;
}

void tb_eio_outbox_drop(struct tb_eio_outbox *outbox, size_t n)
{
	TB_ASSERT(n <= outbox->packets);
	for (size_t i = 0; i < n; i++) {
		struct tb_eio_parcel *parcel = outbox->first;
		outbox->first = parcel->next;
		outbox->bytes -= parcel->packet.data.n;
		tb_free(parcel);
	}
	outbox->packets -= n;
	if (outbox->first == NULL)
		outbox->end = &outbox->first;
}
