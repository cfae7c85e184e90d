/* The HTTP side: requests are judged on the I/O thread, and handed over. */
#include <stddef.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/call.h"
#include "hub/client.h"
#include "hub/handshake.h"
#include "hub/socket.h"

static const struct tb_str methods[TB_METHOD_COUNT] = {
	[TB_GET] = TB_STR_INIT("GET"),
	[TB_HEAD] = TB_STR_INIT("HEAD"),
	[TB_POST] = TB_STR_INIT("POST"),
	[TB_PUT] = TB_STR_INIT("PUT"),
	[TB_PATCH] = TB_STR_INIT("PATCH"),
	[TB_DELETE] = TB_STR_INIT("DELETE"),
	[TB_OPTIONS] = TB_STR_INIT("OPTIONS"),
};

/* ---- calls ---- */

static void cancel(struct tb_call *call)
{
	if (call->client == NULL)
		tb_hub_dismiss(call->hub);
	tb_call_destroy(call);
}

static void begin(struct tb_later *later, struct tb_resting *resting)
{
	struct tb_call *call =
		(struct tb_call *)((char *)later -
				   offsetof(struct tb_call, later));

	call->resting = resting;
	tb_call_submit(call);
}

static void take(struct tb_takeover *takeover, int fd, struct tb_str early)
{
	struct tb_call *call =
		(struct tb_call *)((char *)takeover -
				   offsetof(struct tb_call, takeover));

	call->fd = fd;
	if (early.n > 0)
		call->early = tb_rest_create(early);
	if (early.n == 0 || call->early != NULL) {
		tb_call_submit(call);
		return;
	}
	close(fd);
	cancel(call);
}

static void cancel_later(struct tb_later *later)
{
	cancel((struct tb_call *)((char *)later -
				  offsetof(struct tb_call, later)));
}

static void cancel_takeover(struct tb_takeover *takeover)
{
	cancel((struct tb_call *)((char *)takeover -
				  offsetof(struct tb_call, takeover)));
}

struct tb_call *tb_call_create(struct tb_hub *hub, enum tb_call_kind kind,
			       struct tb_client *client, struct tb_str address)
{
	struct tb_call *call = tb_calloc(1, sizeof(*call) + address.n);

	if (call == NULL)
		return NULL;
	TB_ASSERT(address.n <= UINT8_MAX);
	call->command.run = tb_call_run;
	call->later = (struct tb_later) { begin, cancel_later };
	call->takeover = (struct tb_takeover) { take, cancel_takeover };
	call->hub = hub;
	call->kind = kind;
	call->client = client != NULL ? tb_client_ref(client) : NULL;
	call->address_n = (uint8_t)address.n;
	memcpy(call->address, address.p, address.n);
	return call;
}

void tb_call_destroy(struct tb_call *call)
{
	tb_client_unref(call->client);
	tb_free(call->early);
	tb_free(call);
}

void tb_call_submit(struct tb_call *call)
{
	struct tb_loop *loop = call->client != NULL ? call->client->loop
						    : tb_hub_loop(call->hub);

	tb_loop_submit(loop, &call->command);
}

/* ---- requests ---- */

/* A request, and the session that it names. */
struct asked {
	struct tb_hub *hub;
	const struct tb_request *req;
	struct tb_response *res;
	struct tb_handshake handshake;
	struct tb_client *client; /* a reference, or NULL */
	enum tb_eio_call call;
	enum tb_eio_transport transport;
};

static void answer_fault(struct asked *asked, enum tb_eio_fault fault)
{
	tb_call_put_fault(asked->req, asked->res, fault);
}

static void read_handshake(struct asked *asked)
{
	const struct tb_request *req = asked->req;

	asked->handshake = (struct tb_handshake) {
		.upgrade = tb_request_header(req, "Upgrade"),
		.connection = tb_request_header(req, "Connection"),
		.version = tb_request_header(req, "Sec-WebSocket-Version"),
		.key = tb_request_header(req, "Sec-WebSocket-Key"),
	};
}

static enum tb_err read_query(struct asked *asked, struct tb_eio_request *ret)
{
	const struct tb_request *req = asked->req;
	enum tb_err err = tb_request_query(req, "EIO", &ret->version);

	if (err == TB_OK)
		err = tb_request_query(req, "transport", &ret->transport);
	if (err == TB_OK)
		err = tb_request_query(req, "sid", &ret->sid);
	return err;
}

/* What is asked for; else it is answered, and false. */
static bool judge(struct asked *asked)
{
	struct tb_eio_request req = { .method = methods[asked->req->method] };
	enum tb_eio_fault fault = TB_EIO_FAULT_REQUEST;

	read_handshake(asked);
	req.is_upgrade = tb_handshake_is_upgrade(&asked->handshake);
	if (read_query(asked, &req) == TB_OK) {
		if (req.sid.p != NULL)
			asked->client =
				tb_sids_find(&asked->hub->sids, req.sid);
		req.knows_sid = asked->client != NULL;
		fault = tb_eio_request_check(&req, &asked->call,
					     &asked->transport);
	}
	if (fault != TB_EIO_FAULT_NONE)
		answer_fault(asked, fault);
	return fault == TB_EIO_FAULT_NONE;
}

/* "If this version does not match a version understood by the server, the
 * server MUST ... send an appropriate HTTP error code (such as 426 Upgrade
 * Required) and a |Sec-WebSocket-Version| header field". */
static void answer_version(struct asked *asked)
{
	tb_response_error(asked->res, asked->req, 426, NULL,
			  TB_STR("the version of WebSockets is 13"));
	if (tb_response_header(asked->res, "Sec-WebSocket-Version",
			       TB_WEBSOCKET_VERSION) != TB_OK)
		tb_response_fail(asked->res, asked->req, TB_ERR_NOMEM);
}

static bool may_upgrade(struct asked *asked)
{
	enum tb_err err = tb_handshake_check(&asked->handshake);

	if (err == TB_ERR_UNSUPPORTED)
		answer_version(asked);
	else if (err != TB_OK)
		answer_fault(asked, TB_EIO_FAULT_REQUEST);
	return err == TB_OK;
}

static void answer_takeover(struct asked *asked, struct tb_call *call)
{
	char accept[TB_HANDSHAKE_ACCEPT_LEN];
	struct tb_response *res = asked->res;
	enum tb_err err;

	tb_handshake_accept(asked->handshake.key, accept);
	err = tb_response_header(res, "Upgrade", TB_STR("websocket"));
	if (err == TB_OK)
		err = tb_response_header(res, "Sec-WebSocket-Accept",
					 tb_str(accept, sizeof(accept)));
	tb_response_takeover(res, &call->takeover);
	if (err != TB_OK)
		tb_response_fail(res, asked->req, err);
}

/* The answer is made by the client's loop. */
static void hand_over(struct asked *asked, enum tb_call_kind kind)
{
	struct tb_call *call = tb_call_create(asked->hub, kind, asked->client,
					      asked->req->address);

	if (call == NULL) {
		if (asked->client == NULL)
			tb_hub_dismiss(asked->hub);
		tb_response_fail(asked->res, asked->req, TB_ERR_NOMEM);
	} else if (kind == TB_CALL_HANDSHAKE_SOCKET || kind == TB_CALL_SOCKET) {
		answer_takeover(asked, call);
	} else {
		tb_response_later(asked->res, &call->later);
	}
}

static void call_handshake(struct asked *asked)
{
	bool is_socket = asked->transport == TB_EIO_WEBSOCKET;

	if (is_socket && !may_upgrade(asked))
		return;
	if (atomic_load(&asked->hub->is_stopping))
		tb_response_fail(asked->res, asked->req, TB_ERR_CLOSED);
	else if (!tb_hub_admit(asked->hub))
		tb_response_fail(asked->res, asked->req, TB_ERR_BUSY);
	else
		hand_over(asked, is_socket ? TB_CALL_HANDSHAKE_SOCKET
					   : TB_CALL_HANDSHAKE);
}

static void call_poll(struct asked *asked)
{
	hand_over(asked, TB_CALL_POLL);
}

/* The session of a body that is too large ends, as it does when it is. */
static void answer_too_large(struct asked *asked)
{
	struct tb_call *call =
		tb_call_create(asked->hub, TB_CALL_POST_TOO_LARGE,
			       asked->client, asked->req->address);

	if (call != NULL)
		tb_call_submit(call);
	tb_response_fail(asked->res, asked->req, TB_ERR_TOO_LARGE);
}

static void call_post(struct asked *asked)
{
	if (asked->req->body.n > asked->hub->options.max_payload_bytes)
		answer_too_large(asked);
	else
		hand_over(asked, TB_CALL_POST);
}

static void call_socket(struct asked *asked)
{
	if (may_upgrade(asked))
		hand_over(asked, TB_CALL_SOCKET);
}

static void (*const calls[])(struct asked *) = {
	[TB_EIO_CALL_HANDSHAKE] = call_handshake,
	[TB_EIO_CALL_POLL] = call_poll,
	[TB_EIO_CALL_POST] = call_post,
	[TB_EIO_CALL_SOCKET] = call_socket,
};

static bool answer(struct tb_hub *hub, const struct tb_request *req,
		   struct tb_response *res)
{
	struct asked asked = { .hub = hub, .req = req, .res = res };

	if (judge(&asked))
		calls[asked.call](&asked);
	tb_client_unref(asked.client);
	return true;
}

bool tb_hub_get(struct tb_hub *hub, const struct tb_request *req,
		struct tb_response *res)
{
	return answer(hub, req, res);
}

bool tb_hub_post(struct tb_hub *hub, const struct tb_request *req,
		 struct tb_response *res)
{
	return answer(hub, req, res);
}
