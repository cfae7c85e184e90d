/*
 * GET of a collection, whole or what changed in it: from memory where nothing
 * did, else by the reader.
 */
#include "api/resources/call.h"
#include "api/resources/errors.h"
#include "api/resources/etag.h"
#include "api/resources/handlers.h"
#include "api/resources/reader.h"
#include "base/assert.h"
#include "http/etag.h"

/* The address of the next page stands in a header, for which there is not much
 * room. */
#define PAGE_QUERY_MAX_BYTES 600
#define NUMBER_MAX_BYTES 24

struct list {
	struct tb_resources_call call;
	struct tb_resources_query query;
	struct tb_reader_options options;
};

/* ---- the question ---- */

static void fail_query(const struct list *list, enum tb_err err,
		       const struct tb_resources_flaw *flaw)
{
	const struct tb_resources_call *call = &list->call;

	if (err == TB_ERR_INVALID)
		tb_resources_fail_param(call->res, call->req, flaw->name,
					flaw->message);
	else
		tb_resources_call_fail(call, err);
}

/* False: it is answered. */
static bool read_query(struct list *list)
{
	const struct tb_resources_call *call = &list->call;
	const struct tb_request *req = call->req;
	struct tb_resources *resources = call->resources;
	struct tb_resources_query_limits limits = {
		.collection = call->collection,
		.declaration = tb_core_declaration(resources->core),
		.page_max = resources->options->page_max,
	};
	struct tb_resources_flaw flaw = { .name = TB_STR_NONE };
	struct tb_heads heads;
	enum tb_err err =
		tb_core_heads(resources->core, req->principal->org, &heads);

	if (!err) {
		limits.latest_us =
			tb_resources_latest_us(req->now_us, heads.last_us);
		err = tb_resources_query_read(req, &limits, &list->query,
					      &flaw);
	}
	if (err)
		fail_query(list, err, &flaw);
	else if (list->query.limit > 0 && req->query.n > PAGE_QUERY_MAX_BYTES)
		tb_resources_fail(call->res, req, 414,
				  TB_STR("The address is too long for pages."));
	else
		return true;
	return false;
}

static bool open_list(struct list *list, void *state,
		      const struct tb_request *req, struct tb_response *res)
{
	struct tb_resources *resources = state;

	if (!tb_resources_call_open(&list->call, state, req, res) ||
	    !read_query(list))
		return false;
	list->options = (struct tb_reader_options) {
		.core = resources->core,
		.sights = resources->sights,
		.arena = req->arena,
		.principal = req->principal,
		.layout = list->call.layout,
		.query = &list->query,
	};
	return true;
}

/* ---- headers ---- */

static struct tb_str etag_of(const struct list *list, uint64_t epoch,
			     const struct tb_sight *sight,
			     const uint64_t nums[TB_RULES_MAX],
			     char buf[TB_RESOURCES_ETAG_BYTES])
{
	const struct tb_request *req = list->call.req;
	const struct tb_resources_list_state state = {
		.epoch = epoch,
		.layout = list->call.layout->hash,
		.path = req->path,
		.query = req->query,
		.is_gzip = tb_request_accepts_gzip(req),
		.with_deleted = list->query.with_deleted,
		.scopes = sight->scopes,
		.nums = nums,
		.n = sight->n,
	};

	return tb_resources_list_etag(&state, buf);
}

static enum tb_err put_count(const struct list *list, size_t n)
{
	char digits[NUMBER_MAX_BYTES];
	struct tb_buf text;

	tb_buf_init_fixed(&text, digits, sizeof(digits));
	tb_buf_append_u64(&text, n);
	return tb_response_header(list->call.res, "X-Records-Synced",
				  tb_buf_str(&text));
}

/* A parameter of the address as it was sent, for a header in angle brackets. */
static void put_parameter(struct tb_buf *buf, struct tb_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '<')
			tb_buf_append_z(buf, "%3C");
		else if (text.p[i] == '>')
			tb_buf_append_z(buf, "%3E");
		else
			tb_buf_append_char(buf, text.p[i]);
	}
}

/* The same address, but for where it goes on. */
static enum tb_err put_next(const struct list *list,
			    const struct tb_resources_cursor *next)
{
	const struct tb_request *req = list->call.req;
	char cursor[TB_RESOURCES_CURSOR_MAX_BYTES];
	struct tb_str rest = req->query;
	struct tb_buf link;
	enum tb_err err;

	tb_buf_init(&link, 4 * PAGE_QUERY_MAX_BYTES + req->path.n);
	tb_buf_append_char(&link, '<');
	tb_buf_append_str(&link, req->path);
	tb_buf_append_char(&link, '?');
	while (rest.p) {
		struct tb_str part = tb_str_cut(&rest, '&');

		if (part.n == 0 || tb_str_starts(part, TB_STR("after=")))
			continue;
		put_parameter(&link, part);
		tb_buf_append_char(&link, '&');
	}
	tb_buf_append_z(&link, "after=");
	tb_buf_append_str(&link, tb_resources_cursor_text(next, cursor));
	tb_buf_append_z(&link, ">; rel=\"next\"");
	err = tb_buf_err(&link);
	if (!err)
		err = tb_response_header(list->call.res, "Link",
					 tb_buf_str(&link));
	tb_buf_fini(&link);
	return err;
}

/* Contract: "304 repeats ETag and X-Last-Sync." */
static void answer_fresh(const struct list *list, struct tb_str etag,
			 int64_t last_us)
{
	const struct tb_resources_call *call = &list->call;
	enum tb_err err = tb_resources_put_headers(call, etag);

	if (!err)
		err = tb_resources_put_last_sync(call, last_us);
	if (err)
		tb_resources_call_fail(call, err);
	else
		tb_response_empty(call->res, 304);
}

/* ---- from memory ---- */

bool tb_resources_get_list_quick(void *state, const struct tb_request *req,
				 struct tb_response *res)
{
	char tag[TB_RESOURCES_ETAG_BYTES];
	struct tb_reader_ends ends;
	struct tb_str etag;
	struct list list;

	if (!open_list(&list, state, req, res))
		return true;
	if (!tb_request_header(req, "If-None-Match").p ||
	    !tb_reader_find_ends(&list.options, &ends))
		return false;
	etag = etag_of(&list, ends.heads.epoch, &ends.sight, ends.nums, tag);
	if (!tb_request_is_fresh(req, etag))
		return false;
	answer_fresh(&list, etag, ends.heads.last_us);
	return true;
}

/* ---- by the reader ---- */

static enum tb_err put_headers(const struct list *list,
			       const struct tb_reader *reader, size_t n)
{
	char tag[TB_RESOURCES_ETAG_BYTES];
	struct tb_str etag = etag_of(list, reader->org.epoch, &reader->sight,
				     reader->nums, tag);
	enum tb_err err = tb_resources_put_headers(&list->call, etag);

	if (!err)
		err = tb_resources_put_last_sync(&list->call, reader->last_us);
	if (!err)
		err = put_count(list, n);
	if (!err && reader->has_next)
		err = put_next(list, &reader->next);
	return err;
}

/* Takes over the spool. */
static enum tb_err answer_spool(const struct list *list,
				const struct tb_reader *reader,
				struct tb_spool *spool)
{
	enum tb_err err = tb_spool_finish(spool);

	if (!err)
		err = put_headers(list, reader, tb_spool_items(spool));
	if (err) {
		tb_spool_destroy(spool);
		return err;
	}
	return tb_spool_answer(spool, list->call.res, 200, TB_JSON_TYPE);
}

static enum tb_err answer_records(const struct list *list,
				  struct tb_reader *reader)
{
	struct tb_resources *resources = list->call.resources;
	struct tb_spool *spool;
	enum tb_err err = tb_spool_create(&resources->spools,
					  tb_reader_spool_form(reader),
					  resources->options->spool_max_bytes,
					  list->options.principal->rid, &spool);

	if (err)
		return err;
	err = tb_reader_run(reader, spool);
	if (err) {
		tb_spool_destroy(spool);
		return err;
	}
	return answer_spool(list, reader, spool);
}

static enum tb_err answer(const struct list *list, struct tb_reader *reader)
{
	char tag[TB_RESOURCES_ETAG_BYTES];
	struct tb_str etag;
	enum tb_err err = tb_reader_open(reader, &list->options);

	if (err)
		return err;
	etag = etag_of(list, reader->org.epoch, &reader->sight, reader->nums,
		       tag);
	if (tb_request_is_fresh(list->call.req, etag)) {
		answer_fresh(list, etag, reader->org.last_us);
		return TB_OK;
	}
	err = tb_reader_judge(reader);
	return err ? err : answer_records(list, reader);
}

void tb_resources_get_list(void *state, const struct tb_request *req,
			   struct tb_response *res)
{
	struct tb_reader reader = { .tx = NULL };
	struct list list;
	enum tb_err err;

	if (!open_list(&list, state, req, res))
		return;
	err = answer(&list, &reader);
	tb_reader_close(&reader);
	if (err == TB_ERR_RESYNC)
		tb_resources_fail_resync(res, req);
	else if (err)
		tb_resources_call_fail(&list.call, err);
	else
		tb_reader_remember(&reader);
}
