#include "app/check.h"

#include "base/assert.h"
#include "http/address.h"
#include "http/uri.h"
#include "jobs/connectors/beneath.h"
#include "kernel/store.h"

#define RESOURCE_PATH_MAX 100
#define WORD_MAX_BYTES 64
#define URL_MAX_BYTES 2048

bool tb_check_not_empty(struct tb_str text)
{
	return text.n > 0;
}

static bool is_port(struct tb_str text)
{
	uint64_t port;

	return !tb_str_to_u64(text, &port) && port <= UINT16_MAX;
}

bool tb_check_listen(struct tb_str text)
{
	struct tb_str port = text;
	struct tb_str host;
	struct tb_ip ip;

	if (tb_str_starts(text, TB_STR("["))) {
		host = tb_str_cut(&port, ']');
		if (!tb_str_starts(port, TB_STR(":")))
			return false;
		host = tb_str(host.p + 1, host.n - 1);
		port = tb_str(port.p + 1, port.n - 1);
	} else {
		host = tb_str_cut(&port, ':');
	}
	return !tb_ip_parse(host, &ip) && port.p && is_port(port);
}

bool tb_check_cidr(struct tb_str text)
{
	struct tb_cidr cidr;

	return !tb_cidr_parse(text, &cidr);
}

bool tb_check_origin(struct tb_str text)
{
	return (tb_str_starts(text, TB_STR("http://")) ||
		tb_str_starts(text, TB_STR("https://"))) &&
	       tb_address_is_origin(text);
}

bool tb_check_store_engine(struct tb_str text)
{
	return tb_store_find(text) != NULL;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* True if each byte is a letter, a digit, or one of `others`. */
static bool is_made_of(struct tb_str text, struct tb_str others)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_alphanumeric(text.p[i]) &&
		    !memchr(others.p, text.p[i], others.n))
			return false;
	return true;
}

static bool has_control(struct tb_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return true;
	return false;
}

bool tb_check_resource_path(struct tb_str text)
{
	/* What is at these places below /api already. */
	static const char *const taken[] = { "sync", "auth", "v1", "login",
					     "ping" };

	for (size_t i = 0; i < TB_ARRAY_LEN(taken); i++)
		if (tb_str_eq(text, tb_str_z(taken[i])))
			return false;
	return text.n > 0 && text.n <= RESOURCE_PATH_MAX &&
	       is_made_of(text, TB_STR("-"));
}

/* ---- sources ---- */

bool tb_check_word(struct tb_str text)
{
	return text.n > 0 && text.n <= WORD_MAX_BYTES &&
	       is_made_of(text, TB_STR("-_."));
}

bool tb_check_header_name(struct tb_str text)
{
	return text.n > 0 && text.n <= WORD_MAX_BYTES &&
	       is_made_of(text, TB_STR("!#$%&'*+-.^_`|~"));
}

bool tb_check_login(struct tb_str text)
{
	return text.n > 0 && !has_control(text) && !memchr(text.p, ':', text.n);
}

/* True if a path leads out of where it begins, or could. */
static bool has_parent(struct tb_str path)
{
	while (path.p)
		if (tb_str_eq(tb_str_cut(&path, '/'), TB_STR("..")))
			return true;
	return false;
}

/* True if it is two dots, each as it is or encoded, as servers read them. */
static bool is_parent_of_url(struct tb_str part)
{
	size_t n = 0;

	while (part.n > 0) {
		size_t taken = part.p[0] == '.' ? 1 : 3;

		if (taken == 3 && !tb_str_starts(part, TB_STR("%2e")) &&
		    !tb_str_starts(part, TB_STR("%2E")))
			return false;
		part = tb_str(part.p + taken, part.n - taken);
		n++;
	}
	return n == 2;
}

/* The path of a request, with or without a query. */
static bool is_target(struct tb_str text)
{
	struct tb_str rest = text;
	struct tb_str path = tb_str_cut(&rest, '?');

	if (!tb_uri_is_valid(text) || memchr(text.p, '#', text.n))
		return false;
	while (path.p)
		if (is_parent_of_url(tb_str_cut(&path, '/')))
			return false;
	return true;
}

bool tb_check_source_url(struct tb_str text)
{
	struct tb_str rest = text;
	struct tb_str scheme = tb_str_cut(&rest, ':');
	struct tb_str path;
	size_t host_n;

	if (text.n > URL_MAX_BYTES || !tb_str_starts(rest, TB_STR("//")))
		return false;
	path = tb_str(rest.p + 2, rest.n - 2);
	host_n = tb_str_cut(&path, '/').n;
	if (!tb_address_is_origin(tb_str(text.p, scheme.n + 3 + host_n)))
		return false;
	if (path.p && (memchr(path.p, '?', path.n) ||
		       !is_target(tb_str(path.p - 1, path.n + 1))))
		return false;
	return tb_str_eq(scheme, TB_STR("https")) ||
	       (tb_str_eq(scheme, TB_STR("http")) &&
		tb_address_host_is_loopback(tb_str(rest.p + 2, host_n)));
}

bool tb_check_folder(struct tb_str text)
{
	return text.n > 0 && !has_control(text) && !has_parent(text);
}

bool tb_check_file_below(struct tb_str text)
{
	return !has_control(text) && tb_beneath_is_path(text);
}

bool tb_check_url_below(struct tb_str text)
{
	char target[URL_MAX_BYTES + 1] = "/";

	if (text.n == 0 || text.n > URL_MAX_BYTES || text.p[0] == '/')
		return false;
	memcpy(target + 1, text.p, text.n);
	return is_target(tb_str(target, text.n + 1));
}
