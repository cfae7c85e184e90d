#include "http/address.h"

#include <arpa/inet.h>

#include "base/assert.h"

#define IPV4_OFFSET 12 /* of the four bytes in the sixteen */
#define HOPS_MAX 32

static const uint8_t ipv4_prefix[IPV4_OFFSET] = { [10] = 0xff, [11] = 0xff };

static bool is_ipv4(const struct tb_ip *ip)
{
	return memcmp(ip->bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

static void set_ipv4(struct tb_ip *ip, const struct in_addr *addr)
{
	memcpy(ip->bytes, ipv4_prefix, sizeof(ipv4_prefix));
	memcpy(ip->bytes + IPV4_OFFSET, addr, sizeof(*addr));
}

enum tb_err tb_ip_parse(struct tb_str text, struct tb_ip *ret)
{
	char z[TB_IP_TEXT_MAX];
	struct in6_addr v6;
	struct in_addr v4;

	if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, 0, text.n))
		return TB_ERR_INVALID;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (inet_pton(AF_INET, z, &v4) == 1)
		set_ipv4(ret, &v4);
	else if (inet_pton(AF_INET6, z, &v6) == 1)
		memcpy(ret->bytes, &v6, sizeof(v6));
	else
		return TB_ERR_INVALID;
	return TB_OK;
}

static bool is_port(struct tb_str s)
{
	uint64_t port;

	return s.n > 0 && !tb_str_to_u64(s, &port) && port <= UINT16_MAX;
}

/* Splits "host", "host:port" and "[v6]:port"; false: something else. The
 * brackets stay with the host; p NULL of the port: there is none. */
static bool split_port(struct tb_str text, struct tb_str *host,
		       struct tb_str *port)
{
	const char *end = NULL;

	if (text.n > 0 && text.p[0] == '[') {
		end = memchr(text.p, ']', text.n);
		if (!end)
			return false;
		end++;
	} else if (text.n > 0) {
		end = memchr(text.p, ':', text.n);
	}
	*host = text;
	*port = TB_STR_NONE;
	if (!end || end == text.p + text.n)
		return true;
	*host = tb_str(text.p, (size_t)(end - text.p));
	*port = tb_str(end + 1, text.n - host->n - 1);
	return *end == ':' && is_port(*port);
}

enum tb_err tb_ip_parse_node(struct tb_str text, struct tb_ip *ret)
{
	struct tb_str host, port;

	if (!tb_ip_parse(text, ret))
		return TB_OK;
	if (!split_port(text, &host, &port))
		return TB_ERR_INVALID;
	if (host.n >= 2 && host.p[0] == '[')
		host = tb_str(host.p + 1, host.n - 2);
	return tb_ip_parse(host, ret);
}

enum tb_err tb_ip_from_sockaddr(const struct sockaddr *addr, struct tb_ip *ret)
{
	if (addr->sa_family == AF_INET) {
		set_ipv4(ret, &((const struct sockaddr_in *)(const void *)addr)
				       ->sin_addr);
		return TB_OK;
	}
	if (addr->sa_family == AF_INET6) {
		memcpy(ret->bytes,
		       &((const struct sockaddr_in6 *)(const void *)addr)
				->sin6_addr,
		       sizeof(ret->bytes));
		return TB_OK;
	}
	return TB_ERR_INVALID;
}

size_t tb_ip_format(const struct tb_ip *ip, char ret[TB_IP_TEXT_MAX])
{
	const char *z;

	if (is_ipv4(ip))
		z = inet_ntop(AF_INET, ip->bytes + IPV4_OFFSET, ret,
			      TB_IP_TEXT_MAX);
	else
		z = inet_ntop(AF_INET6, ip->bytes, ret, TB_IP_TEXT_MAX);
	TB_ASSERT(z);
	return strlen(z);
}

enum tb_err tb_cidr_parse(struct tb_str text, struct tb_cidr *ret)
{
	struct tb_str rest = text;
	struct tb_str address = tb_str_cut(&rest, '/');
	struct tb_cidr cidr = { .bits = 128 };
	uint64_t bits, width;

	if (tb_ip_parse(address, &cidr.ip))
		return TB_ERR_INVALID;
	width = is_ipv4(&cidr.ip) ? 32 : 128;
	if (rest.p) {
		if (tb_str_to_u64(rest, &bits) || bits > width)
			return TB_ERR_INVALID;
		cidr.bits = (unsigned)(128 - width + bits);
	}
	*ret = cidr;
	return TB_OK;
}

bool tb_cidr_contains(const struct tb_cidr *cidr, const struct tb_ip *ip)
{
	unsigned whole = cidr->bits / 8, left = cidr->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> left);

	if (memcmp(cidr->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return left == 0 ||
	       ((cidr->ip.bytes[whole] ^ ip->bytes[whole]) & mask) == 0;
}

static bool is_trusted(const struct tb_cidr *trusted, size_t n_trusted,
		       const struct tb_ip *ip)
{
	size_t i;

	for (i = 0; i < n_trusted; i++)
		if (tb_cidr_contains(&trusted[i], ip))
			return true;
	return false;
}

/* The last hops that were noted, oldest first. */
struct hops {
	struct tb_str at[HOPS_MAX];
	size_t n; /* ever noted; the newest is at[(n - 1) % HOPS_MAX] */
};

static void note_hop(struct hops *hops, struct tb_str hop)
{
	hops->at[hops->n++ % HOPS_MAX] = hop;
}

/* Cuts at the next `sep` that is not inside quotes. */
static struct tb_str cut_unquoted(struct tb_str *rest, char sep)
{
	struct tb_str s = *rest;
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.n && (quoted || s.p[i] != sep); i++)
		if (s.p[i] == '"')
			quoted = !quoted;
	*rest = i < s.n ? tb_str(s.p + i + 1, s.n - i - 1) : TB_STR_NONE;
	return tb_str(s.p, i);
}

/* X-Forwarded-For: client, proxy1, proxy2 */
static void note_list(struct hops *hops, struct tb_str value)
{
	while (value.p)
		note_hop(hops, tb_str_trim(tb_str_cut(&value, ',')));
}

/* Forwarded: for=192.0.2.60;proto=http, for="[2001:db8::1]:4711" */
static void note_forwarded(struct hops *hops, struct tb_str value)
{
	while (value.p) {
		struct tb_str element = cut_unquoted(&value, ',');
		struct tb_str hop = TB_STR("");

		while (element.p) {
			struct tb_str node = cut_unquoted(&element, ';');
			struct tb_str name = tb_str_cut(&node, '=');

			node = tb_str_trim(node);
			if (node.n >= 2 && node.p[0] == '"')
				node = tb_str(node.p + 1, node.n - 2);
			if (tb_str_eq_nocase(tb_str_trim(name), TB_STR("for")))
				hop = node;
		}
		note_hop(hops, hop);
	}
}

static void collect_hops(struct hops *hops, const char *name,
			 void (*note)(struct hops *hops, struct tb_str value),
			 const struct tb_header *headers, size_t n_headers)
{
	size_t i;

	for (i = 0; i < n_headers; i++)
		if (tb_str_eq_nocase(headers[i].name, tb_str_z(name)))
			note(hops, headers[i].value);
}

struct tb_ip tb_address_client(const struct tb_ip *peer,
			       const struct tb_cidr *trusted, size_t n_trusted,
			       const struct tb_header *headers,
			       size_t n_headers)
{
	struct hops hops = { .n = 0 };
	struct tb_ip client = *peer;
	size_t oldest;

	if (!is_trusted(trusted, n_trusted, peer))
		return client;
	collect_hops(&hops, "X-Forwarded-For", note_list, headers, n_headers);
	if (hops.n == 0)
		collect_hops(&hops, "Forwarded", note_forwarded, headers,
			     n_headers);
	oldest = hops.n > HOPS_MAX ? hops.n - HOPS_MAX : 0;
	while (hops.n > oldest && is_trusted(trusted, n_trusted, &client))
		if (tb_ip_parse_node(hops.at[--hops.n % HOPS_MAX], &client))
			break;
	return client;
}

bool tb_address_is_forwarded(const struct tb_header *headers, size_t n_headers)
{
	static const char *const names[] = { "Forwarded", "X-Real-IP", "Via" };
	static const struct tb_str family = { "X-Forwarded-", 12 };
	size_t i, k;

	for (i = 0; i < n_headers; i++) {
		struct tb_str name = headers[i].name;

		for (k = 0; k < TB_ARRAY_LEN(names); k++)
			if (tb_str_eq_nocase(name, tb_str_z(names[k])))
				return true;
		if (name.n > family.n &&
		    tb_str_eq_nocase(tb_str(name.p, family.n), family))
			return true;
	}
	return false;
}

bool tb_address_host_is_loopback(struct tb_str host)
{
	struct tb_str name, port;

	if (!split_port(tb_str_trim(host), &name, &port))
		return false;
	return tb_str_eq(name, TB_STR("127.0.0.1")) ||
	       tb_str_eq_nocase(name, TB_STR("localhost")) ||
	       tb_str_eq(name, TB_STR("[::1]"));
}

/* Cuts the scheme off an origin; p NULL: it has none. */
static struct tb_str origin_host(struct tb_str origin, struct tb_str *scheme)
{
	struct tb_str rest = origin;

	*scheme = tb_str_cut(&rest, ':');
	if (!tb_str_starts(rest, TB_STR("//")))
		return TB_STR_NONE;
	return tb_str(rest.p + 2, rest.n - 2);
}

bool tb_address_origin_is_loopback(struct tb_str origin)
{
	struct tb_str scheme;
	struct tb_str host = origin_host(origin, &scheme);

	return host.p && tb_address_host_is_loopback(host) &&
	       (tb_str_eq(scheme, TB_STR("http")) ||
		tb_str_eq(scheme, TB_STR("https")));
}

/* A host name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host_name(struct tb_str host)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-._";
	struct tb_ip ip;
	size_t i;

	if (host.n >= 2 && host.p[0] == '[')
		return !tb_ip_parse(tb_str(host.p + 1, host.n - 2), &ip);
	for (i = 0; i < host.n; i++)
		if (!memchr(allowed, host.p[i], sizeof(allowed) - 1))
			return false;
	return host.n > 0;
}

bool tb_address_is_origin(struct tb_str text)
{
	struct tb_str scheme, name, port;
	struct tb_str host = origin_host(text, &scheme);
	size_t i;

	for (i = 0; i < scheme.n; i++)
		if (scheme.p[i] < 'a' || scheme.p[i] > 'z')
			return false;
	return scheme.n > 0 && host.p && split_port(host, &name, &port) &&
	       is_host_name(name);
}
