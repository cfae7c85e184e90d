/*
 * Requests to /socket.io/ by method and query: what they ask for, and the code
 * of what is wrong with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "realtime/eio_request.h"

struct row {
	const char *method;
	const char *version;
	const char *transport;
	const char *sid;
	bool is_upgrade;
	bool knows_sid;
	enum tb_eio_fault fault;
	enum tb_eio_call call;
};

static const struct row good[] = {
	{ "GET", "4", "polling", NULL, false, false, TB_EIO_FAULT_NONE,
	  TB_EIO_CALL_HANDSHAKE },
	{ "GET", "4", "websocket", NULL, true, false, TB_EIO_FAULT_NONE,
	  TB_EIO_CALL_HANDSHAKE },
	{ "GET", "4", "polling", "x", false, true, TB_EIO_FAULT_NONE,
	  TB_EIO_CALL_POLL },
	{ "POST", "4", "polling", "x", false, true, TB_EIO_FAULT_NONE,
	  TB_EIO_CALL_POST },
	{ "GET", "4", "websocket", "x", true, true, TB_EIO_FAULT_NONE,
	  TB_EIO_CALL_SOCKET },
};

static const struct row bad[] = {
	{ "GET", "4", NULL, NULL, false, false, TB_EIO_FAULT_TRANSPORT },
	{ "GET", "4", "abc", NULL, false, false, TB_EIO_FAULT_TRANSPORT },
	{ "GET", "4", "Polling", NULL, false, false, TB_EIO_FAULT_TRANSPORT },
	{ "GET", "4", "abc", "x", false, true, TB_EIO_FAULT_TRANSPORT },
	{ "GET", "4", "polling", "x", false, false, TB_EIO_FAULT_SID },
	{ "GET", "4", "polling", "", false, false, TB_EIO_FAULT_SID },
	{ "POST", "4", "polling", "x", false, false, TB_EIO_FAULT_SID },
	{ "POST", "4", "polling", NULL, false, false, TB_EIO_FAULT_METHOD },
	{ "PUT", "4", "polling", NULL, false, false, TB_EIO_FAULT_METHOD },
	{ "POST", "4", "websocket", NULL, false, false, TB_EIO_FAULT_METHOD },
	{ "GET", "4", "websocket", NULL, false, false, TB_EIO_FAULT_REQUEST },
	{ "GET", "4", "polling", NULL, true, false, TB_EIO_FAULT_REQUEST },
	{ "GET", "4", "websocket", "x", false, true, TB_EIO_FAULT_REQUEST },
	{ "POST", "4", "websocket", "x", true, true, TB_EIO_FAULT_REQUEST },
	{ "GET", "4", "polling", "x", true, true, TB_EIO_FAULT_REQUEST },
	{ "PUT", "4", "polling", "x", false, true, TB_EIO_FAULT_REQUEST },
	{ "GET", NULL, "polling", NULL, false, false, TB_EIO_FAULT_VERSION },
	{ "GET", "abc", "polling", NULL, false, false, TB_EIO_FAULT_VERSION },
	{ "GET", "3", "websocket", NULL, true, false, TB_EIO_FAULT_VERSION },
	{ "GET", "04", "polling", NULL, false, false, TB_EIO_FAULT_VERSION },
	{ "POST", NULL, "polling", "x", false, true, TB_EIO_FAULT_VERSION },
};

static enum tb_eio_fault check(const struct row *row, enum tb_eio_call *call,
			       enum tb_eio_transport *transport)
{
	struct tb_eio_request req = {
		.method = tb_str_z(row->method),
		.version = tb_str_z(row->version),
		.transport = tb_str_z(row->transport),
		.sid = tb_str_z(row->sid),
		.is_upgrade = row->is_upgrade,
		.knows_sid = row->knows_sid,
	};

	return tb_eio_request_check(&req, call, transport);
}

static void a_request_asks_for_one_thing(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(good); i++) {
		enum tb_eio_transport transport;
		enum tb_eio_call call;
		assert_int_equal(check(&good[i], &call, &transport),
				 TB_EIO_FAULT_NONE);
		assert_int_equal(call, good[i].call);
		assert_int_equal(transport, good[i].is_upgrade
						    ? TB_EIO_WEBSOCKET
						    : TB_EIO_POLLING);
	}
}

static void what_is_wrong_has_its_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(bad); i++) {
		enum tb_eio_transport transport = 42;
		enum tb_eio_call call = 42;
		assert_int_equal(check(&bad[i], &call, &transport),
				 bad[i].fault);
		assert_int_equal(call, 42);
		assert_int_equal(transport, 42);
	}
}

static void an_error_says_code_and_message(void **state)
{
	static const char *const rows[] = {
		"{\"code\":0,\"message\":\"Transport unknown\"}",
		"{\"code\":1,\"message\":\"Session ID unknown\"}",
		"{\"code\":2,\"message\":\"Bad handshake method\"}",
		"{\"code\":3,\"message\":\"Bad request\"}",
		"{\"code\":4,\"message\":\"Forbidden\"}",
		"{\"code\":5,\"message\":\"Unsupported protocol version\"}",
	};
	struct tb_buf buf;

	(void)state;
	tb_buf_init(&buf, 100);
	for (size_t i = 0; i < TB_ARRAY_LEN(rows); i++) {
		tb_buf_reset(&buf);
		tb_eio_put_fault(&buf, (enum tb_eio_fault)i);
		assert_true(tb_str_eq(tb_buf_str(&buf), tb_str_z(rows[i])));
	}
	tb_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_asks_for_one_thing),
		cmocka_unit_test(what_is_wrong_has_its_code),
		cmocka_unit_test(an_error_says_code_and_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
