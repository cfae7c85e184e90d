#include "realtime/eio_packet.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "codec/json.h"

/* Marks bytes in a payload, where they are written as base64. */
#define BINARY_MARK 'b'

/* Which kinds say something, and which are their own whole meaning. */
static const bool has_data[TB_EIO_KINDS] = {
	[TB_EIO_OPEN] = true,
	[TB_EIO_PING] = true,
	[TB_EIO_PONG] = true,
	[TB_EIO_MESSAGE] = true,
};

static enum tb_err decode_text(struct tb_str text, struct tb_eio_packet *ret)
{
	unsigned kind;

	if (text.n == 0)
		return TB_ERR_INVALID;
	kind = (unsigned)(unsigned char)text.p[0] - '0';
	if (kind >= TB_EIO_KINDS || (text.n > 1 && !has_data[kind]))
		return TB_ERR_INVALID;
	*ret = (struct tb_eio_packet) {
		.kind = (enum tb_eio_kind)kind,
		.data = tb_str(text.p + 1, text.n - 1),
	};
	return TB_OK;
}

static struct tb_eio_packet binary_message(struct tb_str bytes)
{
	return (struct tb_eio_packet) { TB_EIO_MESSAGE, true, bytes };
}

enum tb_err tb_eio_decode_frame(struct tb_str frame, bool is_binary,
				struct tb_eio_packet *ret)
{
	if (!is_binary)
		return decode_text(frame, ret);
	*ret = binary_message(frame);
	return TB_OK;
}

static enum tb_err decode_base64(struct tb_arena *arena, struct tb_str text,
				 struct tb_eio_packet *ret)
{
	size_t room = text.n / 4 * 3;
	char *to = tb_arena_alloc(arena, room);
	struct tb_buf bytes;
	enum tb_err err;

	if (to == NULL)
		return tb_arena_err(arena);
	tb_buf_init_fixed(&bytes, to, room);
	err = tb_base64_parse(text, &bytes);
	if (err == TB_OK)
		*ret = binary_message(tb_buf_str(&bytes));
	return err;
}

static enum tb_err decode_record(struct tb_arena *arena, struct tb_str record,
				 struct tb_eio_packet *ret)
{
	if (record.n > 0 && record.p[0] == BINARY_MARK)
		return decode_base64(arena, tb_str(record.p + 1, record.n - 1),
				     ret);
	return decode_text(record, ret);
}

static size_t count_records(struct tb_str body)
{
	size_t n = 1;

	for (size_t i = 0; i < body.n; i++)
		n += body.p[i] == TB_EIO_SEPARATOR;
	return n;
}

enum tb_err tb_eio_decode_payload(struct tb_arena *arena, struct tb_str body,
				  const struct tb_eio_payload_limits *limits,
				  struct tb_eio_packet **ret, size_t *ret_n)
{
	struct tb_eio_packet *packets;
	enum tb_err err = TB_OK;
	size_t n;

	if (body.n > limits->max_bytes)
		return TB_ERR_TOO_LARGE;
	n = count_records(body);
	if (n > limits->max_packets)
		return TB_ERR_TOO_LARGE;
	packets = tb_arena_calloc(arena, n, sizeof(*packets));
	if (packets == NULL)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n && err == TB_OK; i++)
		err = decode_record(arena, tb_str_cut(&body, TB_EIO_SEPARATOR),
				    &packets[i]);
	if (err != TB_OK)
		return err;
	*ret = packets;
	*ret_n = n;
	return TB_OK;
}

bool tb_eio_packet_is_sendable(const struct tb_eio_packet *packet)
{
	struct tb_str data = packet->data;

	if (packet->is_binary)
		return packet->kind == TB_EIO_MESSAGE;
	if (data.n == 0)
		return true;
	return has_data[packet->kind] &&
	       memchr(data.p, TB_EIO_SEPARATOR, data.n) == NULL;
}

void tb_eio_put_frame(struct tb_buf *buf, const struct tb_eio_packet *packet)
{
	TB_ASSERT(tb_eio_packet_is_sendable(packet));
	if (!packet->is_binary)
		tb_buf_append_char(buf, (char)('0' + packet->kind));
	tb_buf_append_str(buf, packet->data);
}

void tb_eio_put_record(struct tb_buf *buf, const struct tb_eio_packet *packet)
{
	if (buf->n > 0)
		tb_buf_append_char(buf, TB_EIO_SEPARATOR);
	if (!packet->is_binary) {
		tb_eio_put_frame(buf, packet);
		return;
	}
	TB_ASSERT(tb_eio_packet_is_sendable(packet));
	tb_buf_append_char(buf, BINARY_MARK);
	tb_base64_put(buf, packet->data);
}

size_t tb_eio_record_bytes(const struct tb_eio_packet *packet)
{
	size_t n = packet->data.n;

	return 2 + (packet->is_binary ? (n + 2) / 3 * 4 : n);
}

void tb_eio_put_handshake(struct tb_buf *buf,
			  const struct tb_eio_handshake *handshake)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "sid", handshake->sid);
	tb_json_key(&w, TB_STR("upgrades"));
	tb_json_begin_array(&w);
	if (handshake->can_upgrade)
		tb_json_str(&w, TB_STR("websocket"));
	tb_json_end_array(&w);
	tb_json_kv_int(&w, "pingInterval", handshake->ping_interval_ms);
	tb_json_kv_int(&w, "pingTimeout", handshake->ping_timeout_ms);
	tb_json_kv_uint(&w, "maxPayload", handshake->max_payload_bytes);
	tb_json_end_object(&w);
}
