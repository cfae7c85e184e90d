/*
 * Sources of type `shopify`: the Admin REST API. A list is read along its
 * header Link; the filters stand in the first page's request alone, because the
 * link of the next one carries them. Of several collections one is read behind
 * the other: a product that is in two comes twice.
 *
 * Before the first record all handles are looked up, each for a page without
 * records, so that a shop's limit of requests, met on the way, costs nothing
 * that was found out.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "jobs/connectors/failure.h"
#include "jobs/connectors/paging.h"
#include "jobs/connectors/shopify_place.h"
#include "jobs/fetch/fetch.h"

#define TARGET_MAX_BYTES 8192

struct shopify {
	struct tb_connection base;
	struct tb_connector_task task;
	struct tb_source source; /* with the header of Shopify's tokens */
	struct tb_fetch *fetch;
	struct tb_shopify_place place;
};

/* What is passed along while one page is made. */
struct asking {
	struct shopify *shopify;
	struct tb_arena *arena;
	struct tb_connector_failure *ret_failure;
};

static void shopify_close(struct tb_connection *connection)
{
	struct shopify *shopify = (struct shopify *)connection;

	if (shopify == NULL)
		return;
	tb_fetch_destroy(shopify->fetch);
	tb_free(shopify);
}

static enum tb_err shopify_open(const struct tb_connector_task *task,
				struct tb_arena *arena, struct tb_str cursor,
				struct tb_connection **ret,
				struct tb_connector_failure *ret_failure)
{
	struct shopify *shopify = tb_calloc(1, sizeof(*shopify));
	enum tb_err err;

	TB_ASSERT(task->n_collections <= TB_SPEC_HANDLES_MAX);
	if (shopify == NULL)
		return tb_failure_of(ret_failure, TB_ERR_NOMEM);
	shopify->base.connector = &tb_connector_shopify;
	shopify->task = *task;
	shopify->source = *task->source;
	shopify->source.token_header = "X-Shopify-Access-Token";
	err = tb_shopify_place_read(arena, cursor, &shopify->place);
	if (err == TB_OK && shopify->place.n_ids > task->n_collections)
		err = TB_ERR_INVALID;
	if (err != TB_OK)
		tb_paging_cursor_fail(err, arena, ret_failure);
	if (err == TB_OK)
		err = tb_fetch_create(&shopify->source, arena, task->is_stopped,
				      &shopify->fetch, ret_failure);
	if (err != TB_OK) {
		shopify_close(&shopify->base);
		return err;
	}
	*ret = &shopify->base;
	return TB_OK;
}

/* ---- targets ---- */

/* The entity's path without its query: "products". */
static struct tb_str list_of(const struct shopify *shopify)
{
	struct tb_str rest = shopify->task.entity->path;

	return tb_str_cut(&rest, '?');
}

/* The last part of it, which is the answer's member, too. */
static struct tb_str member_of(struct tb_str list)
{
	const char *slash = memrchr(list.p, '/', list.n);

	return slash == NULL ? list
			     : tb_str(slash + 1,
				      list.n - (size_t)(slash - list.p) - 1);
}

/* Lists that can be asked for by collection. */
static bool has_collections(struct tb_str member)
{
	return tb_str_eq(member, TB_STR("products")) ||
	       tb_str_eq(member, TB_STR("collects"));
}

/* /admin/api/2024-01/products.json */
static void put_list(struct tb_buf *target, const struct shopify *shopify,
		     struct tb_str list)
{
	tb_buf_printf(target, "/admin/api/%s", shopify->source.api_version);
	tb_paging_put_path(target, list);
	tb_buf_append_z(target, ".json");
}

/* The filters of the configuration's path and of the job; `collection` empty:
 * none. */
static void put_filters(struct tb_buf *target, const struct shopify *shopify,
			struct tb_str collection)
{
	struct tb_str query = shopify->task.entity->path;

	(void)tb_str_cut(&query, '?');
	if (query.n > 0) {
		tb_buf_append_char(target, '?');
		tb_buf_append_str(target, query);
	}
	if (shopify->task.since.n > 0)
		tb_fetch_put_param(target, TB_STR("updated_at_min"),
				   shopify->task.since);
	if (collection.n > 0)
		tb_fetch_put_param(target, TB_STR("collection_id"), collection);
}

static enum tb_err ask(struct asking *asking, struct tb_buf *target,
		       bool may_miss, struct tb_fetch_answer *ret)
{
	struct tb_fetch_request request = { .may_miss = may_miss };
	enum tb_err err =
		tb_buf_copy_out(target, asking->arena, &request.target);

	if (err != TB_OK)
		return tb_failure_of(asking->ret_failure, err);
	return tb_fetch_send(asking->shopify->fetch, asking->arena, &request,
			     ret, asking->ret_failure);
}

/* ---- counting ---- */

/* How many there are; 0 where the shop does not say. */
static enum tb_err count(struct asking *asking, struct tb_str collection,
			 uint64_t *ret)
{
	const struct shopify *shopify = asking->shopify;
	struct tb_fetch_answer answer;
	struct tb_json json;
	struct tb_buf list, target;
	uint64_t n = 0;
	enum tb_err err;

	tb_buf_init(&list, TARGET_MAX_BYTES);
	tb_buf_append_str(&list, list_of(shopify));
	tb_buf_append_z(&list, "/count");
	tb_buf_init(&target, TARGET_MAX_BYTES);
	put_list(&target, shopify, tb_buf_str(&list));
	put_filters(&target, shopify, collection);
	if (tb_buf_err(&list) != TB_OK)
		target.err = tb_buf_err(&list);
	tb_buf_fini(&list);
	err = ask(asking, &target, true, &answer);
	if (err != TB_OK)
		return err;
	err = tb_json_parse(asking->arena, answer.body, NULL, &json, NULL);
	if (err == TB_ERR_NOMEM)
		return tb_failure_of(asking->ret_failure, err);
	if (err == TB_OK &&
	    tb_json_u64(tb_json_get(tb_json_root(&json), TB_STR("count")),
			&n) == TB_OK)
		*ret = n;
	else
		*ret = 0;
	return TB_OK;
}

/* ---- collections ---- */

static enum tb_err fail_answer(struct asking *asking, enum tb_err err)
{
	if (err == TB_ERR_NOMEM)
		return tb_failure_of(asking->ret_failure, err);
	return tb_failure_set(asking->ret_failure, asking->arena,
			      TB_ERR_INVALID, "answer_invalid", true,
			      "the answer is no list of collections");
}

/* The id of the one that has the handle; empty: none has. A shop that does not
 * know the filter sends others, too. */
static enum tb_err find_id(struct tb_json_value list, struct tb_str handle,
			   struct tb_str *ret)
{
	struct tb_json_iter it = tb_json_iter(list);
	uint64_t id;

	if (!tb_json_is(list, TB_JSON_ARRAY))
		return TB_ERR_INVALID;
	*ret = TB_STR_NONE;
	while (tb_json_next(&it)) {
		struct tb_json_value value =
			tb_json_get(it.value, TB_STR("id"));

		if (!tb_json_string_is(tb_json_get(it.value, TB_STR("handle")),
				       handle))
			continue;
		if (tb_json_u64(value, &id) != TB_OK)
			return TB_ERR_INVALID;
		*ret = tb_json_raw(value);
		return TB_OK;
	}
	return TB_OK;
}

/* Of one of the two kinds; empty: there is none. */
static enum tb_err look_up(struct asking *asking, struct tb_str kind,
			   struct tb_str handle, struct tb_str *ret)
{
	struct tb_fetch_answer answer;
	struct tb_json json;
	struct tb_buf target;
	enum tb_err err;

	tb_buf_init(&target, TARGET_MAX_BYTES);
	put_list(&target, asking->shopify, kind);
	tb_fetch_put_param(&target, TB_STR("handle"), handle);
	err = ask(asking, &target, false, &answer);
	if (err != TB_OK)
		return err;
	err = tb_json_parse(asking->arena, answer.body, NULL, &json, NULL);
	if (err == TB_OK)
		err = find_id(tb_json_get(tb_json_root(&json), kind), handle,
			      ret);
	return err == TB_OK ? err : fail_answer(asking, err);
}

/* What was found out stays, whatever happens with the next. */
static enum tb_err resolve(struct asking *asking, struct tb_str handle)
{
	struct tb_shopify_place *place = &asking->shopify->place;
	struct tb_str id = TB_STR_NONE;
	uint64_t n = 0;
	enum tb_err err =
		look_up(asking, TB_STR("custom_collections"), handle, &id);

	if (err == TB_OK && id.n == 0)
		err = look_up(asking, TB_STR("smart_collections"), handle, &id);
	if (err == TB_OK && id.n == 0)
		return tb_failure_set(asking->ret_failure, asking->arena,
				      TB_ERR_NOT_FOUND, "collection_unknown",
				      false,
				      "there is no collection of the handle "
				      "%.*s",
				      TB_STR_ARG(handle));
	if (err == TB_OK)
		err = count(asking, id, &n);
	if (err != TB_OK)
		return err;
	if (tb_shopify_place_add(place, id) != TB_OK)
		return fail_answer(asking, TB_ERR_INVALID);
	place->total += n;
	return TB_OK;
}

/* ---- pages ---- */

static struct tb_str collection_of(const struct tb_shopify_place *place)
{
	return place->n_ids > 0 ? tb_str_z(place->ids[place->at]) : TB_STR_NONE;
}

static void put_page(struct tb_buf *target, const struct shopify *shopify)
{
	struct tb_str next = tb_place_next(&shopify->place.place);

	if (next.n > 0) {
		tb_buf_append_str(target, next);
		return;
	}
	put_list(target, shopify, list_of(shopify));
	put_filters(target, shopify, collection_of(&shopify->place));
	tb_fetch_put_number(target, TB_STR("limit"), shopify->source.page_size);
}

/* Behind a page of `n` records: the next one, the next collection's first, or
 * the end. */
static enum tb_err go_on(struct asking *asking,
			 const struct tb_fetch_answer *answer, size_t n,
			 struct tb_shopify_place *place)
{
	struct tb_str next;
	enum tb_err err =
		tb_fetch_next_link(asking->shopify->fetch, asking->arena,
				   answer, &next, asking->ret_failure);

	if (err != TB_OK)
		return err;
	if (next.n > 0)
		return tb_place_go_on(&place->place, asking->arena, n, next,
				      next, asking->ret_failure);
	if (place->at + 1 < place->n_ids) {
		place->at++;
		tb_place_begin_series(&place->place, n);
	} else {
		tb_place_end(&place->place, n);
	}
	return TB_OK;
}

static enum tb_err read_page(struct asking *asking,
			     struct tb_shopify_place *place,
			     struct tb_connector_page *page)
{
	struct shopify *shopify = asking->shopify;
	struct tb_envelope_form form = { .items = member_of(list_of(shopify)) };
	struct tb_records records;
	struct tb_envelope envelope;
	struct tb_fetch_answer answer;
	struct tb_buf target;
	enum tb_err err;

	tb_buf_init(&target, TARGET_MAX_BYTES);
	put_page(&target, shopify);
	err = ask(asking, &target, false, &answer);
	if (err == TB_OK)
		err = tb_paging_cut(asking->arena, shopify->task.entity,
				    answer.body, &form, &records, &envelope,
				    asking->ret_failure);
	if (err == TB_OK)
		err = go_on(asking, &answer, records.n, place);
	if (err != TB_OK)
		return err;
	page->records = records.list;
	page->n = records.n;
	return TB_OK;
}

/* What has to be known before the first page. `*ret_ready`: it is. */
static enum tb_err prepare(struct asking *asking, bool *ret_ready)
{
	struct shopify *shopify = asking->shopify;
	struct tb_shopify_place *place = &shopify->place;
	enum tb_err err = TB_OK;

	if (place->n_ids < shopify->task.n_collections)
		err = resolve(asking, shopify->task.collections[place->n_ids]);
	*ret_ready = place->n_ids == shopify->task.n_collections;
	if (err != TB_OK || place->is_counted || place->n_ids > 0)
		return err;
	err = count(asking, TB_STR_NONE, &place->total);
	place->is_counted = err == TB_OK;
	return err;
}

static enum tb_err shopify_next(struct tb_connection *connection,
				struct tb_arena *arena,
				struct tb_connector_page *ret,
				struct tb_connector_failure *ret_failure)
{
	struct shopify *shopify = (struct shopify *)connection;
	struct asking asking = { shopify, arena, ret_failure };
	struct tb_connector_page page = { 0 };
	struct tb_shopify_place place;
	bool is_ready = false;
	enum tb_err err = TB_OK;

	/* An order, say, is in no collection. */
	if (shopify->task.n_collections > 0 &&
	    !has_collections(member_of(list_of(shopify))))
		shopify->place.place.is_done = true;
	if (!shopify->place.place.is_done)
		err = prepare(&asking, &is_ready);
	if (err != TB_OK)
		return err;
	place = shopify->place;
	if (is_ready)
		err = read_page(&asking, &place, &page);
	if (err == TB_OK)
		err = tb_shopify_place_put(&place, arena, &page.cursor,
					   ret_failure);
	if (err != TB_OK)
		return err;
	page.position = place.place.read;
	page.total = is_ready ? place.total : 0;
	page.is_last = place.place.is_done;
	shopify->place = place;
	*ret = page;
	return TB_OK;
}

const struct tb_connector tb_connector_shopify = {
	.type = "shopify",
	.has_handles = true,
	.open = shopify_open,
	.next = shopify_next,
	.close = shopify_close,
};
