#include "jobs/fetch/fetch_url.h"

#include <arpa/inet.h>
#include <strings.h>

#include "base/alloc.h"

/* Nobody's credentials are in a URL; spaces and letters beyond ASCII, which
 * some servers write into theirs, are encoded. */
#define FLAGS (CURLU_DISALLOW_USER | CURLU_URLENCODE)

/* A part of a URL, which curl_free ends; NULL: it is not there. */
static char *part_of(CURLU *url, CURLUPart part, unsigned flags)
{
	char *text = NULL;

	return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *x = part_of(a, part, CURLU_DEFAULT_PORT);
	char *y = part_of(b, part, CURLU_DEFAULT_PORT);
	bool is_same = x != NULL && y != NULL && strcasecmp(x, y) == 0;

	curl_free(x);
	curl_free(y);
	return is_same;
}

static bool is_same_server(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME) &&
	       same_part(a, b, CURLUPART_HOST) &&
	       same_part(a, b, CURLUPART_PORT);
}

/* What needs no protection on its way: it does not leave this machine. libcurl
 * has written numbers in the usual form and takes localhost for loopback
 * whatever a name server says. */
static bool is_loopback(const char *host)
{
	struct in_addr address;

	if (inet_pton(AF_INET, host, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static bool is_allowed(CURLU *url)
{
	char *scheme = part_of(url, CURLUPART_SCHEME, 0);
	char *host = part_of(url, CURLUPART_HOST, 0);
	bool is = scheme != NULL && host != NULL &&
		  (strcasecmp(scheme, "https") == 0 ||
		   (strcasecmp(scheme, "http") == 0 && is_loopback(host)));

	curl_free(scheme);
	curl_free(host);
	return is;
}

enum tb_err tb_fetch_url_parse(const char *text, CURLU **ret)
{
	CURLU *url = curl_url();
	CURLUcode code;

	if (url == NULL)
		return TB_ERR_NOMEM;
	code = curl_url_set(url, CURLUPART_URL, text, FLAGS);
	if (code == CURLUE_OK && is_allowed(url)) {
		*ret = url;
		return TB_OK;
	}
	curl_url_cleanup(url);
	return code == CURLUE_OUT_OF_MEMORY ? TB_ERR_NOMEM : TB_ERR_INVALID;
}

enum tb_err tb_fetch_url_follow(CURLU *from, struct tb_str text, CURLU **ret)
{
	CURLU *url;
	CURLUcode code;
	enum tb_err err;
	char *z;

	if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL)
		return TB_ERR_INVALID;
	z = tb_strdup(text);
	url = curl_url_dup(from);
	if (z == NULL || url == NULL) {
		tb_free(z);
		curl_url_cleanup(url);
		return TB_ERR_NOMEM;
	}
	code = curl_url_set(url, CURLUPART_URL, z, FLAGS);
	tb_free(z);
	if (code == CURLUE_OK && is_same_server(from, url)) {
		*ret = url;
		return TB_OK;
	}
	err = code == CURLUE_OK                   ? TB_ERR_DENIED
	      : code == CURLUE_USER_NOT_ALLOWED   ? TB_ERR_DENIED
	      : code == CURLUE_UNSUPPORTED_SCHEME ? TB_ERR_DENIED
	      : code == CURLUE_OUT_OF_MEMORY      ? TB_ERR_NOMEM
						  : TB_ERR_INVALID;
	curl_url_cleanup(url);
	return err;
}

enum tb_err tb_fetch_url_text(struct tb_arena *arena, CURLU *url,
			      struct tb_str *ret)
{
	char *text = part_of(url, CURLUPART_URL, 0);
	enum tb_err err;

	if (text == NULL)
		return TB_ERR_NOMEM;
	err = tb_arena_strdup(arena, tb_str_z(text), ret);
	curl_free(text);
	return err;
}

struct tb_str tb_fetch_url_path(struct tb_arena *arena, CURLU *url)
{
	char *text = part_of(url, CURLUPART_PATH, 0);
	struct tb_str path = TB_STR_NONE;

	if (text != NULL &&
	    tb_arena_strdup(arena, tb_str_z(text), &path) != TB_OK)
		path = TB_STR_NONE;
	curl_free(text);
	return path;
}
