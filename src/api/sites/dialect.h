/*
 * The API's two dialects. A request with a `version` header is answered in the
 * one that open-mSupply's remote servers speak, any other in the plain one;
 * they differ in the members' names and in what surrounds the records. Pure.
 */
#ifndef TB_API_SITES_DIALECT_H
#define TB_API_SITES_DIALECT_H

#include "http/request.h"

enum tb_sites_dialect {
	TB_SITES_PLAIN,
	TB_SITES_VERSIONED,
};

/* The version of the versioned dialect that is spoken here. */
#define TB_SITES_VERSION_MAJOR 5
#define TB_SITES_VERSION_MINOR 0

/* The dialect of a request. UNSUPPORTED: its `version` is none: digits, with
 * further ones behind points ("5", "2.1.0"). */
enum tb_err tb_sites_dialect_of(const struct tb_request *req,
				enum tb_sites_dialect *ret) tb_must_check;

#endif
