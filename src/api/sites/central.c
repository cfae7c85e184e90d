/*
 * The central feed by cursor: GET central_records. A page is the same for
 * every site, so it is rendered once and then answered from memory.
 */
#include "api/sites/call.h"
#include "api/sites/handlers.h"
#include "api/sites/page.h"
#include "api/sites/query.h"
#include "api/sites/reader.h"
#include "codec/gzip.h"

#define GZIP_LEVEL 1

/* What is asked, and where the feed ends. */
struct asked {
	const struct tb_sites_call *call;
	struct tb_page_key key;
	struct tb_page_tag tag;
	uint64_t reader_floor; /* the site's own */
};

/* The heads are read before any snapshot: a page is never older than what it
 * is tagged with. */
static enum tb_err read_asked(const struct tb_sites_call *call,
			      struct asked *ret)
{
	struct tb_sites_query query;
	struct tb_heads heads;
	enum tb_err err =
		tb_sites_query_read(call->req, call->sites->options, &query);

	if (!err)
		err = tb_core_heads(call->sites->core, call->site->org, &heads);
	if (err)
		return err;
	*ret = (struct asked) {
		.call = call,
		.key = { .epoch = heads.epoch,
			 .cursor = query.cursor,
			 .org = call->site->org,
			 .limit = query.limit,
			 .dialect = call->dialect,
			 .takes_gzip = tb_request_accepts_gzip(call->req) },
		.tag = { .head = heads.dense[TB_DENSE_CENTRAL],
			 .floor = heads.floor[TB_DENSE_CENTRAL] },
	};
	return TB_OK;
}

static void init_page(const struct asked *asked, struct tb_page *page)
{
	const struct tb_sites_options *options = asked->call->sites->options;
	struct tb_page_options form = {
		.form = asked->key.dialect == TB_SITES_PLAIN ? TB_PAGE_PLAIN
							     : TB_PAGE_CENTRAL,
		.central_site_id = options->central_site_id,
		.max_bytes = options->page_max_bytes,
	};

	tb_page_init(page, &form);
}

/* Takes over the reference to the page. */
static void answer(const struct asked *asked, const struct tb_page_body *page)
{
	const struct tb_sites_call *call = asked->call;

	tb_sites_reader_note(call, asked->key.cursor, asked->reader_floor);
	if (page->hint > 0)
		tb_sites_call_hint(call, page->hint);
	tb_response_blob(call->res, 200, TB_JSON_TYPE, page->blob,
			 page->is_gzip);
}

/* "At the head: `[]`", which is what most sites are told most of the time. */
static bool answer_at_head(const struct asked *asked)
{
	const struct tb_sites_call *call = asked->call;
	struct tb_page page;

	if (asked->key.cursor != asked->tag.head)
		return false;
	init_page(asked, &page);
	if (tb_page_finish(&page, asked->key.cursor)) {
		tb_page_fini(&page);
		return false;
	}
	tb_sites_reader_note(call, asked->key.cursor, asked->reader_floor);
	tb_sites_call_answer(call, &page.buf);
	tb_page_fini(&page);
	return true;
}

static bool find_cached(const struct asked *asked, bool takes_gzip,
			struct tb_page_body *ret)
{
	struct tb_page_key key = asked->key;

	key.takes_gzip = takes_gzip;
	return tb_page_cache_get(asked->call->sites->cache, &key, &asked->tag,
				 ret);
}

static void keep(const struct asked *asked, bool takes_gzip,
		 const struct tb_page_body *page)
{
	struct tb_page_key key = asked->key;

	key.takes_gzip = takes_gzip;
	tb_page_cache_put(asked->call->sites->cache, &key, &asked->tag, page);
}

bool tb_sites_get_central_quick(void *state, const struct tb_request *req,
				struct tb_response *res)
{
	struct tb_sites_call call;
	struct tb_page_body page;
	struct asked asked;

	if (!tb_sites_call_begin_quick(state, req, res, &call) ||
	    read_asked(&call, &asked) ||
	    !tb_sites_reader_is_known(&call, asked.key.cursor, asked.tag.floor,
				      &asked.reader_floor))
		return false;
	if (answer_at_head(&asked))
		return true;
	if (!find_cached(&asked, asked.key.takes_gzip, &page))
		return false;
	answer(&asked, &page);
	return true;
}

static enum tb_err read_rows(const struct asked *asked, struct tb_page *page,
			     struct tb_central_page *ret)
{
	const struct tb_sites_call *call = asked->call;
	struct tb_delivery_reader reader = {
		.core = call->sites->core,
		.arena = call->req->arena,
		.org = call->site->org,
		.take = tb_page_take,
		.ctx = page,
		.central_floor = asked->reader_floor,
	};
	enum tb_err err = tb_core_read(reader.core, &reader.tx);

	if (err)
		return err;
	err = tb_delivery_central(&reader, asked->key.cursor, asked->key.limit,
				  asked->key.dialect == TB_SITES_VERSIONED,
				  ret);
	tb_core_read_end(reader.tx);
	return err;
}

static enum tb_err render(const struct asked *asked, struct tb_page_body *ret)
{
	struct tb_central_page central;
	struct tb_blob *blob = NULL;
	struct tb_page page;
	enum tb_err err;

	init_page(asked, &page);
	err = read_rows(asked, &page, &central);
	/* "N is never below the cursor asked, and an empty page means N
	 * equals the cursor" */
	if (!err)
		err = tb_page_finish(&page, page.n > 0 ? central.head
						       : asked->key.cursor);
	if (!err) {
		blob = tb_blob_create(&page.buf);
		err = blob ? TB_OK : TB_ERR_NOMEM;
	}
	if (!err)
		*ret = (struct tb_page_body) {
			.blob = blob,
			.hint = page.is_cut ? page.n : 0,
		};
	tb_page_fini(&page);
	return err;
}

/* The page as a client that takes gzip gets it, with a reference of its own:
 * compressed if that makes it smaller. */
static struct tb_page_body pack(const struct tb_page_body *page)
{
	struct tb_str text = tb_blob_str(page->blob);
	struct tb_page_body packed = *page;
	struct tb_buf buf;

	packed.blob = NULL;
	tb_buf_init(&buf, text.n);
	if (text.n >= TB_COMPRESS_MIN_BYTES &&
	    !tb_gzip_compress(text, GZIP_LEVEL, &buf))
		packed.blob = tb_blob_create(&buf);
	packed.is_gzip = packed.blob != NULL;
	if (!packed.blob)
		packed.blob = tb_blob_ref(page->blob);
	tb_buf_fini(&buf);
	return packed;
}

static enum tb_err make(const struct asked *asked, struct tb_page_body *ret)
{
	struct tb_page_body page, packed;
	enum tb_err err;

	if (!find_cached(asked, false, &page)) {
		err = render(asked, &page);
		if (err)
			return err;
		keep(asked, false, &page);
	}
	*ret = page;
	if (!asked->key.takes_gzip)
		return TB_OK;
	packed = pack(&page);
	tb_blob_unref(page.blob);
	keep(asked, true, &packed);
	*ret = packed;
	return TB_OK;
}

void tb_sites_get_central(void *state, const struct tb_request *req,
			  struct tb_response *res)
{
	struct tb_sites_call call;
	struct tb_page_body page;
	struct asked asked;
	enum tb_err err;

	if (!tb_sites_call_begin(state, req, res, &call))
		return;
	err = read_asked(&call, &asked);
	if (!err)
		err = tb_sites_reader_admit(&call, asked.key.cursor,
					    asked.tag.floor,
					    &asked.reader_floor);
	if (!err && !find_cached(&asked, asked.key.takes_gzip, &page))
		err = make(&asked, &page);
	if (err)
		tb_sites_call_fail(&call, err);
	else
		answer(&asked, &page);
}
