#include "realtime/sio_packet.h"

#include "base/assert.h"
#include "realtime/sio_placeholder.h"

/* How the kinds that have attachments are written. */
#define WIRE_BINARY_EVENT 5
#define WIRE_BINARY_ACK 6

/* What a kind's data may be, as bits of 1 << enum tb_json_kind. */
#define ABSENT 0x80u
#define ARRAY (1u << TB_JSON_ARRAY)
#define OBJECT (1u << TB_JSON_OBJECT)
#define STRING (1u << TB_JSON_STRING)

static const struct kind_row {
	enum tb_sio_kind kind;
	unsigned data;
	bool may_have_id;
	bool must_have_id;
	bool has_attachments;
} kind_rows[] = {
	{ TB_SIO_CONNECT, ABSENT | OBJECT, false, false, false },
	{ TB_SIO_DISCONNECT, ABSENT, false, false, false },
	{ TB_SIO_EVENT, ARRAY, true, false, false },
	{ TB_SIO_ACK, ARRAY, true, true, false },
	{ TB_SIO_CONNECT_ERROR, OBJECT | STRING, false, false, false },
	[WIRE_BINARY_EVENT] = { TB_SIO_EVENT, ARRAY, true, false, true },
	[WIRE_BINARY_ACK] = { TB_SIO_ACK, ARRAY, true, true, true },
};

static const struct tb_str reserved_names[] = {
	TB_STR_INIT("connect"),     TB_STR_INIT("connect_error"),
	TB_STR_INIT("disconnect"),  TB_STR_INIT("disconnecting"),
	TB_STR_INIT("newListener"), TB_STR_INIT("removeListener"),
};

struct decoder {
	struct tb_arena *arena;
	const struct tb_sio_limits *limits;
	struct tb_str rest;
	const struct kind_row *row;
	struct tb_sio_packet packet;
	const char *what;
};

static enum tb_err fail(struct decoder *d, enum tb_err err, const char *what)
{
	d->what = what;
	return err;
}

bool tb_sio_name_is_reserved(struct tb_str name)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(reserved_names); i++) {
		if (tb_str_eq(name, reserved_names[i]))
			return true;
	}
	return false;
}

static struct tb_str take(struct tb_str *rest, size_t n)
{
	struct tb_str taken = tb_str(rest->p, n);

	*rest = tb_str(rest->p + n, rest->n - n);
	return taken;
}

/* The digits that the rest begins with. */
static struct tb_str take_digits(struct tb_str *rest)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	return take(rest, n);
}

/* A number as it would be written, so without leading zeros. */
static bool read_number(struct tb_str digits, uint64_t *ret)
{
	if (digits.n > 1 && digits.p[0] == '0')
		return false;
	return tb_str_to_u64(digits, ret) == TB_OK;
}

static enum tb_err take_kind(struct decoder *d)
{
	unsigned kind;

	if (d->rest.n == 0)
		return fail(d, TB_ERR_INVALID, "an empty packet");
	kind = (unsigned)(unsigned char)take(&d->rest, 1).p[0] - '0';
	if (kind >= TB_ARRAY_LEN(kind_rows))
		return fail(d, TB_ERR_INVALID, "an unknown type of packet");
	d->row = &kind_rows[kind];
	d->packet.kind = d->row->kind;
	return TB_OK;
}

static enum tb_err take_attachments(struct decoder *d)
{
	uint64_t n;

	if (!d->row->has_attachments)
		return TB_OK;
	if (!read_number(take_digits(&d->rest), &n) || d->rest.n == 0 ||
	    take(&d->rest, 1).p[0] != '-')
		return fail(d, TB_ERR_INVALID,
			    "a binary packet without a count of attachments");
	if (n > d->limits->attachments_max)
		return fail(d, TB_ERR_TOO_LARGE, "too many attachments");
	d->packet.n_attachments = n;
	return TB_OK;
}

static bool is_printable(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

/* Behind a namespace there is a comma, unless nothing follows. */
static enum tb_err take_nsp(struct decoder *d)
{
	const char *comma;
	size_t n;

	d->packet.nsp = TB_SIO_MAIN;
	if (d->rest.n == 0 || d->rest.p[0] != '/')
		return TB_OK;
	comma = memchr(d->rest.p, ',', d->rest.n);
	n = comma != NULL ? (size_t)(comma - d->rest.p) : d->rest.n;
	if (n > d->limits->nsp_max_bytes)
		return fail(d, TB_ERR_TOO_LARGE,
			    "a namespace that is too long");
	d->packet.nsp = take(&d->rest, n);
	if (!is_printable(d->packet.nsp))
		return fail(d, TB_ERR_INVALID,
			    "a namespace that is not printable");
	if (comma != NULL)
		take(&d->rest, 1);
	return TB_OK;
}

static enum tb_err take_id(struct decoder *d)
{
	struct tb_str digits = take_digits(&d->rest);

	d->packet.has_id = digits.n > 0;
	if (d->packet.has_id && !read_number(digits, &d->packet.id))
		return fail(d, TB_ERR_INVALID,
			    "an acknowledgement id out of range");
	if (d->packet.has_id && !d->row->may_have_id)
		return fail(d, TB_ERR_INVALID, "an id where there can be none");
	if (!d->packet.has_id && d->row->must_have_id)
		return fail(d, TB_ERR_INVALID, "an acknowledgement without id");
	return TB_OK;
}

static enum tb_err take_data(struct decoder *d)
{
	struct tb_json_error error = { 0, "out of memory" };
	struct tb_json_value root;
	unsigned found = ABSENT;
	enum tb_err err;

	if (d->rest.n > 0) {
		err = tb_json_parse(d->arena, d->rest, d->limits->json,
				    &d->packet.json, &error);
		if (err != TB_OK)
			return fail(d, err, error.what);
		root = tb_json_root(&d->packet.json);
		d->packet.data = tb_json_raw(root);
		found = 1u << tb_json_kind(root);
	}
	if ((d->row->data & found) == 0)
		return fail(d, TB_ERR_INVALID,
			    "data that its type of packet cannot have");
	return TB_OK;
}

static enum tb_err read_name(struct decoder *d)
{
	struct tb_json_iter it;
	enum tb_err err;

	if (d->packet.kind != TB_SIO_EVENT)
		return TB_OK;
	it = tb_json_iter(tb_json_root(&d->packet.json));
	if (!tb_json_next(&it) || !tb_json_is(it.value, TB_JSON_STRING))
		return fail(d, TB_ERR_INVALID, "an event without a name");
	err = tb_json_string(d->arena, it.value, &d->packet.name);
	if (err != TB_OK)
		return fail(d, err, tb_err_text(err));
	if (tb_sio_name_is_reserved(d->packet.name))
		return fail(d, TB_ERR_INVALID, "an event's name is reserved");
	return TB_OK;
}

static enum tb_err check_placeholders(struct decoder *d)
{
	enum tb_err err;

	if (!d->row->has_attachments)
		return TB_OK;
	err = tb_sio_check_placeholders(d->arena, &d->packet.json,
					d->packet.n_attachments);
	return err == TB_OK ? TB_OK
			    : fail(d, err,
				   "placeholders that do not stand for the "
				   "attachments");
}

enum tb_err tb_sio_decode(struct tb_arena *arena, struct tb_str text,
			  const struct tb_sio_limits *limits,
			  struct tb_sio_packet *ret, const char **ret_what)
{
	static enum tb_err (*const steps[])(struct decoder *) = {
		take_kind, take_attachments, take_nsp,           take_id,
		take_data, read_name,        check_placeholders,
	};
	struct decoder d = {
		.arena = arena,
		.limits = limits,
		.rest = text,
	};
	enum tb_err err = TB_OK;

	for (size_t i = 0; i < TB_ARRAY_LEN(steps) && err == TB_OK; i++)
		err = steps[i](&d);
	if (err != TB_OK)
		*ret_what = d.what;
	else
		*ret = d.packet;
	return err;
}

static unsigned wire_kind(const struct tb_sio_packet *packet)
{
	if (packet->n_attachments == 0)
		return packet->kind;
	TB_ASSERT(packet->kind == TB_SIO_EVENT || packet->kind == TB_SIO_ACK);
	return packet->kind == TB_SIO_EVENT ? WIRE_BINARY_EVENT
					    : WIRE_BINARY_ACK;
}

void tb_sio_put(struct tb_buf *buf, const struct tb_sio_packet *packet)
{
	tb_buf_append_char(buf, (char)('0' + wire_kind(packet)));
	if (packet->n_attachments > 0) {
		tb_buf_append_u64(buf, packet->n_attachments);
		tb_buf_append_char(buf, '-');
	}
	if (!tb_str_eq(packet->nsp, TB_SIO_MAIN)) {
		tb_buf_append_str(buf, packet->nsp);
		tb_buf_append_char(buf, ',');
	}
	if (packet->has_id)
		tb_buf_append_u64(buf, packet->id);
	tb_buf_append_str(buf, packet->data);
}

static void put_args(struct tb_json_writer *w, const struct tb_str *args,
		     size_t n_args)
{
	for (size_t i = 0; i < n_args; i++)
		tb_json_rawval(w, args[i]);
}

void tb_sio_put_event_data(struct tb_buf *buf, struct tb_str name,
			   const struct tb_str *args, size_t n_args)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_array(&w);
	tb_json_str(&w, name);
	put_args(&w, args, n_args);
	tb_json_end_array(&w);
}

void tb_sio_put_ack_data(struct tb_buf *buf, const struct tb_str *args,
			 size_t n_args)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_array(&w);
	put_args(&w, args, n_args);
	tb_json_end_array(&w);
}
