/*
 * The credentials of HTTP Basic (RFC 7617). Pure.
 */
#ifndef TB_AUTH_BASIC_H
#define TB_AUTH_BASIC_H

#include "base/buf.h"
#include "base/str.h"

#define TB_BASIC_MAX_BYTES 1024

/* Parses what stands behind the scheme's name: base64 of "name:password".
 * The results are slices of `scratch`. INVALID: longer than the ceiling, not
 * strict base64, no colon, no name, or control characters (RFC 7617, section
 * 2). NOMEM. */
enum tb_err tb_basic_parse(struct tb_str text, struct tb_buf *scratch,
			   struct tb_str *ret_name,
			   struct tb_str *ret_password) tb_must_check;

#endif
