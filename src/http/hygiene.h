/*
 * What makes a request's head safe to act on (RFC 9112, sections 3, 5, 6 and
 * 11.2): one meaning only, for us and for any proxy in front. libmicrohttpd
 * is lax about it, so each head is checked again before anything is decided
 * from it. Pure.
 */
#ifndef TB_HTTP_HYGIENE_H
#define TB_HTTP_HYGIENE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "http/request.h"

/* How the body's end is found. */
enum tb_framing_kind {
	TB_FRAMING_NONE,
	TB_FRAMING_LENGTH,
	TB_FRAMING_CHUNKED,
};

struct tb_framing {
	enum tb_framing_kind kind;
	uint64_t length_bytes; /* LENGTH */
};

/*
 * A head as libmicrohttpd leaves it after parsing it in place: each space of
 * the request line, each colon and each byte of a line's end is a NUL now,
 * and the names and values point between them. `target` is what the request
 * line held, wherever it is now.
 */
struct tb_head {
	struct tb_str raw; /* request line to blank line */
	struct tb_str method;
	struct tb_str target;
	const char *version; /* in `raw`; "HTTP/1.1" */
	const struct tb_header *headers;
	size_t n_headers;
};

/* Why the head is refused (static text for the client), or NULL and how its
 * body is framed. */
const char *tb_hygiene_check(const struct tb_head *head,
			     struct tb_framing *ret);

/* The same rules for the bytes as they came, before anything has parsed them:
 * why the head is refused, or NULL. A head that has not come whole is judged
 * by its whole lines. */
const char *tb_hygiene_scan(struct tb_str bytes);

/* 1*tchar (RFC 9110, 5.6.2). */
bool tb_hygiene_is_token(struct tb_str s);
/* Visible bytes, spaces and tabs (RFC 9110, 5.5). */
bool tb_hygiene_is_field_value(struct tb_str s);

#endif
