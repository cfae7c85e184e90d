/*
 * The opening handshake of a WebSocket: RFC 6455, section 4.2.1, and its
 * example.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "hub/handshake.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void an_upgrade_is_asked_for_by_both_headers(void **state)
{
	static const struct {
		const char *upgrade;
		const char *connection;
		bool is_upgrade;
	} rows[] = {
		{ "websocket", "Upgrade", true },
		{ "WebSocket", "keep-alive, upgrade", true },
		{ "h2c ,\twebsocket", "UPGRADE", true },
		{ "websocket", "keep-alive", false },
		{ "websocket", NULL, false },
		{ NULL, "Upgrade", false },
		{ "", "", false },
		{ "websocket/13", "Upgrade", false },
		{ "websockets", "Upgrade", false },
		{ "websocket", "Upgraded", false },
		{ "web socket", "Upgrade", false },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		const struct tb_handshake handshake = {
			.upgrade = tb_str_z(rows[i].upgrade),
			.connection = tb_str_z(rows[i].connection),
		};
		assert_int_equal(tb_handshake_is_upgrade(&handshake),
				 rows[i].is_upgrade);
	}
}

static void a_key_is_sixteen_bytes(void **state)
{
	static const struct {
		const char *version;
		const char *key;
		enum tb_err err;
	} rows[] = {
		{ "13", KEY, TB_OK },
		{ "13", "AAAAAAAAAAAAAAAAAAAAAA==", TB_OK },
		{ "12", KEY, TB_ERR_UNSUPPORTED },
		{ "13, 8", KEY, TB_ERR_UNSUPPORTED },
		{ "", KEY, TB_ERR_UNSUPPORTED },
		{ NULL, NULL, TB_ERR_UNSUPPORTED },
		{ "13", NULL, TB_ERR_INVALID },
		{ "13", "", TB_ERR_INVALID },
		{ "13", "AAAA", TB_ERR_INVALID },
		{ "13", "AAAAAAAAAAAAAAAAAAAAAAA=", TB_ERR_INVALID },
		{ "13", "AAAAAAAAAAAAAAAAAAAAAAAA", TB_ERR_INVALID },
		{ "13", "AAAAAAAAAAAAAAAAAAAAAB==", TB_ERR_INVALID },
		{ "13", "AAAAAAAAAAAAAAAAAAAA-_==", TB_ERR_INVALID },
		{ "13", KEY "AAAA", TB_ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		const struct tb_handshake handshake = {
			.version = tb_str_z(rows[i].version),
			.key = tb_str_z(rows[i].key),
		};
		assert_int_equal(tb_handshake_check(&handshake), rows[i].err);
	}
}

static void a_key_is_answered_as_in_the_example(void **state)
{
	char accept[TB_HANDSHAKE_ACCEPT_LEN];

	(void)state;
	tb_handshake_accept(TB_STR(KEY), accept);
	assert_memory_equal(accept,
			    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(accept));
}

static int set_up(void **state)
{
	(void)state;
	return tb_digest_init() == TB_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upgrade_is_asked_for_by_both_headers),
		cmocka_unit_test(a_key_is_sixteen_bytes),
		cmocka_unit_test(a_key_is_answered_as_in_the_example),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
