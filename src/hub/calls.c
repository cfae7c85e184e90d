#include "hub/call.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/client.h"
#include "hub/socket.h"

#define TEXT_TYPE "text/plain; charset=UTF-8"
#define FAULT_MAX_BYTES 256

/* ---- answers ---- */

void tb_call_put_fault(const struct tb_request *req, struct tb_response *res,
		       enum tb_eio_fault fault)
{
	struct tb_buf buf;

	tb_buf_init(&buf, FAULT_MAX_BYTES);
	tb_eio_put_fault(&buf, fault);
	tb_response_written(res, req, 400, TB_JSON_TYPE, &buf);
}

static void answer_fault(struct tb_resting *resting, enum tb_eio_fault fault)
{
	tb_call_put_fault(tb_resting_request(resting),
			  tb_resting_response(resting), fault);
	tb_resting_answer(resting);
}

static void answer_err(struct tb_resting *resting, enum tb_err err)
{
	tb_response_fail(tb_resting_response(resting),
			 tb_resting_request(resting), err);
	tb_resting_answer(resting);
}

static bool answer_text(struct tb_resting *resting, struct tb_str text)
{
	struct tb_buf buf;
	bool is_made;

	tb_buf_init(&buf, text.n);
	tb_buf_append_str(&buf, text);
	is_made = tb_buf_err(&buf) == TB_OK;
	tb_response_written(tb_resting_response(resting),
			    tb_resting_request(resting), 200, TEXT_TYPE, &buf);
	tb_resting_answer(resting);
	return is_made;
}

bool tb_call_answer_poll(struct tb_client *client, struct tb_str payload)
{
	struct tb_resting *poll = client->poll;

	client->poll = NULL;
	return answer_text(poll, payload);
}

static struct tb_resting *end_post(struct tb_client *client)
{
	struct tb_call *post = client->post;
	struct tb_resting *resting = post->resting;

	client->post = NULL;
	tb_call_destroy(post);
	return resting;
}

void tb_call_answer_post(struct tb_client *client)
{
	answer_text(end_post(client), TB_STR("ok"));
}

void tb_call_refuse_post(struct tb_client *client)
{
	if (client->post != NULL)
		answer_fault(end_post(client), TB_EIO_FAULT_SID);
}

/* ---- what is called ---- */

static struct tb_str address_of(const struct tb_call *call)
{
	return tb_str(call->address, call->address_n);
}

static void handshake(struct tb_loop *loop, struct tb_call *call)
{
	struct tb_client *client = NULL;

	if (!loop->is_stopping)
		client = tb_client_create(loop, address_of(call), call->resting,
					  NULL);
	if (client == NULL) {
		tb_hub_dismiss(loop->hub);
		answer_err(call->resting,
			   loop->is_stopping ? TB_ERR_CLOSED : TB_ERR_NOMEM);
	}
	tb_call_destroy(call);
}

/* The connection as a socket of this loop's. */
static struct tb_socket *make_socket(struct tb_loop *loop, struct tb_call *call)
{
	struct tb_rest *early = call->early;

	call->early = NULL;
	return tb_socket_create(loop, call->fd, early);
}

static void handshake_socket(struct tb_loop *loop, struct tb_call *call)
{
	struct tb_socket *socket = make_socket(loop, call);
	struct tb_client *client = NULL;

	if (socket != NULL && !loop->is_stopping)
		client = tb_client_create(loop, address_of(call), NULL, socket);
	if (client == NULL)
		tb_hub_dismiss(loop->hub);
	if (client == NULL && socket != NULL)
		tb_socket_close(socket, loop->is_stopping ? TB_CLOSE_GOING_AWAY
							  : TB_CLOSE_TRY_LATER);
	tb_call_destroy(call);
}

static void poll(struct tb_loop *loop, struct tb_call *call)
{
	struct tb_client *client = call->client;
	enum tb_eio_fault fault = TB_EIO_FAULT_SID;

	(void)loop;
	if (client->eio != NULL)
		fault = tb_eio_session_poll(client->eio);
	if (fault == TB_EIO_FAULT_NONE)
		client->poll = call->resting;
	else
		answer_fault(call->resting, fault);
	if (client->eio != NULL)
		tb_client_touch(client);
	tb_call_destroy(call);
}

/* "A client MUST NOT have more than one active request": nor one beside a post
 * that is not answered, since not all of it was taken. */
static enum tb_eio_fault begin_post(struct tb_client *client)
{
	enum tb_eio_fault fault = TB_EIO_FAULT_SID;

	if (client->eio != NULL)
		fault = tb_eio_session_post_begin(client->eio);
	if (fault == TB_EIO_FAULT_NONE && client->post != NULL) {
		tb_eio_session_post_gone(client->eio);
		fault = TB_EIO_FAULT_REQUEST;
	}
	if (client->eio != NULL)
		tb_client_touch(client);
	return fault;
}

static void post(struct tb_loop *loop, struct tb_call *call)
{
	const struct tb_request *req = tb_resting_request(call->resting);
	struct tb_client *client = call->client;
	enum tb_eio_fault fault = begin_post(client);

	if (fault == TB_EIO_FAULT_NONE)
		fault = tb_eio_session_post(client->eio, tb_loop_now_ms(loop),
					    req->arena, req->body,
					    &call->messages, &call->n);
	if (fault != TB_EIO_FAULT_NONE) {
		answer_fault(call->resting, fault);
		tb_call_destroy(call);
		return;
	}
	client->post = call;
	tb_client_release(client, 0);
}

static void post_too_large(struct tb_loop *loop, struct tb_call *call)
{
	struct tb_client *client = call->client;

	(void)loop;
	if (begin_post(client) == TB_EIO_FAULT_NONE)
		tb_eio_session_post_gone(client->eio);
	tb_call_destroy(call);
}

static void attach(struct tb_loop *loop, struct tb_call *call)
{
	struct tb_client *client = call->client;
	struct tb_socket *socket = make_socket(loop, call);

	if (socket != NULL && client->eio != NULL &&
	    tb_eio_session_socket(client->eio, tb_loop_now_ms(loop))) {
		TB_ASSERT(client->socket == NULL);
		client->socket = socket;
		socket->client = client;
		tb_socket_wake(socket);
		tb_client_touch(client);
	} else if (socket != NULL) {
		tb_socket_close(socket, TB_CLOSE_POLICY);
	}
	tb_call_destroy(call);
}

static void (*const calls[TB_CALL_KINDS])(struct tb_loop *,
					  struct tb_call *) = {
	[TB_CALL_HANDSHAKE] = handshake,
	[TB_CALL_HANDSHAKE_SOCKET] = handshake_socket,
	[TB_CALL_POLL] = poll,
	[TB_CALL_POST] = post,
	[TB_CALL_POST_TOO_LARGE] = post_too_large,
	[TB_CALL_SOCKET] = attach,
};

void tb_call_run(struct tb_loop *loop, struct tb_command *command)
{
	struct tb_call *call = (struct tb_call *)command;

	calls[call->kind](loop, call);
}
