/*
 * One call of the resources API about a collection: what every handler begins
 * with. Lives on the handler's stack.
 */
#ifndef TB_API_RESOURCES_CALL_H
#define TB_API_RESOURCES_CALL_H

#include "api/resources/layout.h"
#include "api/resources/state.h"
#include "http/response.h"
#include "kernel/sight.h"

struct tb_resources_call {
	struct tb_resources *resources;
	const struct tb_request *req;
	struct tb_response *res;
	const struct tb_collection *collection;
	const struct tb_layout *layout;
};

/* Finds the collection that the path names. False: it is answered (404; 401
 * for a token that is too old for this collection). Never blocks. */
bool tb_resources_call_open(struct tb_resources_call *call, void *state,
			    const struct tb_request *req,
			    struct tb_response *res);
/* How the collection that a path names is written; NULL: there is none. */
const struct tb_layout *
tb_resources_find_layout(const struct tb_resources *resources,
			 struct tb_str path);
/* False: the caller's token is too old for this collection. */
bool tb_resources_is_token_young(const struct tb_collection *collection,
				 const struct tb_principal *principal,
				 int64_t now_us);
/* Answers what an error means; NOT_FOUND is 404 in this API's words. */
void tb_resources_call_fail(const struct tb_resources_call *call,
			    enum tb_err err);

/* Later times are in the future: five minutes behind the clock and the org's
 * last change. */
int64_t tb_resources_latest_us(int64_t now_us, int64_t last_change_us);

/* Headers of every answer with records in it. */
enum tb_err tb_resources_put_headers(const struct tb_resources_call *call,
				     struct tb_str etag) tb_must_check;
/* X-Last-Sync */
enum tb_err tb_resources_put_last_sync(const struct tb_resources_call *call,
				       int64_t us) tb_must_check;

#endif
