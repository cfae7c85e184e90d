/*
 * The request target: which bytes may stand in one, and its percent-escapes
 * (RFC 3986). Pure.
 */
#ifndef TB_HTTP_URI_H
#define TB_HTTP_URI_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* True for a target in origin form (RFC 9112, 3.2.1): it begins with a slash,
 * is visible ASCII, and its path has no bad escape and no escaped NUL. The
 * query's escapes are checked where its parameters are read. */
bool tb_uri_is_valid(struct tb_str target);

/* Undoes the escapes; `+` becomes a space where `plus_is_space`. Returns the
 * slice itself when there is nothing to undo, else memory of the arena.
 * INVALID: a bad escape, a NUL, or bytes that are no UTF-8. */
enum tb_err tb_uri_decode(struct tb_arena *arena, struct tb_str in,
			  bool plus_is_space, struct tb_str *ret) tb_must_check;
/* Appends a text with everything escaped but unreserved characters (RFC 3986,
 * 2.3). */
void tb_uri_escape(struct tb_buf *buf, struct tb_str text);

#endif
