/*
 * The headers that say how a body is written: Accept-Encoding,
 * Content-Encoding, Content-Type. Pure parsers (RFC 9110, sections 8 and 12).
 */
#ifndef TB_HTTP_ENCODING_H
#define TB_HTTP_ENCODING_H

#include <stdbool.h>

#include "base/str.h"

enum tb_coding {
	TB_CODING_IDENTITY,
	TB_CODING_GZIP,
	TB_CODING_OTHER,
};

/* True if the value of Accept-Encoding takes gzip; an absent header (p NULL)
 * does not, since many clients without one cannot decode it. */
bool tb_encoding_accepts_gzip(struct tb_str accept_encoding);
/* The coding that the value of Content-Encoding names; absent: identity. */
enum tb_coding tb_encoding_of(struct tb_str content_encoding);
/* True for application/json, in UTF-8 if it says anything of that. */
bool tb_encoding_is_json(struct tb_str content_type);

#endif
