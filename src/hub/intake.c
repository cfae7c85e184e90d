/* What comes in from a client: from messages to the app's functions. */
#include "hub/client.h"

#include "base/assert.h"
#include "hub/call.h"
#include "hub/socket.h"

#define SECOND_US 1000000
#define BURST_US (2 * SECOND_US)
/* Who is held for its rate is read again after this at the earliest, so that
 * not each event costs a turn. */
#define RATE_PAUSE_US 20000
/* Messages that are taken of a client in one turn of its loop. */
#define TURN_MAX 64
/* The opening bracket in place of the name. */
#define ARGS_MAX ((size_t)64 << 20)

/* ---- holding ---- */

void tb_client_hold(struct tb_client *client, enum tb_hold why)
{
	if (client->holds == 0 && client->eio != NULL)
		tb_eio_session_set_read(client->eio,
					tb_loop_now_ms(client->loop), false);
	client->holds |= (uint8_t)why;
}

/* A post is answered when the app has seen all of it. */
static void take_post(struct tb_client *client)
{
	struct tb_call *post = client->post;

	while (client->holds == 0 && post->at < post->n)
		tb_client_take(client, &post->messages[post->at++]);
	if (post->at == post->n)
		tb_call_answer_post(client);
}

void tb_client_release(struct tb_client *client, enum tb_hold why)
{
	bool was_held = client->holds != 0;

	client->holds &= (uint8_t)~why;
	if (client->eio == NULL || client->holds != 0)
		return;
	if (was_held)
		tb_eio_session_set_read(client->eio,
					tb_loop_now_ms(client->loop), true);
	if (client->post != NULL)
		take_post(client);
	if (client->holds == 0 && client->socket != NULL)
		tb_socket_wake(client->socket);
	tb_client_touch(client);
}

/* ---- the rate ---- */

static void pause_until(struct tb_client *client, int64_t due_us)
{
	if (client->holds & TB_HOLD_RATE && client->rate_due_us >= due_us)
		return;
	client->rate_due_us = due_us;
	tb_client_hold(client, TB_HOLD_RATE);
}

/* Each event uses up its part of a second; who is too far ahead is not read
 * until time has caught up. */
static void pay(struct tb_client *client)
{
	int64_t now_us = client->loop->now_us;
	uint32_t rate = client->loop->hub->options.events_per_s;
	int64_t due_us;

	if (rate == 0)
		return;
	if (client->allowed_us < now_us)
		client->allowed_us = now_us;
	client->allowed_us += SECOND_US / rate;
	due_us = client->allowed_us + SECOND_US / rate - BURST_US;
	if (due_us <= now_us)
		return;
	pause_until(client, due_us < now_us + RATE_PAUSE_US
				    ? now_us + RATE_PAUSE_US
				    : due_us);
}

/* Others have their turn, too. */
static void count_turn(struct tb_client *client)
{
	int64_t now_us = client->loop->now_us;

	if (client->turn_us != now_us)
		client->n_in_turn = 0;
	client->turn_us = now_us;
	if (++client->n_in_turn == TURN_MAX)
		pause_until(client, now_us + 1);
}

/* ---- the budget ---- */

void tb_client_forget_inbound(struct tb_client *client)
{
	tb_budget_give(&client->loop->hub->inbound, client->inbound_bytes);
	client->inbound_bytes = 0;
}

/* A packet that waits for its attachments takes memory of all. */
static void charge_inbound(struct tb_client *client)
{
	size_t bytes = tb_sio_session_held_bytes(client->sio);

	if (bytes == client->inbound_bytes)
		return;
	tb_client_forget_inbound(client);
	if (tb_budget_take(&client->loop->hub->inbound, bytes))
		client->inbound_bytes = bytes;
	else
		tb_eio_session_abort(client->eio,
				     TB_EIO_REASON_TRANSPORT_ERROR);
}

/* ---- Socket.IO ---- */

static bool take_connect(struct tb_client *client,
			 const struct tb_sio_input *input)
{
	const struct tb_hub_app *app = &client->loop->hub->app;

	app->on_connect(app->ctx, client, input->packet->nsp,
			input->packet->data);
	return true;
}

static bool take_disconnect(struct tb_client *client,
			    const struct tb_sio_input *input)
{
	const struct tb_hub_app *app = &client->loop->hub->app;

	if (app->on_leave != NULL)
		app->on_leave(app->ctx, client, input->packet->nsp);
	return true;
}

/* The array without the name that it begins with. */
static void put_args(struct tb_buf *buf, const struct tb_sio_packet *packet)
{
	struct tb_json_iter it = tb_json_iter(tb_json_root(&packet->json));
	struct tb_str data = packet->data;
	const char *from = data.p + data.n - 1;

	(void)tb_json_next(&it);
	if (tb_json_next(&it))
		from = tb_json_raw(it.value).p;
	tb_buf_append_char(buf, '[');
	tb_buf_append(buf, from, (size_t)(data.p + data.n - from));
}

static bool take_event(struct tb_client *client,
		       const struct tb_sio_input *input)
{
	const struct tb_hub_app *app = &client->loop->hub->app;
	const struct tb_sio_packet *packet = input->packet;
	struct tb_client_event event = {
		.nsp = packet->nsp,
		.name = packet->name,
		.attachments = packet->attachments,
		.n_attachments = packet->n_attachments,
		.wants_ack = packet->has_id,
		.id = packet->id,
	};
	struct tb_buf args;
	bool is_done = true;

	tb_buf_init(&args, ARGS_MAX);
	put_args(&args, packet);
	event.args = tb_buf_str(&args);
	if (tb_buf_err(&args) == TB_OK)
		is_done = app->on_event(app->ctx, client, &event);
	else
		tb_eio_session_abort(client->eio,
				     TB_EIO_REASON_TRANSPORT_ERROR);
	tb_buf_fini(&args);
	return is_done;
}

static bool take_broken(struct tb_client *client,
			const struct tb_sio_input *input)
{
	(void)input;
	tb_eio_session_abort(client->eio, TB_EIO_REASON_PARSE_ERROR);
	return true;
}

static bool take_nothing(struct tb_client *client,
			 const struct tb_sio_input *input)
{
	(void)client;
	(void)input;
	return true;
}

static bool (*const takers[])(struct tb_client *,
			      const struct tb_sio_input *) = {
	[TB_SIO_IN_NOTHING] = take_nothing,
	[TB_SIO_IN_CONNECT] = take_connect,
	[TB_SIO_IN_EVENT] = take_event,
	[TB_SIO_IN_ACK] = take_nothing, /* none is ever awaited */
	[TB_SIO_IN_DISCONNECT] = take_disconnect,
	[TB_SIO_IN_BROKEN] = take_broken,
};

/* False: the app works on it. */
static bool take_packet(struct tb_client *client,
			const struct tb_eio_packet *message)
{
	struct tb_sio_input input;
	bool is_done;

	if (tb_sio_session_feed(client->sio, message->data, message->is_binary,
				&input) != TB_OK) {
		tb_eio_session_abort(client->eio,
				     TB_EIO_REASON_TRANSPORT_ERROR);
		return true;
	}
	is_done = takers[input.kind](client, &input);
	tb_sio_session_rest(client->sio);
	charge_inbound(client);
	return is_done;
}

void tb_client_take(struct tb_client *client,
		    const struct tb_eio_packet *message)
{
	const struct tb_hub_app *app = &client->loop->hub->app;
	bool is_done;

	if (client->sio == NULL)
		is_done = app->on_message(app->ctx, client, message->data,
					  message->is_binary);
	else
		is_done = take_packet(client, message);
	if (!is_done)
		tb_client_hold(client, TB_HOLD_APP);
	/* Attachments belong to the event that they come behind. */
	if (client->sio == NULL || !message->is_binary)
		pay(client);
	count_turn(client);
	tb_client_touch(client);
}
