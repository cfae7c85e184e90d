/*
 * Entity tags (RFC 9110, sections 8.8.3 and 13.1). Pure.
 */
#ifndef TB_HTTP_ETAG_H
#define TB_HTTP_ETAG_H

#include <stdbool.h>

#include "http/request.h"

/* True if a list of tags, as in If-None-Match, has this one (`*` has any), by
 * the weak comparison. `etag` with its quotes, with or without W/. A list that
 * is none matches nothing. */
bool tb_etag_list_has(struct tb_str list, struct tb_str etag);
/* True if the client has said that it holds this state of a resource that it
 * reads (If-None-Match on GET or HEAD): it is answered 304. */
bool tb_request_is_fresh(const struct tb_request *req, struct tb_str etag);
/* True if If-Match lets a request be done on what is there and has this tag:
 * by the strong comparison, which no weak tag passes; `*` takes whatever is
 * there. `etag.p` NULL: nothing is there, and nothing matches. A list that is
 * none matches nothing. `ret_has`: the request has an If-Match at all; without
 * one it is true. */
bool tb_request_matches(const struct tb_request *req, struct tb_str etag,
			bool *ret_has);

#endif
