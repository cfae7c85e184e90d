/*
 * GET audit-logs/verify: whether the caller's org's audit trail is whole. A
 * long one is looked at while the answer is awaited: spaces go out meanwhile,
 * so that no worker and no snapshot is held for longer than a piece, nobody
 * between takes the connection for dead, and it ends with its client.
 */
#include "kernel/audit_verify.h"
#include "api/devices/call.h"
#include "api/devices/handlers.h"
#include "codec/digest.h"
#include "http/source.h"

/* For one piece; tens of milliseconds. */
#define SLICES 4
#define ANSWER_MAX_BYTES 1024

struct check {
	struct tb_source source;
	struct tb_core *core;
	struct tb_audit_verification verification;
	bool has_ended;
};

static struct check *check_of(struct tb_source *source)
{
	return (struct check *)source;
}

static void put_verdict(struct tb_buf *buf,
			const struct tb_audit_verdict *verdict)
{
	struct tb_json_writer w = tb_json_writer(buf);
	char hex_text[2 * sizeof(verdict->hash)];
	struct tb_buf hex;

	tb_buf_init_fixed(&hex, hex_text, sizeof(hex_text));
	tb_hex_put(&hex,
		   tb_str((const char *)verdict->hash, sizeof(verdict->hash)));
	tb_json_begin_object(&w);
	tb_json_kv_bool(&w, "valid", !verdict->problem);
	tb_json_kv_uint(&w, "rows", verdict->rows);
	tb_json_kv_uint(&w, "erased", verdict->erased);
	tb_json_kv_uint(&w, "first", verdict->first);
	tb_json_kv_uint(&w, "last", verdict->last);
	tb_json_kv_str(&w, "hash", tb_buf_str(&hex));
	if (verdict->problem) {
		tb_json_kv_uint(&w, "first_bad", verdict->first_bad);
		tb_json_kv_str(&w, "problem", tb_str_z(verdict->problem));
	}
	tb_json_end_object(&w);
}

/* Goes on; the buffer gets the answer, or a space. */
static enum tb_err look(struct check *check, struct tb_buf *buf)
{
	enum tb_err err = TB_OK;

	for (int i = 0; !err && !check->verification.is_done && i < SLICES; i++)
		err = tb_audit_verify_next(check->core, &check->verification);
	check->has_ended = check->verification.is_done;
	if (check->has_ended)
		put_verdict(buf, &check->verification.verdict);
	else
		tb_buf_append_char(buf, ' ');
	return err ? err : tb_buf_err(buf);
}

static bool find(struct tb_source *source, struct tb_piece *ret)
{
	if (!check_of(source)->has_ended)
		return false;
	*ret = (struct tb_piece) { .plain = NULL };
	return true;
}

static enum tb_err make(struct tb_source *source, struct tb_piece *ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, ANSWER_MAX_BYTES);
	err = look(check_of(source), &buf);
	if (!err)
		err = tb_piece_take(&buf, ret);
	tb_buf_fini(&buf);
	return err;
}

static void destroy(struct tb_source *source)
{
	(void)source;
}

void tb_devices_get_audit_verdict(void *state, const struct tb_request *req,
				  struct tb_response *res)
{
	static const struct tb_source_ops ops = {
		.find = find,
		.make = make,
		.destroy = destroy,
	};
	const struct tb_devices *devices = state;
	struct check *check = tb_arena_calloc(req->arena, 1, sizeof(*check));
	struct tb_buf first;
	enum tb_err err;

	if (!check) {
		tb_response_fail(res, req, tb_arena_err(req->arena));
		return;
	}
	check->source.ops = &ops;
	check->core = devices->core;
	tb_audit_verify_init(&check->verification, req->principal->org);
	tb_buf_init(&first, ANSWER_MAX_BYTES);
	err = look(check, &first);
	if (err)
		tb_response_fail(res, req, err);
	else if (check->has_ended)
		tb_response_body(res, 200, TB_JSON_TYPE, &first);
	else
		tb_response_source(res, 200, TB_JSON_TYPE, &check->source,
				   TB_LENGTH_UNKNOWN);
	tb_buf_fini(&first);
}
