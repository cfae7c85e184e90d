/*
 * What the text of a setting may be. Pure.
 */
#ifndef TB_APP_CHECK_H
#define TB_APP_CHECK_H

#include <stdbool.h>

#include "base/str.h"

bool tb_check_not_empty(struct tb_str text);
/* "127.0.0.1:8000", "[::1]:0"; an address, not a name. */
bool tb_check_listen(struct tb_str text);
/* "10.0.0.0/8", "::1/128"; an address alone is itself. */
bool tb_check_cidr(struct tb_str text);
/* "https://example.org", "http://localhost:3000": scheme, host and port,
 * without a path, never "*". */
bool tb_check_origin(struct tb_str text);
/* "pharmacy-inventory": where a collection of the resources API may be. */
bool tb_check_resource_path(struct tb_str text);
/* A name in stores.def. */
bool tb_check_store_engine(struct tb_str text);

/* What jobs call a source or an entity. */
#define TB_CHECK_WORD "letters, digits, -, _ and ., 64 at most"
bool tb_check_word(struct tb_str text);
/* Where a source's server is. */
#define TB_CHECK_SOURCE_URL                                                    \
	"a URL as https://shop.example.org (http on loopback alone), without " \
	"a user, a query or a fragment"
bool tb_check_source_url(struct tb_str text);
/* The path of a folder without a part `..`. */
bool tb_check_folder(struct tb_str text);
/* A path below another, of a file and of a URL: it begins with no slash and has
 * no part `..`, and a file's no empty one and no `.` either; of a URL it may
 * have a query. */
bool tb_check_file_below(struct tb_str text);
bool tb_check_url_below(struct tb_str text);
/* The name of a header (RFC 9110, 5.6.2). */
bool tb_check_header_name(struct tb_str text);
/* A user name that HTTP Basic can carry (RFC 7617). */
bool tb_check_login(struct tb_str text);

#endif
