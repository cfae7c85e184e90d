#include "app/check.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "kernel/store.h"

#define HOST_MAX 253

bool tb_check_not_empty(struct tb_str text)
{
	return text.n > 0;
}

/* A numeric address, in `ret_family` AF_INET or AF_INET6. */
static bool is_address(struct tb_str text, int *ret_family)
{
	char z[INET6_ADDRSTRLEN];
	struct in6_addr bytes;

	if (text.n == 0 || text.n >= sizeof(z))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	*ret_family = memchr(text.p, ':', text.n) ? AF_INET6 : AF_INET;
	return inet_pton(*ret_family, z, &bytes) == 1;
}

static bool is_port(struct tb_str text)
{
	uint64_t port;

	return !tb_str_to_u64(text, &port) && port <= UINT16_MAX;
}

bool tb_check_listen(struct tb_str text)
{
	struct tb_str host;
	struct tb_str port = text;
	int family;

	if (tb_str_starts(text, TB_STR("["))) {
		host = tb_str_cut(&port, ']');
		if (!is_address(tb_str(host.p + 1, host.n - 1), &family))
			return false;
		return family == AF_INET6 && tb_str_starts(port, TB_STR(":")) &&
		       is_port(tb_str(port.p + 1, port.n - 1));
	}
	host = tb_str_cut(&port, ':');
	return is_address(host, &family) && port.p && is_port(port);
}

bool tb_check_cidr(struct tb_str text)
{
	struct tb_str bits = text;
	struct tb_str address = tb_str_cut(&bits, '/');
	uint64_t n;
	int family;

	if (!is_address(address, &family))
		return false;
	if (!bits.p)
		return true;
	return !tb_str_to_u64(bits, &n) && n <= (family == AF_INET ? 32 : 128);
}

static bool is_host(struct tb_str host)
{
	int family;

	if (tb_str_starts(host, TB_STR("["))) {
		return tb_str_ends(host, TB_STR("]")) && host.n > 2 &&
		       is_address(tb_str(host.p + 1, host.n - 2), &family) &&
		       family == AF_INET6;
	}
	if (host.n == 0 || host.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		if (!isalnum((unsigned char)host.p[i]) && host.p[i] != '-' &&
		    host.p[i] != '.' && host.p[i] != '_')
			return false;
	}
	return true;
}

/* What stands behind "http://" or "https://"; p NULL when neither does. */
static struct tb_str behind_scheme(struct tb_str url)
{
	static const struct tb_str schemes[] = {
		{ "http://", 7 },
		{ "https://", 8 },
	};

	for (size_t i = 0; i < 2; i++) {
		if (tb_str_starts(url, schemes[i]))
			return tb_str(url.p + schemes[i].n,
				      url.n - schemes[i].n);
	}
	return TB_STR_NONE;
}

/* "host" or "host:port". */
static bool is_authority(struct tb_str text)
{
	const char *close = text.n ? memrchr(text.p, ']', text.n) : NULL;
	size_t from = close ? (size_t)(close - text.p) : 0;
	const char *colon =
		text.n ? memchr(text.p + from, ':', text.n - from) : NULL;
	size_t host;

	if (!colon)
		return is_host(text);
	host = (size_t)(colon - text.p);
	return is_host(tb_str(text.p, host)) &&
	       is_port(tb_str(colon + 1, text.n - host - 1));
}

bool tb_check_origin(struct tb_str text)
{
	struct tb_str authority = behind_scheme(text);

	return authority.p && is_authority(authority);
}

bool tb_check_url_or_empty(struct tb_str text)
{
	struct tb_str rest = behind_scheme(text);

	if (text.n == 0)
		return true;
	if (!rest.p)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	}
	return is_authority(tb_str_cut(&rest, '/'));
}

bool tb_check_store_engine(struct tb_str text)
{
	return tb_store_find(text) != NULL;
}
