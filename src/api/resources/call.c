#include "api/resources/call.h"

#include "api/resources/errors.h"
#include "codec/time.h"

#define US_PER_S 1000000ll
#define AHEAD_US (300 * US_PER_S)
#define TIME_MAX_BYTES 40

/* "A collection may ask for younger tokens than others (`max_token_age`): an
 * older one is 401 as an expired one is." */
bool tb_resources_is_token_young(const struct tb_collection *collection,
				 const struct tb_principal *principal,
				 int64_t now_us)
{
	int64_t max_age_s = collection->max_token_age_s;

	return max_age_s == 0 ||
	       now_us < (principal->issued_s + max_age_s) * US_PER_S;
}

const struct tb_layout *
tb_resources_find_layout(const struct tb_resources *resources,
			 struct tb_str path)
{
	const struct tb_declaration *declaration =
		tb_core_declaration(resources->core);
	const struct tb_collection *found =
		tb_declaration_find_path(declaration, path);

	return found ? resources->layouts[found - declaration->collections]
		     : NULL;
}

bool tb_resources_call_open(struct tb_resources_call *call, void *state,
			    const struct tb_request *req,
			    struct tb_response *res)
{
	struct tb_resources *resources = state;
	const struct tb_layout *layout =
		tb_resources_find_layout(resources, req->params[0]);

	*call = (struct tb_resources_call) {
		.resources = resources,
		.req = req,
		.res = res,
		.layout = layout,
	};
	if (!layout) {
		tb_resources_fail(res, req, 404,
				  TB_STR(TB_RESOURCES_NOT_FOUND));
		return false;
	}
	call->collection = layout->collection;
	if (!tb_resources_is_token_young(call->collection, req->principal,
					 req->now_us)) {
		tb_resources_fail_401(res, req, TB_RESOURCES_BAD_TOKEN,
				      TB_RESOURCES_TOKEN_CODE);
		return false;
	}
	return true;
}

void tb_resources_call_fail(const struct tb_resources_call *call,
			    enum tb_err err)
{
	tb_response_fail(call->res, call->req, err);
}

int64_t tb_resources_latest_us(int64_t now_us, int64_t last_change_us)
{
	return (last_change_us > now_us ? last_change_us : now_us) + AHEAD_US;
}

enum tb_err tb_resources_put_headers(const struct tb_resources_call *call,
				     struct tb_str etag)
{
	struct tb_response *res = call->res;
	enum tb_err err = tb_response_header(res, "X-Sync-Strategy",
					     call->resources->strategy);

	if (!err)
		err = tb_response_header(res, "ETag", etag);
	if (!err)
		err = tb_response_header(res, "Cache-Control",
					 TB_STR("private, no-cache"));
	if (!err)
		err = tb_response_header(res, "Vary",
					 TB_STR("Accept, Authorization"));
	return err;
}

enum tb_err tb_resources_put_last_sync(const struct tb_resources_call *call,
				       int64_t us)
{
	char text[TIME_MAX_BYTES];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	tb_time_put(&buf, us);
	return tb_response_header(call->res, "X-Last-Sync", tb_buf_str(&buf));
}
