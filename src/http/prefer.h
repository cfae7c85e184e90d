/*
 * The Prefer header (RFC 7240): what a client would like, and may not get.
 * Pure.
 */
#ifndef TB_HTTP_PREFER_H
#define TB_HTTP_PREFER_H

#include <stdbool.h>

#include "http/request.h"

enum tb_prefer {
	TB_PREFER_MINIMAL = 1,        /* return=minimal */
	TB_PREFER_LENIENT = 2,        /* handling=lenient */
	TB_PREFER_REPRESENTATION = 4, /* return=representation */
};

/* A mask of what the request's Prefer headers ask for. Of a preference that
 * is named twice the first counts; unknown ones and what cannot be read are
 * passed over, as the RFC says. */
unsigned tb_request_prefers(const struct tb_request *req);

#endif
