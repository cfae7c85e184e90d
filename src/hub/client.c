#include "hub/client.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/call.h"
#include "hub/socket.h"

#define CLIENTS_MIN 64

/* ---- its life ---- */

struct tb_client *tb_client_ref(struct tb_client *client)
{
	atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
	return client;
}

void tb_client_unref(struct tb_client *client)
{
	if (client != NULL &&
	    atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) ==
		    1)
		tb_free(client);
}

struct tb_str tb_client_address(const struct tb_client *client)
{
	return tb_str(client->address, client->address_n);
}

void tb_client_set_data(struct tb_client *client, void *data)
{
	atomic_store_explicit(&client->data, data, memory_order_release);
}

void *tb_client_data(const struct tb_client *client)
{
	return atomic_load_explicit(&client->data, memory_order_acquire);
}

static void fire(struct tb_loop *loop, struct tb_timer *timer);

static bool make_sessions(struct tb_client *client,
			  enum tb_eio_transport transport)
{
	struct tb_hub *hub = client->loop->hub;
	int64_t now_ms = tb_loop_now_ms(client->loop);

	client->eio = tb_eio_session_create(
		&hub->eio, tb_str(client->sid, TB_SID_LEN), transport, now_ms);
	if (client->eio == NULL)
		return false;
	if (hub->app.on_message != NULL)
		return true;
	client->sio = tb_sio_session_create(&hub->sio, now_ms);
	return client->sio != NULL;
}

static bool has_place(struct tb_loop *loop)
{
	size_t cap =
		loop->cap_clients > 0 ? loop->cap_clients * 2 : CLIENTS_MIN;
	struct tb_client **clients;

	if (loop->n_clients < loop->cap_clients)
		return true;
	clients = tb_realloc(loop->clients, cap * sizeof(struct tb_client *));
	if (clients == NULL)
		return false;
	loop->clients = clients;
	loop->cap_clients = cap;
	return true;
}

static void destroy_sessions(struct tb_client *client)
{
	tb_eio_session_destroy(client->eio);
	client->eio = NULL;
	tb_sio_session_destroy(client->sio);
	client->sio = NULL;
}

static void enter(struct tb_client *client)
{
	struct tb_loop *loop = client->loop;

	client->place = (uint32_t)loop->n_clients;
	loop->clients[loop->n_clients++] = client;
	tb_sids_add(&loop->hub->sids, client);
}

struct tb_client *tb_client_create(struct tb_loop *loop, struct tb_str address,
				   struct tb_resting *poll,
				   struct tb_socket *socket)
{
	struct tb_client *client = tb_calloc(1, sizeof(*client) + address.n);

	if (client == NULL)
		return NULL;
	client->refs = 1;
	client->loop = loop;
	client->address_n = (uint8_t)address.n;
	memcpy(client->address, address.p, address.n);
	tb_sid_make(client->sid);
	tb_client_init_asks(client);
	if (!has_place(loop) ||
	    !make_sessions(client, socket != NULL ? TB_EIO_WEBSOCKET
						  : TB_EIO_POLLING) ||
	    tb_timers_admit(&loop->timers, &client->timer, fire) != TB_OK) {
		destroy_sessions(client);
		tb_client_unref(client);
		return NULL;
	}
	client->poll = poll;
	client->socket = socket;
	if (socket != NULL) {
		socket->client = client;
		tb_socket_wake(socket);
	}
	enter(client);
	tb_client_touch(client);
	return client;
}

static void leave(struct tb_client *client)
{
	struct tb_loop *loop = client->loop;
	struct tb_client *last = loop->clients[--loop->n_clients];

	loop->clients[client->place] = last;
	last->place = client->place;
	tb_sids_remove(&loop->hub->sids, client);
	tb_timers_dismiss(&loop->timers, &client->timer);
	tb_client_forget_inbound(client);
	destroy_sessions(client);
	tb_hub_dismiss(loop->hub);
	client->next_gone = loop->gone;
	loop->gone = client;
}

static void tell_leaves(struct tb_client *client)
{
	const struct tb_hub *hub = client->loop->hub;

	if (client->sio == NULL || hub->app.on_leave == NULL)
		return;
	for (size_t i = 0; i < hub->sio.nsps_max; i++) {
		struct tb_str nsp = tb_sio_session_nsp(client->sio, i);
		if (nsp.n > 0)
			hub->app.on_leave(hub->app.ctx, client, nsp);
	}
}

static void end(struct tb_client *client, enum tb_eio_reason reason)
{
	const struct tb_hub_app *app = &client->loop->hub->app;

	TB_ASSERT(client->poll == NULL && client->socket == NULL);
	tb_call_refuse_post(client);
	tell_leaves(client);
	app->on_gone(app->ctx, client, tb_eio_reason_text(reason));
	leave(client);
}

void tb_client_touch(struct tb_client *client)
{
	struct tb_loop *loop = client->loop;

	if (client->is_touched)
		return;
	client->is_touched = true;
	client->next_touched = loop->touched;
	loop->touched = client;
}

void tb_client_shut_down(struct tb_client *client)
{
	tb_eio_session_close(client->eio, tb_loop_now_ms(client->loop),
			     TB_EIO_REASON_SHUTTING_DOWN);
	tb_client_touch(client);
}

/* ---- times ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t us_of_ms(int64_t ms)
{
	return ms == INT64_MAX ? TB_NEVER : ms * 1000;
}

static int64_t due_us(const struct tb_client *client)
{
	int64_t due = us_of_ms(tb_eio_session_deadline(client->eio));

	if (client->sio != NULL && tb_eio_session_is_open(client->eio))
		due = earlier(due,
			      us_of_ms(tb_sio_session_deadline(client->sio)));
	if (client->app_due_us != 0)
		due = earlier(due, client->app_due_us);
	if (client->holds & TB_HOLD_RATE)
		due = earlier(due, client->rate_due_us);
	return due;
}

/* What became due later is left as it was, and found to be so in time. */
static void set_timer(struct tb_client *client)
{
	int64_t due = due_us(client);

	if (due < client->timer.at_us)
		tb_timers_set(&client->loop->timers, &client->timer, due);
}

void tb_client_set_timer(struct tb_client *client, int64_t at_us)
{
	client->app_due_us = at_us;
	if (client->eio != NULL)
		set_timer(client);
}

/* "If the server does not receive a CONNECT packet first, then it MUST close
 * the connection": within the timeout. */
static void tick(struct tb_client *client, int64_t now_ms)
{
	tb_eio_session_tick(client->eio, now_ms);
	if (client->sio != NULL &&
	    tb_sio_session_deadline(client->sio) <= now_ms)
		tb_eio_session_close(client->eio, now_ms,
				     TB_EIO_REASON_FORCED_CLOSE);
}

static void fire(struct tb_loop *loop, struct tb_timer *timer)
{
	struct tb_client *client =
		(struct tb_client *)((char *)timer -
				     offsetof(struct tb_client, timer));
	const struct tb_hub_app *app = &loop->hub->app;

	if (client->holds & TB_HOLD_RATE && client->rate_due_us <= loop->now_us)
		tb_client_release(client, TB_HOLD_RATE);
	if (client->app_due_us != 0 && client->app_due_us <= loop->now_us) {
		client->app_due_us = 0;
		app->on_timer(app->ctx, client);
	}
	tick(client, tb_loop_now_ms(loop));
	tb_client_touch(client);
}

/* ---- its outbox ---- */

static struct tb_eio_backlog backlog(const struct tb_client *client)
{
	struct tb_eio_backlog backlog = tb_eio_session_backlog(client->eio);

	if (client->socket != NULL)
		backlog.bytes += tb_socket_backlog(client->socket);
	return backlog;
}

size_t tb_client_backlog(const struct tb_client *client)
{
	return client->eio != NULL ? backlog(client).bytes : 0;
}

/* An outbox that is empty takes whatever there is. */
static bool has_room(const struct tb_client *client,
		     struct tb_eio_message *const *messages, size_t n)
{
	const struct tb_hub_options *options = &client->loop->hub->options;
	struct tb_eio_backlog now = backlog(client);
	size_t bytes = now.bytes;

	if (now.packets == 0 && now.bytes == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		bytes += messages[i]->n;
	return bytes <= options->outbox_max_bytes &&
	       now.packets + n <= options->outbox_max_messages;
}

/* ---- what its session wants done ---- */

static uint16_t close_code(const struct tb_client *client)
{
	return client->loop->is_stopping ? TB_CLOSE_GOING_AWAY
					 : TB_CLOSE_NORMAL;
}

static void close_socket(struct tb_client *client)
{
	struct tb_socket *socket = client->socket;

	tb_socket_flush(socket);
	client->socket = NULL;
	tb_socket_close(socket, close_code(client));
}

/* Nothing more for now: what was put is sent. False: that has changed it. */
static bool flush(struct tb_client *client)
{
	struct tb_socket *socket = client->socket;

	if (socket == NULL)
		return true;
	tb_socket_flush(socket);
	if (!socket->is_broken)
		return true;
	client->socket = NULL;
	tb_eio_session_socket_gone(client->eio);
	tb_socket_drop(socket);
	return false;
}

/* One action; false: there is none, and what was put is to be sent. */
static bool act(struct tb_client *client)
{
	struct tb_eio_action action;

	if (tb_eio_session_next(client->eio, &client->loop->out, &action) !=
	    TB_OK) {
		tb_eio_session_abort(client->eio,
				     TB_EIO_REASON_TRANSPORT_ERROR);
		return true;
	}
	switch (action.kind) {
	case TB_EIO_ANSWER_POLL:
		if (!tb_call_answer_poll(client, action.bytes))
			tb_eio_session_abort(client->eio,
					     TB_EIO_REASON_TRANSPORT_ERROR);
		return true;
	case TB_EIO_SEND_FRAME:
		tb_socket_put(client->socket, action.message);
		return true;
	case TB_EIO_CLOSE_SOCKET:
		close_socket(client);
		return true;
	case TB_EIO_END:
		end(client, action.reason);
		return false;
	case TB_EIO_NOTHING:
		break;
	}
	return false;
}

/* What can go out now does, without a word to the app, which may be the one
 * that is sending just now. Of a session that is open this is all that there
 * can be to do. */
static void pump(struct tb_client *client)
{
	while (tb_eio_session_is_open(client->eio) && act(client))
		;
	if (client->socket != NULL)
		tb_socket_flush(client->socket);
}

/* ---- messages out ---- */

void tb_client_put_none(struct tb_client *client)
{
	if (client->eio == NULL)
		return;
	if (client->loop->hub->app.on_full == NULL) {
		tb_eio_session_abort(client->eio, TB_EIO_REASON_OUTBOX_FULL);
	} else if (!client->is_full) {
		client->is_full = true;
		client->full_due = true;
	}
}

void tb_client_put_news(struct tb_client *client,
			struct tb_eio_message *const *messages, size_t n)
{
	enum tb_err err = TB_ERR_BUSY;

	if (client->eio == NULL)
		return;
	if (!has_room(client, messages, n))
		pump(client);
	if (has_room(client, messages, n))
		err = tb_eio_session_share(client->eio, messages, n);
	if (err != TB_OK && err != TB_ERR_CLOSED)
		tb_client_put_none(client);
}

void tb_client_put_answer(struct tb_client *client,
			  struct tb_eio_message *const *messages, size_t n)
{
	enum tb_err err;

	if (client->eio == NULL)
		return;
	err = tb_eio_session_share(client->eio, messages, n);
	if (err == TB_ERR_BUSY) {
		pump(client);
		err = tb_eio_session_share(client->eio, messages, n);
	}
	if (err != TB_OK && err != TB_ERR_CLOSED)
		tb_eio_session_abort(client->eio, TB_EIO_REASON_OUTBOX_FULL);
}

static bool is_half_free(const struct tb_client *client)
{
	const struct tb_hub_options *options = &client->loop->hub->options;
	struct tb_eio_backlog now = backlog(client);

	return now.bytes <= options->outbox_max_bytes / 2 &&
	       now.packets <= options->outbox_max_messages / 2;
}

static void tell_of_room(struct tb_client *client)
{
	const struct tb_hub_app *app = &client->loop->hub->app;

	if (client->full_due) {
		client->full_due = false;
		app->on_full(app->ctx, client);
	}
	if (!client->is_full || client->eio == NULL || !is_half_free(client))
		return;
	client->is_full = false;
	if (app->on_room != NULL)
		app->on_room(app->ctx, client);
}

void tb_client_settle(struct tb_client *client)
{
	bool is_through = false;

	while (client->eio != NULL && !is_through) {
		while (client->eio != NULL && act(client))
			;
		is_through = client->eio == NULL || flush(client);
	}
	if (client->eio != NULL)
		tell_of_room(client);
	if (client->eio != NULL)
		set_timer(client);
}
