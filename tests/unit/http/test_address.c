#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "base/assert.h"
#include "http/address.h"

static struct tb_ip ip(const char *text)
{
	struct tb_ip ip;

	assert_int_equal(tb_ip_parse(tb_str_z(text), &ip), TB_OK);
	return ip;
}

static void assert_text(const struct tb_ip *ip, const char *expected)
{
	char text[TB_IP_TEXT_MAX];

	assert_int_equal(tb_ip_format(ip, text), strlen(expected));
	assert_string_equal(text, expected);
}

static void addresses_come_back_as_they_were(void **state)
{
	static const char *const texts[] = { "1.2.3.4", "0.0.0.0", "::1",
					     "2001:db8::1", "fe80::1:2" };
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(texts); i++) {
		struct tb_ip parsed = ip(texts[i]);

		assert_text(&parsed, texts[i]);
	}
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
	struct tb_ip a = ip("::ffff:1.2.3.4"), b = ip("1.2.3.4");

	(void)state;
	assert_memory_equal(&a, &b, sizeof(a));
	assert_text(&a, "1.2.3.4");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"",           "1.2.3",
		"1.2.3.4.5",  "1.2.3.4 ",
		"256.0.0.1",  "::1::",
		"[::1]",      "localhost",
		"1.2.3.4:80", "01.2.3.4567890123456789012345678901234567890123",
	};
	struct tb_ip ip = { { 0 } };
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(texts); i++)
		assert_int_equal(tb_ip_parse(tb_str_z(texts[i]), &ip),
				 TB_ERR_INVALID);
	assert_int_equal(tb_ip_parse(TB_STR("1.2.3.4\0"), &ip), TB_ERR_INVALID);
}

static void a_node_may_have_a_port_and_brackets(void **state)
{
	static const struct {
		const char *text;
		const char *expected; /* NULL: refused */
	} cases[] = {
		{ "1.2.3.4", "1.2.3.4" },
		{ "1.2.3.4:80", "1.2.3.4" },
		{ "[::1]", "::1" },
		{ "[2001:db8::1]:443", "2001:db8::1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "1.2.3.4:", NULL },
		{ "1.2.3.4:x", NULL },
		{ "1.2.3.4:99999", NULL },
		{ "[::1", NULL },
		{ "[::1]x", NULL },
		{ "unknown", NULL },
		{ "_hidden", NULL },
		{ "", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_ip parsed;
		enum tb_err err =
			tb_ip_parse_node(tb_str_z(cases[i].text), &parsed);

		assert_int_equal(err,
				 cases[i].expected ? TB_OK : TB_ERR_INVALID);
		if (!err)
			assert_text(&parsed, cases[i].expected);
	}
}

static void socket_addresses_of_both_families_are_read(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct tb_ip parsed;

	(void)state;
	inet_pton(AF_INET, "10.1.2.3", &v4.sin_addr);
	inet_pton(AF_INET6, "::ffff:10.1.2.3", &v6.sin6_addr);
	assert_int_equal(tb_ip_from_sockaddr((struct sockaddr *)&v4, &parsed),
			 TB_OK);
	assert_text(&parsed, "10.1.2.3");
	assert_int_equal(tb_ip_from_sockaddr((struct sockaddr *)&v6, &parsed),
			 TB_OK);
	assert_text(&parsed, "10.1.2.3");
	assert_int_equal(tb_ip_from_sockaddr(&other, &parsed), TB_ERR_INVALID);
}

static void a_block_holds_what_it_says(void **state)
{
	static const struct {
		const char *block;
		const char *address;
		bool inside;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.1.2", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.1.2.0/23", "10.1.3.255", true },
		{ "10.1.2.0/23", "10.1.4.0", false },
		{ "1.2.3.4", "1.2.3.4", true },
		{ "1.2.3.4", "1.2.3.5", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "1.2.3.4", true },
		{ "fd00::/8", "fdff::1", true },
		{ "fd00::/8", "fe00::1", false },
		{ "::1", "::1", true },
		{ "1.2.3.4/31", "1.2.3.5", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_ip address = ip(cases[i].address);
		struct tb_cidr cidr;

		assert_int_equal(tb_cidr_parse(tb_str_z(cases[i].block), &cidr),
				 TB_OK);
		assert_int_equal(tb_cidr_contains(&cidr, &address),
				 cases[i].inside);
	}
}

static void what_is_no_block_is_refused(void **state)
{
	static const char *const texts[] = {
		"",           "/8",          "10.0.0.0/33",
		"10.0.0.0/",  "10.0.0.0/-1", "10.0.0.0/8/8",
		"fd00::/129", "x/8",         "10.0.0.0/ 8"
	};
	struct tb_cidr cidr;
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(texts); i++)
		assert_int_equal(tb_cidr_parse(tb_str_z(texts[i]), &cidr),
				 TB_ERR_INVALID);
}

static void assert_client(const char *peer, const struct tb_header *headers,
			  size_t n, const char *expected)
{
	struct tb_cidr trusted[2];
	struct tb_ip from = ip(peer), client;

	assert_int_equal(tb_cidr_parse(TB_STR("10.0.0.0/8"), &trusted[0]),
			 TB_OK);
	assert_int_equal(tb_cidr_parse(TB_STR("::1"), &trusted[1]), TB_OK);
	client = tb_address_client(&from, trusted, 2, headers, n);
	assert_text(&client, expected);
}

static void the_client_is_the_right_most_that_is_not_trusted(void **state)
{
	static const struct {
		const char *peer;
		const char *name;
		const char *value;
		const char *expected;
	} cases[] = {
		{ "9.9.9.9", "X-Forwarded-For", "1.1.1.1", "9.9.9.9" },
		{ "10.0.0.1", "X-Forwarded-For", "1.1.1.1", "1.1.1.1" },
		{ "::1", "x-forwarded-for", "6.6.6.6, 1.1.1.1", "1.1.1.1" },
		{ "10.0.0.1", "X-Forwarded-For", "6.6.6.6,1.1.1.1,10.2.2.2",
		  "1.1.1.1" },
		{ "10.0.0.1", "X-Forwarded-For", "10.3.3.3, 10.2.2.2",
		  "10.3.3.3" },
		{ "10.0.0.1", "X-Forwarded-For", "1.1.1.1, junk", "10.0.0.1" },
		{ "10.0.0.1", "X-Forwarded-For", "1.1.1.1, junk, 10.2.2.2",
		  "10.2.2.2" },
		{ "10.0.0.1", "X-Forwarded-For", "", "10.0.0.1" },
		{ "10.0.0.1", "X-Other", "1.1.1.1", "10.0.0.1" },
		{ "10.0.0.1", "Forwarded", "for=1.1.1.1", "1.1.1.1" },
		{ "10.0.0.1", "Forwarded",
		  "for=6.6.6.6, For=\"[2001:db8::1]:99\";by=x;proto=http",
		  "2001:db8::1" },
		{ "10.0.0.1", "Forwarded", "by=\"a,b;for=6.6.6.6\";for=1.1.1.1",
		  "1.1.1.1" },
		{ "10.0.0.1", "Forwarded", "for=1.1.1.1, proto=http",
		  "10.0.0.1" },
		{ "10.0.0.1", "Forwarded", "for=unknown", "10.0.0.1" },
		{ "10.0.0.1", "Forwarded", "for=\"1.1.1.1", "10.0.0.1" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_header header = { tb_str_z(cases[i].name),
					    tb_str_z(cases[i].value) };

		assert_client(cases[i].peer, &header, 1, cases[i].expected);
	}
}

static void the_lines_of_a_header_are_one_list(void **state)
{
	static const struct tb_header headers[] = {
		{ { "X-Forwarded-For", 15 }, { "6.6.6.6", 7 } },
		{ { "Forwarded", 9 }, { "for=7.7.7.7", 11 } },
		{ { "X-Forwarded-For", 15 }, { "1.1.1.1, 10.4.4.4", 17 } },
		{ { "X-Forwarded-For", 15 }, { "10.5.5.5", 8 } },
	};

	(void)state;
	assert_client("10.0.0.1", headers, TB_ARRAY_LEN(headers), "1.1.1.1");
}

static void a_chain_of_any_length_is_read_from_its_end(void **state)
{
	char text[4096] = "6.6.6.6, 1.1.1.1";
	struct tb_header header = { TB_STR("X-Forwarded-For"), { text, 0 } };
	size_t i, n = strlen(text);

	(void)state;
	for (i = 0; i < 31; i++) {
		memcpy(text + n, ", 10.9.9.9", 10);
		n += 10;
	}
	header.value.n = n;
	assert_client("10.0.0.1", &header, 1, "1.1.1.1");
	/* Longer than anybody's: what is left of the last hops is not read. */
	for (i = 0; i < 100; i++) {
		memcpy(text + n, ", 10.9.9.9", 10);
		n += 10;
	}
	header.value.n = n;
	assert_client("10.0.0.1", &header, 1, "10.9.9.9");
}

static void a_proxys_headers_are_recognised(void **state)
{
	static const struct {
		const char *name;
		bool is_proxys;
	} cases[] = {
		{ "Forwarded", true },
		{ "X-Forwarded-For", true },
		{ "x-forwarded-host", true },
		{ "X-Real-IP", true },
		{ "via", true },
		{ "X-Forwarded-", false },
		{ "X-Forward", false },
		{ "Host", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++) {
		struct tb_header header = { tb_str_z(cases[i].name),
					    TB_STR("x") };

		assert_int_equal(tb_address_is_forwarded(&header, 1),
				 cases[i].is_proxys);
	}
	assert_false(tb_address_is_forwarded(NULL, 0));
}

static void loopback_hosts_and_origins_are_recognised(void **state)
{
	static const struct {
		const char *text;
		bool is_loopback;
	} hosts[] = {
		{ "127.0.0.1", true },   { "127.0.0.1:8000", true },
		{ "localhost", true },   { "LocalHost:1", true },
		{ "[::1]", true },       { "[::1]:65535", true },
		{ " localhost ", true }, { "127.0.0.2", false },
		{ "::1", false },        { "[::1]:65536", false },
		{ "localhost.", false }, { "localhost.evil", false },
		{ "localhost:", false }, { "localhost:1:2", false },
		{ "", false },           { "[::1", false },
		{ "[::1]evil", false },  { "127.0.0.1@evil", false },
	};
	static const struct {
		const char *text;
		bool is_loopback;
	} origins[] = {
		{ "http://localhost", true },
		{ "https://127.0.0.1:3000", true },
		{ "http://[::1]:80", true },
		{ "null", false },
		{ "", false },
		{ "localhost", false },
		{ "ftp://localhost", false },
		{ "http:/localhost", false },
		{ "http://localhost/", false },
		{ "http://localhost.evil", false },
		{ "http://evil?localhost", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(hosts); i++)
		assert_int_equal(
			tb_address_host_is_loopback(tb_str_z(hosts[i].text)),
			hosts[i].is_loopback);
	for (i = 0; i < TB_ARRAY_LEN(origins); i++)
		assert_int_equal(tb_address_origin_is_loopback(
					 tb_str_z(origins[i].text)),
				 origins[i].is_loopback);
}

static void an_origin_is_a_scheme_and_a_host(void **state)
{
	static const struct {
		const char *text;
		bool is_origin;
	} cases[] = {
		{ "https://a.example", true },
		{ "http://a.example:8080", true },
		{ "http://[2001:db8::1]:80", true },
		{ "*", false },
		{ "null", false },
		{ "", false },
		{ "a.example", false },
		{ "https://", false },
		{ "https://a.example/", false },
		{ "https://a.example/path", false },
		{ "https://*.example", false },
		{ "https://user@a.example", false },
		{ "https://a.example:", false },
		{ "https://a b", false },
		{ "://a", false },
		{ "https://[::x]", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TB_ARRAY_LEN(cases); i++)
		assert_int_equal(tb_address_is_origin(tb_str_z(cases[i].text)),
				 cases[i].is_origin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_back_as_they_were),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_node_may_have_a_port_and_brackets),
		cmocka_unit_test(socket_addresses_of_both_families_are_read),
		cmocka_unit_test(a_block_holds_what_it_says),
		cmocka_unit_test(what_is_no_block_is_refused),
		cmocka_unit_test(
			the_client_is_the_right_most_that_is_not_trusted),
		cmocka_unit_test(the_lines_of_a_header_are_one_list),
		cmocka_unit_test(a_chain_of_any_length_is_read_from_its_end),
		cmocka_unit_test(a_proxys_headers_are_recognised),
		cmocka_unit_test(loopback_hosts_and_origins_are_recognised),
		cmocka_unit_test(an_origin_is_a_scheme_and_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
