/*
 * POST {collection}/: a new record.
 */
#include "api/resources/errors.h"
#include "api/resources/handlers.h"
#include "api/resources/write.h"
#include "codec/digest.h"
#include "http/uri.h"

#define KEY_MAX_BYTES 255
#define BAD_KEY "Idempotency-Key must be 1 to 255 bytes."
#define LOCATION_MAX_BYTES 2048

/* "POST takes an `Idempotency-Key`": each caller's own, at one address. False:
 * it is answered. */
static bool take_key(struct tb_resources_write *write,
		     struct tb_named_request *named)
{
	const struct tb_request *req = write->call.req;
	struct tb_str key = tb_request_header(req, "Idempotency-Key");
	struct tb_str who[] = { req->principal->key,
				write->call.collection->path, key };
	enum tb_err err;

	if (!key.p)
		return true;
	if (key.n == 0 || key.n > KEY_MAX_BYTES) {
		tb_resources_fail(write->call.res, req, 400, TB_STR(BAD_KEY));
		return false;
	}
	err = tb_sha256_name(req->arena, who, 3, &named->key);
	if (!err)
		err = tb_sha256_name(req->arena, &req->body, 1, &named->body);
	if (err)
		tb_resources_call_fail(&write->call, err);
	write->resource.named = named;
	return !err;
}

/* "In a collection with string ids the client gives `id`." */
static void take_id(struct tb_resources_write *write)
{
	if (write->call.collection->id_type == TB_ID_STRING)
		write->resource.key = tb_edit_read_id(&write->form);
}

static enum tb_err put_location(struct tb_resources_write *write)
{
	const struct tb_record *record = &write->resource.record;
	uint64_t id = tb_record_id(record);
	char text[LOCATION_MAX_BYTES];
	struct tb_buf location;
	enum tb_err err;

	tb_buf_init_fixed(&location, text, sizeof(text));
	tb_buf_append_z(&location, "/api/");
	tb_buf_append_str(&location, write->call.collection->path);
	tb_buf_append_char(&location, '/');
	if (id != 0)
		tb_buf_append_u64(&location, id);
	else
		tb_uri_escape(&location, record->key);
	tb_buf_append_char(&location, '/');
	err = tb_buf_err(&location);
	return err ? err
		   : tb_response_header(write->call.res, "Location",
					tb_buf_str(&location));
}

void tb_resources_post_record(void *state, const struct tb_request *req,
			      struct tb_response *res)
{
	struct tb_named_request named;
	struct tb_resources_write write;
	enum tb_err err;

	if (!tb_resources_write_open(&write, state, req, res,
				     TB_RESOURCE_CREATE) ||
	    !tb_resources_write_read(&write))
		return;
	take_id(&write);
	if (!tb_resources_write_decode(&write) || !take_key(&write, &named) ||
	    !tb_resources_write_commit(&write))
		return;
	err = put_location(&write);
	if (err)
		tb_resources_call_fail(&write.call, err);
	else
		tb_resources_write_answer(&write, 201);
}
