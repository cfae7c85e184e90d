#include "app/check.h"

#include "base/assert.h"
#include "http/address.h"
#include "kernel/store.h"

#define RESOURCE_PATH_MAX 100

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

static bool is_path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-';
}

bool tb_check_resource_path(struct tb_str text)
{
	/* What is at these places below /api already. */
	static const char *const taken[] = { "sync", "auth", "v1", "login",
					     "ping" };

	for (size_t i = 0; i < TB_ARRAY_LEN(taken); i++)
		if (tb_str_eq(text, tb_str_z(taken[i])))
			return false;
	for (size_t i = 0; i < text.n; i++)
		if (!is_path_char(text.p[i]))
			return false;
	return text.n > 0 && text.n <= RESOURCE_PATH_MAX;
}
