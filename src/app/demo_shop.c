#include "app/demo_shop.h"

#include "app/demo_shop_query.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "http/server.h"

#define WORKERS 4
#define CONNECTIONS_MAX 256
#define DRAIN_MS 1000
#define PAGE_MAX_BYTES (4 * 1024 * 1024)
#define LINK_MAX_BYTES 4096
#define SMALL_MAX_BYTES 4096

struct tb_demo_shop {
	struct tb_demo_shop_options options;
	struct tb_mount mount;
	struct tb_server *server;
};

/* ---- answers ---- */

/* False: it has been answered. */
static bool is_admitted(const struct tb_demo_shop *shop,
			const struct tb_request *req, struct tb_response *res)
{
	struct tb_str token = tb_request_header(req, "X-Shopify-Access-Token");

	if (tb_str_eq(token, shop->options.token))
		return true;
	tb_response_error(res, req, 401, NULL,
			  TB_STR("the access token is missing or wrong"));
	return false;
}

static bool read_query(const struct tb_demo_shop *shop,
		       const struct tb_request *req, struct tb_response *res,
		       enum tb_goods_kind kind, struct tb_shop_query *ret)
{
	const char *problem = NULL;
	enum tb_err err = tb_shop_query_read(req, kind, shop->options.products,
					     ret, &problem);

	if (err == TB_ERR_INVALID)
		tb_response_error(res, req, 400, NULL, tb_str_z(problem));
	else if (err)
		tb_response_fail(res, req, err);
	return err == TB_OK;
}

/* `<...?limit=...&page_info=...>; rel="..."`. */
static void put_link(struct tb_buf *buf, const struct tb_request *req,
		     enum tb_goods_kind kind, const struct tb_shop_query *page,
		     const char *rel)
{
	if (buf->n > 0)
		tb_buf_append_z(buf, ", ");
	tb_buf_printf(buf, "<http://%.*s%.*s?limit=%llu&page_info=",
		      TB_STR_ARG(tb_request_header(req, "Host")),
		      TB_STR_ARG(req->path), (unsigned long long)page->limit);
	tb_shop_query_put_page(buf, kind, page);
	tb_buf_printf(buf, ">; rel=\"%s\"", rel);
}

/* Where the pages before and behind one are. */
static enum tb_err put_links(struct tb_response *res,
			     const struct tb_request *req,
			     enum tb_goods_kind kind,
			     const struct tb_shop_query *page)
{
	struct tb_shop_query other = *page;
	uint64_t length = page->limit * page->run.step;
	struct tb_buf links;
	enum tb_err err = TB_OK;

	tb_buf_init(&links, LINK_MAX_BYTES);
	if (page->run.next > page->first) {
		other.run.next = page->run.next - page->first > length
					 ? page->run.next - length
					 : page->first;
		put_link(&links, req, kind, &other, "previous");
	}
	if (tb_goods_count(&page->run) > page->limit) {
		other.run.next = page->run.next + length;
		put_link(&links, req, kind, &other, "next");
	}
	if (links.n > 0)
		err = tb_buf_err(&links);
	if (!err && links.n > 0)
		err = tb_response_header(res, "Link", tb_buf_str(&links));
	tb_buf_fini(&links);
	return err;
}

static void put_records(const struct tb_demo_shop *shop, struct tb_buf *body,
			enum tb_goods_kind kind,
			const struct tb_shop_query *page)
{
	struct tb_json_writer w = tb_json_writer(body);
	uint64_t number = page->run.next;

	tb_json_begin_object(&w);
	tb_json_key(&w, tb_str_z(tb_goods_names[kind]));
	tb_json_begin_array(&w);
	for (uint64_t i = 0; i < page->limit && number < page->run.end; i++) {
		tb_goods_put(&w, kind, number, shop->options.products);
		number += page->run.step;
	}
	tb_json_end_array(&w);
	tb_json_end_object(&w);
}

static void answer_list(const struct tb_demo_shop *shop,
			const struct tb_request *req, struct tb_response *res,
			enum tb_goods_kind kind)
{
	struct tb_shop_query page;
	struct tb_buf body;
	enum tb_err err;

	if (!is_admitted(shop, req, res) ||
	    !read_query(shop, req, res, kind, &page))
		return;
	err = put_links(res, req, kind, &page);
	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	tb_buf_init(&body, PAGE_MAX_BYTES);
	put_records(shop, &body, kind, &page);
	tb_response_written(res, req, 200, TB_JSON_UTF8_TYPE, &body);
}

static void answer_count(const struct tb_demo_shop *shop,
			 const struct tb_request *req, struct tb_response *res,
			 enum tb_goods_kind kind)
{
	struct tb_shop_query query;
	struct tb_buf body;

	if (!is_admitted(shop, req, res) ||
	    !read_query(shop, req, res, kind, &query))
		return;
	tb_buf_init(&body, SMALL_MAX_BYTES);
	tb_buf_printf(&body, "{\"count\":%llu}",
		      (unsigned long long)tb_goods_count(&query.run));
	tb_response_written(res, req, 200, TB_JSON_UTF8_TYPE, &body);
}

/* Those that were made by hand, or by a rule; of one handle if it is asked for.
 */
static void answer_collections(const struct tb_demo_shop *shop,
			       const struct tb_request *req,
			       struct tb_response *res, const char *name,
			       bool is_smart)
{
	struct tb_str handle = TB_STR_NONE;
	struct tb_buf body;
	struct tb_json_writer w = tb_json_writer(&body);

	if (!is_admitted(shop, req, res))
		return;
	if (tb_request_query(req, "handle", &handle)) {
		tb_response_error(res, req, 400, NULL,
				  TB_STR("handle is not valid"));
		return;
	}
	tb_buf_init(&body, SMALL_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_key(&w, tb_str_z(name));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < tb_goods_collections_count; i++) {
		const struct tb_goods_collection *c = &tb_goods_collections[i];

		if (c->is_smart == is_smart &&
		    (!handle.p || tb_str_eq(handle, tb_str_z(c->handle))))
			tb_goods_put_collection(&w, c);
	}
	tb_json_end_array(&w);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_UTF8_TYPE, &body);
}

/* ---- routes ---- */

#define HANDLERS(name, kind)                                                   \
	static void list_##name(void *state, const struct tb_request *req,     \
				struct tb_response *res)                       \
	{                                                                      \
		answer_list(state, req, res, kind);                            \
	}                                                                      \
	static void count_##name(void *state, const struct tb_request *req,    \
				 struct tb_response *res)                      \
	{                                                                      \
		answer_count(state, req, res, kind);                           \
	}
HANDLERS(products, TB_GOODS_PRODUCTS)
HANDLERS(customers, TB_GOODS_CUSTOMERS)
HANDLERS(orders, TB_GOODS_ORDERS)

static void custom_collections(void *state, const struct tb_request *req,
			       struct tb_response *res)
{
	answer_collections(state, req, res, "custom_collections", false);
}

static void smart_collections(void *state, const struct tb_request *req,
			      struct tb_response *res)
{
	answer_collections(state, req, res, "smart_collections", true);
}

#define ROUTE(behind, function)                                                \
	{                                                                      \
		.method = TB_GET, .path = "/{version}/" behind,                \
		.who = TB_WHO_ANYONE, .handler = (function)                    \
	}
static const struct tb_route routes[] = {
	ROUTE("products.json", list_products),
	ROUTE("products/count.json", count_products),
	ROUTE("customers.json", list_customers),
	ROUTE("customers/count.json", count_customers),
	ROUTE("orders.json", list_orders),
	ROUTE("orders/count.json", count_orders),
	ROUTE("custom_collections.json", custom_collections),
	ROUTE("smart_collections.json", smart_collections),
};

static void put_error(struct tb_buf *buf, const struct tb_request *req,
		      const struct tb_http_error *error)
{
	struct tb_json_writer w = tb_json_writer(buf);

	(void)req;
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "errors", error->message);
	tb_json_end_object(&w);
}

/* Who calls is said by a header of this API's own, so that the server itself
 * never refuses credentials. */
static void refuse(const struct tb_request *req, struct tb_response *res,
		   const struct tb_auth_result *result)
{
	(void)result;
	tb_response_error(res, req, 401, NULL, TB_STR("not authenticated"));
}

static const char *const prefixes[] = { "/admin/api", NULL };

static const struct tb_api api = {
	.name = "demo_shop",
	.prefixes = prefixes,
	.routes = routes,
	.n_routes = TB_ARRAY_LEN(routes),
	.put_error = put_error,
	.refuse = refuse,
};

/* ---- its life ---- */

enum tb_err tb_demo_shop_start(const struct tb_demo_shop_options *options,
			       struct tb_demo_shop **ret)
{
	struct tb_server_options server = tb_server_default_options;
	struct tb_demo_shop *shop = tb_calloc(1, sizeof(*shop));
	enum tb_err err;

	if (!shop)
		return TB_ERR_NOMEM;
	server.listen = options->listen;
	server.workers = WORKERS;
	server.connections_max = CONNECTIONS_MAX;
	server.drain_timeout_ms = DRAIN_MS;
	server.loopback_only = true;
	shop->options = *options;
	shop->mount = (struct tb_mount) { .api = &api, .state = shop };
	err = tb_server_start(&server, NULL, &shop->mount, 1, &shop->server);
	if (err) {
		tb_free(shop);
		return err;
	}
	*ret = shop;
	return TB_OK;
}

void tb_demo_shop_stop(struct tb_demo_shop *shop)
{
	if (!shop)
		return;
	tb_server_stop(shop->server);
	tb_free(shop);
}

void tb_demo_shop_put_url(struct tb_buf *buf, const struct tb_demo_shop *shop)
{
	tb_server_put_url(buf, shop->server);
}
