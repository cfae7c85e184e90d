/*
 * Forwarding headers, addresses and origins: the client is always an address,
 * and an untrusted peer is believed nothing.
 */
#include "fuzz.h"

#include "http/address.h"

static struct tb_ip parsed(const char *text)
{
	struct tb_ip ip;

	TB_ASSERT(!tb_ip_parse(tb_str_z(text), &ip));
	return ip;
}

static bool is_same(const struct tb_ip *a, const struct tb_ip *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void format_and_parse(const struct tb_ip *ip)
{
	char text[TB_IP_TEXT_MAX];
	size_t n = tb_ip_format(ip, text);
	struct tb_ip back;

	TB_ASSERT(!tb_ip_parse(tb_str(text, n), &back));
	TB_ASSERT(is_same(ip, &back));
}

static void forward(const char *name, struct tb_str value)
{
	struct tb_header headers[] = { { tb_str_z(name), value },
				       { tb_str_z(name), TB_STR("10.1.1.1") } };
	struct tb_ip near = parsed("10.0.0.1"), far = parsed("9.9.9.9");
	struct tb_cidr trusted;
	struct tb_ip client;

	TB_ASSERT(!tb_cidr_parse(TB_STR("10.0.0.0/8"), &trusted));
	client = tb_address_client(&far, &trusted, 1, headers, 2);
	TB_ASSERT(is_same(&client, &far));
	client = tb_address_client(&near, &trusted, 1, headers, 2);
	format_and_parse(&client);
	TB_ASSERT(tb_address_is_forwarded(headers, 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_str text = fuzz_input(data, n);
	struct tb_cidr cidr;
	struct tb_ip ip;

	forward("X-Forwarded-For", text);
	forward("Forwarded", text);
	if (!tb_ip_parse_node(text, &ip))
		format_and_parse(&ip);
	if (!tb_cidr_parse(text, &cidr))
		TB_ASSERT(tb_cidr_contains(&cidr, &cidr.ip));
	if (tb_address_origin_is_loopback(text))
		TB_ASSERT(tb_str_starts(text, TB_STR("http")));
	if (tb_address_is_origin(text))
		TB_ASSERT(!memchr(text.p, '*', text.n));
	tb_address_host_is_loopback(text);
	return 0;
}
