#include "realtime/sio_session.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "realtime/sio_decoder.h"
#include "realtime/sio_pending.h"

enum nsp_state {
	NSP_FREE,
	NSP_ASKED_FOR,
	NSP_CONNECTED,
};

struct nsp {
	enum nsp_state state;
	struct tb_str name;
	char *owned_name;
	uint64_t next_id;
};

struct tb_sio_session {
	const struct tb_sio_options *options;
	struct tb_sio_decoder *decoder; /* NULL while there is no packet */
	int64_t deadline_ms;
	bool is_broken;
	struct tb_sio_pending awaited;
	struct tb_sio_pending owed;
	struct nsp nsps[];
};

/* ---- its life ---- */

struct tb_sio_session *
tb_sio_session_create(const struct tb_sio_options *options, int64_t now_ms)
{
	struct tb_sio_session *s = tb_calloc(
		1, sizeof(*s) + options->nsps_max * sizeof(s->nsps[0]));

	if (s == NULL)
		return NULL;
	s->options = options;
	s->deadline_ms = now_ms + options->connect_timeout_ms;
	tb_sio_pending_init(&s->awaited, options->awaited_max);
	tb_sio_pending_init(&s->owed, options->owed_max);
	return s;
}

void tb_sio_session_destroy(struct tb_sio_session *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->options->nsps_max; i++)
		tb_free(s->nsps[i].owned_name);
	tb_sio_pending_fini(&s->awaited);
	tb_sio_pending_fini(&s->owed);
	tb_sio_decoder_destroy(s->decoder);
	tb_free(s);
}

int64_t tb_sio_session_deadline(const struct tb_sio_session *s)
{
	return s->deadline_ms;
}

/* ---- namespaces ---- */

static size_t slot_of(const struct tb_sio_session *s, const struct nsp *nsp)
{
	return (size_t)(nsp - s->nsps);
}

/* NULL: the client neither is in it nor has asked for it. */
static struct nsp *find_nsp(struct tb_sio_session *s, struct tb_str name)
{
	for (size_t i = 0; i < s->options->nsps_max; i++) {
		struct nsp *nsp = &s->nsps[i];
		if (nsp->state != NSP_FREE && tb_str_eq(nsp->name, name))
			return nsp;
	}
	return NULL;
}

static struct nsp *find_free(struct tb_sio_session *s)
{
	for (size_t i = 0; i < s->options->nsps_max; i++) {
		if (s->nsps[i].state == NSP_FREE)
			return &s->nsps[i];
	}
	return NULL;
}

static void leave(struct tb_sio_session *s, struct nsp *nsp)
{
	tb_sio_pending_drop_nsp(&s->awaited, slot_of(s, nsp));
	tb_sio_pending_drop_nsp(&s->owed, slot_of(s, nsp));
	tb_free(nsp->owned_name);
	*nsp = (struct nsp) { .state = NSP_FREE };
}

bool tb_sio_session_is_connected(const struct tb_sio_session *s,
				 struct tb_str name)
{
	for (size_t i = 0; i < s->options->nsps_max; i++) {
		if (s->nsps[i].state == NSP_CONNECTED &&
		    tb_str_eq(s->nsps[i].name, name))
			return !s->is_broken;
	}
	return false;
}

struct tb_str tb_sio_session_nsp(const struct tb_sio_session *s, size_t i)
{
	TB_ASSERT(i < s->options->nsps_max);
	return s->nsps[i].state == NSP_CONNECTED ? s->nsps[i].name
						 : TB_STR_NONE;
}

/* ---- what comes in ---- */

static bool has_decoder(struct tb_sio_session *s)
{
	if (s->decoder == NULL)
		s->decoder = tb_sio_decoder_create(
			&s->options->limits, s->options->memory_max_bytes);
	return s->decoder != NULL;
}

void tb_sio_session_rest(struct tb_sio_session *s)
{
	if (s->decoder == NULL || tb_sio_decoder_is_waiting(s->decoder))
		return;
	tb_sio_decoder_destroy(s->decoder);
	s->decoder = NULL;
}

size_t tb_sio_session_held_bytes(const struct tb_sio_session *s)
{
	return s->decoder != NULL && tb_sio_decoder_is_waiting(s->decoder)
		       ? tb_sio_decoder_bytes(s->decoder)
		       : 0;
}

static enum tb_err break_off(struct tb_sio_session *s, const char *what,
			     struct tb_sio_input *ret)
{
	s->is_broken = true;
	*ret = (struct tb_sio_input) { .kind = TB_SIO_IN_BROKEN, .what = what };
	return TB_OK;
}

static enum tb_err give(const struct tb_sio_packet *packet,
			enum tb_sio_input_kind kind, struct tb_sio_input *ret)
{
	*ret = (struct tb_sio_input) { .kind = kind, .packet = packet };
	return TB_OK;
}

static enum tb_err take_connect(struct tb_sio_session *s,
				const struct tb_sio_packet *packet,
				struct tb_sio_input *ret)
{
	struct nsp *nsp = find_free(s);

	if (find_nsp(s, packet->nsp) != NULL)
		return break_off(s, "a second CONNECT to a namespace", ret);
	if (nsp == NULL)
		return break_off(s, "too many namespaces", ret);
	nsp->owned_name = tb_strdup(packet->nsp);
	if (nsp->owned_name == NULL)
		return TB_ERR_NOMEM;
	nsp->name = tb_str(nsp->owned_name, packet->nsp.n);
	nsp->state = NSP_ASKED_FOR;
	return give(packet, TB_SIO_IN_CONNECT, ret);
}

static enum tb_err take_event(struct tb_sio_session *s, struct nsp *nsp,
			      const struct tb_sio_packet *packet,
			      struct tb_sio_input *ret)
{
	enum tb_err err = TB_OK;

	if (packet->has_id)
		err = tb_sio_pending_add(&s->owed, slot_of(s, nsp), packet->id,
					 0);
	if (err == TB_ERR_EXISTS)
		return break_off(s, "an id that is in use", ret);
	if (err == TB_ERR_BUSY)
		return break_off(s, "too many events without their ACK", ret);
	return err == TB_OK ? give(packet, TB_SIO_IN_EVENT, ret) : err;
}

/* One that nobody awaits (any more) is no fault of the client's. */
static enum tb_err take_ack(struct tb_sio_session *s, struct nsp *nsp,
			    const struct tb_sio_packet *packet,
			    struct tb_sio_input *ret)
{
	uint64_t tag;

	if (!tb_sio_pending_take(&s->awaited, slot_of(s, nsp), packet->id,
				 &tag))
		return give(NULL, TB_SIO_IN_NOTHING, ret);
	give(packet, TB_SIO_IN_ACK, ret);
	ret->tag = tag;
	return TB_OK;
}

static enum tb_err take_disconnect(struct tb_sio_session *s, struct nsp *nsp,
				   const struct tb_sio_packet *packet,
				   struct tb_sio_input *ret)
{
	leave(s, nsp);
	return give(packet, TB_SIO_IN_DISCONNECT, ret);
}

/* What a client may send in a namespace that it is in. */
static enum tb_err (*const takers[TB_SIO_KINDS])(struct tb_sio_session *,
						 struct nsp *,
						 const struct tb_sio_packet *,
						 struct tb_sio_input *) = {
	[TB_SIO_DISCONNECT] = take_disconnect,
	[TB_SIO_EVENT] = take_event,
	[TB_SIO_ACK] = take_ack,
};

/* "If the server does not receive a CONNECT packet first, then it MUST close
 * the connection immediately." */
static enum tb_err take_packet(struct tb_sio_session *s,
			       const struct tb_sio_packet *packet,
			       struct tb_sio_input *ret)
{
	struct nsp *nsp;

	if (packet->kind == TB_SIO_CONNECT)
		return take_connect(s, packet, ret);
	if (takers[packet->kind] == NULL)
		return break_off(s, "a packet that no client sends", ret);
	nsp = find_nsp(s, packet->nsp);
	if (nsp == NULL || nsp->state != NSP_CONNECTED)
		return break_off(s, "a packet before its CONNECT", ret);
	return takers[packet->kind](s, nsp, packet, ret);
}

enum tb_err tb_sio_session_feed(struct tb_sio_session *s, struct tb_str message,
				bool is_binary, struct tb_sio_input *ret)
{
	const struct tb_sio_packet *packet;
	const char *what;
	enum tb_err err;

	if (s->is_broken)
		return give(NULL, TB_SIO_IN_NOTHING, ret);
	if (!has_decoder(s))
		return TB_ERR_NOMEM;
	err = tb_sio_decoder_feed(s->decoder, message, is_binary, &packet,
				  &what);
	if (err == TB_ERR_NOMEM)
		return err;
	if (err != TB_OK)
		return break_off(s, what, ret);
	if (packet == NULL)
		return give(NULL, TB_SIO_IN_NOTHING, ret);
	return take_packet(s, packet, ret);
}

/* ---- what goes out ---- */

static enum tb_err find_in_state(struct tb_sio_session *s, struct tb_str name,
				 enum nsp_state state, struct nsp **ret)
{
	struct nsp *nsp = find_nsp(s, name);

	if (s->is_broken)
		return TB_ERR_CLOSED;
	if (nsp == NULL || nsp->state != state)
		return TB_ERR_NOT_FOUND;
	*ret = nsp;
	return TB_OK;
}

/* The packet's head goes first, as if it had no data. */
static void put_head(struct tb_buf *buf, enum tb_sio_kind kind,
		     const struct nsp *nsp)
{
	const struct tb_sio_packet head = { .kind = kind, .nsp = nsp->name };

	tb_sio_put(buf, &head);
}

static void put_object(struct tb_buf *buf, const char *key, struct tb_str value)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, key, value);
	tb_json_end_object(&w);
}

enum tb_err tb_sio_session_accept(struct tb_sio_session *s, struct tb_str name,
				  struct tb_str sid, struct tb_buf *buf)
{
	struct nsp *nsp;
	enum tb_err err = find_in_state(s, name, NSP_ASKED_FOR, &nsp);

	if (err != TB_OK)
		return err;
	put_head(buf, TB_SIO_CONNECT, nsp);
	put_object(buf, "sid", sid);
	if (tb_buf_err(buf) != TB_OK)
		return tb_buf_err(buf);
	nsp->state = NSP_CONNECTED;
	s->deadline_ms = INT64_MAX;
	return TB_OK;
}

enum tb_err tb_sio_session_refuse(struct tb_sio_session *s, struct tb_str name,
				  struct tb_str message, struct tb_buf *buf)
{
	struct nsp *nsp;
	enum tb_err err = find_in_state(s, name, NSP_ASKED_FOR, &nsp);

	if (err != TB_OK)
		return err;
	put_head(buf, TB_SIO_CONNECT_ERROR, nsp);
	put_object(buf, "message", message);
	if (tb_buf_err(buf) == TB_OK)
		leave(s, nsp);
	return tb_buf_err(buf);
}

static void put_emission(const struct tb_sio_emission *emission, uint64_t id,
			 struct tb_buf *buf)
{
	const struct tb_sio_packet head = {
		.kind = TB_SIO_EVENT,
		.nsp = emission->nsp,
		.has_id = emission->wants_ack,
		.id = id,
		.n_attachments = emission->n_attachments,
	};

	TB_ASSERT(!tb_sio_name_is_reserved(emission->name));
	tb_sio_put(buf, &head);
	tb_sio_put_event_data(buf, emission->name, emission->args,
			      emission->n_args);
}

enum tb_err tb_sio_session_emit(struct tb_sio_session *s,
				const struct tb_sio_emission *emission,
				struct tb_buf *buf)
{
	struct nsp *nsp;
	enum tb_err err = find_in_state(s, emission->nsp, NSP_CONNECTED, &nsp);

	if (err == TB_OK && emission->wants_ack)
		err = tb_sio_pending_add(&s->awaited, slot_of(s, nsp),
					 nsp->next_id, emission->tag);
	if (err != TB_OK)
		return err;
	put_emission(emission, nsp->next_id, buf);
	if (emission->wants_ack && tb_buf_err(buf) != TB_OK)
		tb_sio_pending_take(&s->awaited, slot_of(s, nsp), nsp->next_id,
				    NULL);
	else if (emission->wants_ack)
		nsp->next_id++;
	return tb_buf_err(buf);
}

void tb_sio_session_forget(struct tb_sio_session *s, uint64_t tag)
{
	tb_sio_pending_drop_tag(&s->awaited, tag);
}

static enum tb_err find_owed(struct tb_sio_session *s, struct tb_str name,
			     uint64_t id, struct nsp **ret)
{
	struct nsp *nsp;
	enum tb_err err = find_in_state(s, name, NSP_CONNECTED, &nsp);

	if (err != TB_OK)
		return err;
	if (!tb_sio_pending_has(&s->owed, slot_of(s, nsp), id))
		return TB_ERR_NOT_FOUND;
	*ret = nsp;
	return TB_OK;
}

enum tb_err tb_sio_session_settle(struct tb_sio_session *s, struct tb_str name,
				  uint64_t id)
{
	struct nsp *nsp;
	enum tb_err err = find_owed(s, name, id, &nsp);

	if (err == TB_OK)
		tb_sio_pending_take(&s->owed, slot_of(s, nsp), id, NULL);
	return err;
}

enum tb_err tb_sio_session_ack(struct tb_sio_session *s, struct tb_str name,
			       uint64_t id, const struct tb_str *args,
			       size_t n_args, size_t n_attachments,
			       struct tb_buf *buf)
{
	const struct tb_sio_packet head = {
		.kind = TB_SIO_ACK,
		.nsp = name,
		.has_id = true,
		.id = id,
		.n_attachments = n_attachments,
	};
	struct nsp *nsp;
	enum tb_err err = find_owed(s, name, id, &nsp);

	if (err != TB_OK)
		return err;
	tb_sio_put(buf, &head);
	tb_sio_put_ack_data(buf, args, n_args);
	if (tb_buf_err(buf) == TB_OK)
		tb_sio_pending_take(&s->owed, slot_of(s, nsp), id, NULL);
	return tb_buf_err(buf);
}

enum tb_err tb_sio_session_disconnect(struct tb_sio_session *s,
				      struct tb_str name, struct tb_buf *buf)
{
	struct nsp *nsp;
	enum tb_err err = find_in_state(s, name, NSP_CONNECTED, &nsp);

	if (err != TB_OK)
		return err;
	put_head(buf, TB_SIO_DISCONNECT, nsp);
	if (tb_buf_err(buf) == TB_OK)
		leave(s, nsp);
	return tb_buf_err(buf);
}
