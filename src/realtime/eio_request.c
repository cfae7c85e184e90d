#include "realtime/eio_request.h"

#include "base/assert.h"
#include "codec/json.h"

static const char *const fault_texts[] = {
	[TB_EIO_FAULT_TRANSPORT] = "Transport unknown",
	[TB_EIO_FAULT_SID] = "Session ID unknown",
	[TB_EIO_FAULT_METHOD] = "Bad handshake method",
	[TB_EIO_FAULT_REQUEST] = "Bad request",
	[TB_EIO_FAULT_FORBIDDEN] = "Forbidden",
	[TB_EIO_FAULT_VERSION] = "Unsupported protocol version",
};

const char *tb_eio_fault_text(enum tb_eio_fault fault)
{
	TB_ASSERT(fault >= 0 && (size_t)fault < TB_ARRAY_LEN(fault_texts));
	return fault_texts[fault];
}

void tb_eio_put_fault(struct tb_buf *buf, enum tb_eio_fault fault)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_int(&w, "code", fault);
	tb_json_kv_str(&w, "message", tb_str_z(tb_eio_fault_text(fault)));
	tb_json_end_object(&w);
}

static bool find_transport(struct tb_str name, enum tb_eio_transport *ret)
{
	static const struct tb_str names[] = {
		[TB_EIO_POLLING] = TB_STR_INIT("polling"),
		[TB_EIO_WEBSOCKET] = TB_STR_INIT("websocket"),
	};

	for (size_t i = 0; i < TB_ARRAY_LEN(names); i++) {
		if (!tb_str_eq(name, names[i]))
			continue;
		*ret = (enum tb_eio_transport)i;
		return true;
	}
	return false;
}

/* A WebSocket is asked for by both its name and its headers, or by neither;
 * and what becomes one was a GET. */
static bool is_upgrade_right(const struct tb_eio_request *req,
			     enum tb_eio_transport transport)
{
	return req->is_upgrade == (transport == TB_EIO_WEBSOCKET) &&
	       (!req->is_upgrade || tb_str_eq(req->method, TB_STR("GET")));
}

static enum tb_eio_fault check_handshake(const struct tb_eio_request *req,
					 enum tb_eio_transport transport,
					 enum tb_eio_call *ret_call)
{
	if (!tb_str_eq(req->method, TB_STR("GET")))
		return TB_EIO_FAULT_METHOD;
	if (!is_upgrade_right(req, transport))
		return TB_EIO_FAULT_REQUEST;
	*ret_call = TB_EIO_CALL_HANDSHAKE;
	return TB_EIO_FAULT_NONE;
}

static enum tb_eio_fault check_session(const struct tb_eio_request *req,
				       enum tb_eio_transport transport,
				       enum tb_eio_call *ret_call)
{
	if (!req->knows_sid)
		return TB_EIO_FAULT_SID;
	if (!is_upgrade_right(req, transport))
		return TB_EIO_FAULT_REQUEST;
	if (transport == TB_EIO_WEBSOCKET)
		*ret_call = TB_EIO_CALL_SOCKET;
	else if (tb_str_eq(req->method, TB_STR("GET")))
		*ret_call = TB_EIO_CALL_POLL;
	else if (tb_str_eq(req->method, TB_STR("POST")))
		*ret_call = TB_EIO_CALL_POST;
	else
		return TB_EIO_FAULT_REQUEST;
	return TB_EIO_FAULT_NONE;
}

enum tb_eio_fault tb_eio_request_check(const struct tb_eio_request *req,
				       enum tb_eio_call *ret_call,
				       enum tb_eio_transport *ret_transport)
{
	enum tb_eio_transport transport;
	enum tb_eio_fault fault;
	enum tb_eio_call call;

	if (!find_transport(req->transport, &transport))
		return TB_EIO_FAULT_TRANSPORT;
	fault = req->sid.p != NULL ? check_session(req, transport, &call)
				   : check_handshake(req, transport, &call);
	if (fault != TB_EIO_FAULT_NONE)
		return fault;
	if (!tb_str_eq(req->version, TB_STR("4")))
		return TB_EIO_FAULT_VERSION;
	*ret_call = call;
	*ret_transport = transport;
	return TB_EIO_FAULT_NONE;
}
