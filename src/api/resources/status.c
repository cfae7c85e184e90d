/*
 * How to sync, and with what: GET sync/status, made from the declaration and
 * the settings.
 */
#include "api/resources/handlers.h"
#include "api/resources/state.h"
#include "codec/json.h"

#define ANSWER_MAX_BYTES ((size_t)1 << 20)

static void put_strategy(struct tb_json_writer *w,
			 const struct tb_resources_options *options)
{
	tb_json_key(w, TB_STR("sync_strategy"));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "strategy", tb_str_z(options->strategy));
	tb_json_kv_str(w, "description",
		       tb_str_z(options->strategy_description));
	tb_json_kv_str(w, "conflict_handling",
		       tb_str_z(options->strategy_conflicts));
	tb_json_kv_str(w, "resolution", tb_str_z(options->strategy_resolution));
	tb_json_end_object(w);
}

/* True if a collection before this one, or this one before its filter `n`, has
 * a filter of that name. */
static bool is_told(const struct tb_declaration *declaration,
		    const struct tb_collection *collection, size_t n)
{
	struct tb_str name = collection->filters[n].field;

	for (const struct tb_collection *c = declaration->collections;
	     c <= collection; c++)
		for (size_t i = 0; i < (c == collection ? n : c->n_filters);
		     i++)
			if (c->path.p && tb_str_eq(c->filters[i].field, name))
				return true;
	return false;
}

static void put_parameters(struct tb_json_writer *w,
			   const struct tb_resources_options *options,
			   const struct tb_declaration *declaration)
{
	tb_json_key(w, TB_STR("supported_parameters"));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "last_sync_timestamp",
		       tb_str_z(options->timestamp_doc));
	for (size_t i = 0; i < declaration->n_collections; i++) {
		const struct tb_collection *c = &declaration->collections[i];

		for (size_t j = 0; c->path.p && j < c->n_filters; j++) {
			if (is_told(declaration, c, j))
				continue;
			tb_json_key(w, c->filters[j].field);
			tb_json_str(w, c->filters[j].doc);
		}
	}
	tb_json_end_object(w);
}

static void put_endpoints(struct tb_json_writer *w,
			  const struct tb_declaration *declaration)
{
	char text[256];

	tb_json_key(w, TB_STR("sync_endpoints"));
	tb_json_begin_object(w);
	for (size_t i = 0; i < declaration->n_collections; i++) {
		const struct tb_collection *c = &declaration->collections[i];
		struct tb_buf path;

		if (!c->path.p)
			continue;
		tb_buf_init_fixed(&path, text, sizeof(text));
		tb_buf_append_z(&path, "/api/");
		tb_buf_append_str(&path, c->path);
		tb_buf_append_z(&path, "/sync/");
		tb_json_key(w, c->name);
		tb_json_str(w, tb_buf_str(&path));
	}
	tb_json_end_object(w);
}

static void put_headers(struct tb_json_writer *w)
{
	tb_json_key(w, TB_STR("headers"));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "X-Last-Sync", TB_STR("Server time for next sync"));
	tb_json_kv_str(w, "X-Records-Synced",
		       TB_STR("Number of records returned"));
	tb_json_kv_str(w, "ETag",
		       TB_STR("For conditional requests (If-None-Match)"));
	tb_json_kv_str(w, "X-Sync-Strategy",
		       TB_STR("Conflict resolution approach"));
	tb_json_end_object(w);
}

static void put_conflicts(struct tb_json_writer *w,
			  const struct tb_resources_options *options)
{
	tb_json_key(w, TB_STR("conflict_handling"));
	tb_json_begin_object(w);
	tb_json_kv_str(w, "strategy", tb_str_z(options->strategy));
	tb_json_kv_str(w, "error_code", TB_STR("STALE_UPDATE"));
	tb_json_kv_int(w, "http_status", 409);
	tb_json_kv_str(w, "suggested_action", TB_STR("REFRESH"));
	tb_json_end_object(w);
}

bool tb_resources_get_status(void *state, const struct tb_request *req,
			     struct tb_response *res)
{
	const struct tb_resources *resources = state;
	const struct tb_declaration *declaration =
		tb_core_declaration(resources->core);
	struct tb_json_writer w;
	struct tb_buf body;

	tb_buf_init(&body, ANSWER_MAX_BYTES);
	w = tb_json_writer(&body);
	tb_json_begin_object(&w);
	tb_json_kv_time(&w, "server_time", req->now_us);
	put_strategy(&w, resources->options);
	put_parameters(&w, resources->options, declaration);
	put_endpoints(&w, declaration);
	put_headers(&w);
	put_conflicts(&w, resources->options);
	tb_json_end_object(&w);
	tb_response_written(res, req, 200, TB_JSON_TYPE, &body);
	return true;
}
