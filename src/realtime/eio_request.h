/*
 * What an Engine.IO request asks for, judged by its method and query before
 * any session is touched, and the errors that such requests are answered
 * with. Pure.
 */
#ifndef TB_REALTIME_EIO_REQUEST_H
#define TB_REALTIME_EIO_REQUEST_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* The codes that clients read; NONE is not sent. All are a status of 400. */
enum tb_eio_fault {
	TB_EIO_FAULT_NONE = -1,
	TB_EIO_FAULT_TRANSPORT = 0,
	TB_EIO_FAULT_SID = 1,
	TB_EIO_FAULT_METHOD = 2,
	TB_EIO_FAULT_REQUEST = 3,
	TB_EIO_FAULT_FORBIDDEN = 4,
	TB_EIO_FAULT_VERSION = 5,
};

const char *tb_eio_fault_text(enum tb_eio_fault fault);
/* {"code":1,"message":"Session ID unknown"} */
void tb_eio_put_fault(struct tb_buf *buf, enum tb_eio_fault fault);

enum tb_eio_transport {
	TB_EIO_POLLING,
	TB_EIO_WEBSOCKET
};

/* What the HTTP side knows of a request. Absent query parameters are NULL. */
struct tb_eio_request {
	struct tb_str method;
	struct tb_str version;   /* EIO */
	struct tb_str transport; /* transport */
	struct tb_str sid;       /* sid */
	bool is_upgrade;         /* asks to become a WebSocket */
	bool knows_sid;          /* there is such a session */
};

enum tb_eio_call {
	TB_EIO_CALL_HANDSHAKE, /* a new session, over `transport` */
	TB_EIO_CALL_POLL,
	TB_EIO_CALL_POST,
	TB_EIO_CALL_SOCKET, /* a WebSocket for a session that is there */
};

/* NONE, and what is asked for; else what to refuse the request with. */
enum tb_eio_fault tb_eio_request_check(const struct tb_eio_request *req,
				       enum tb_eio_call *ret_call,
				       enum tb_eio_transport *ret_transport);

#endif
