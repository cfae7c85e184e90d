/*
 * URLs of one source, as libcurl parses them, so that what is checked is what
 * is asked. Private to fetch.
 */
#ifndef TB_JOBS_FETCH_FETCH_URL_H
#define TB_JOBS_FETCH_FETCH_URL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A URL of a configuration. INVALID: it is none, has a user in it, or is
 * neither https:// nor http:// on loopback. Owned by the caller, who ends it by
 * curl_url_cleanup. */
enum tb_err tb_fetch_url_parse(const char *text, CURLU **ret) tb_must_check;

/* A URL that another one says, which is relative to that one or whole. INVALID:
 * it is none; DENIED: it is of another scheme, host or port. */
enum tb_err tb_fetch_url_follow(CURLU *from, struct tb_str text,
				CURLU **ret) tb_must_check;

/* The whole URL as text; without its query where that is not wanted. */
enum tb_err tb_fetch_url_text(struct tb_arena *arena, CURLU *url,
			      struct tb_str *ret) tb_must_check;
/* Its path, for messages, into the arena; never fails: empty at worst. */
struct tb_str tb_fetch_url_path(struct tb_arena *arena, CURLU *url);

#endif
