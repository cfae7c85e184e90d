/* What is asked of a client, on any thread, and done on its loop. */
#include <stddef.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "hub/client.h"
#include "hub/letter.h"
#include "hub/socket.h"

#define TEXT_MAX ((size_t)64 << 10)
/* Emissions and answers to a client that its loop has not come to yet. */
#define LETTERS_MAX 8192

/* Something asked for that needs memory. */
struct asked {
	struct tb_command command;
	void (*act)(struct tb_client *client, struct asked *asked);
	struct tb_client *client; /* a reference */
	struct tb_letter *letter; /* or NULL */
	uint64_t id;
	void (*run)(struct tb_client *client, void *arg);
	void *arg;
	struct tb_str nsp;
	struct tb_str message;
	char text[]; /* of both */
};

/* ---- without memory ---- */

static void ask(struct tb_client *client, struct tb_ask *ask)
{
	if (atomic_exchange(&ask->is_asked, true))
		return;
	tb_client_ref(client);
	tb_loop_submit(client->loop, &ask->command);
}

static void run_close(struct tb_loop *loop, struct tb_command *command)
{
	struct tb_client *client =
		(struct tb_client *)((char *)command -
				     offsetof(struct tb_client, close.command));

	atomic_store(&client->close.is_asked, false);
	if (client->eio != NULL) {
		tb_eio_session_close(client->eio, tb_loop_now_ms(loop),
				     TB_EIO_REASON_FORCED_CLOSE);
		tb_client_touch(client);
	}
	tb_client_unref(client);
}

static void run_resume(struct tb_loop *loop, struct tb_command *command)
{
	struct tb_client *client =
		(struct tb_client *)((char *)command -
				     offsetof(struct tb_client,
					      resume.command));

	(void)loop;
	atomic_store(&client->resume.is_asked, false);
	tb_client_release(client, TB_HOLD_APP);
	tb_client_unref(client);
}

/* Who was to get an answer and does not would wait for it for ever. */
static void run_lost(struct tb_loop *loop, struct tb_command *command)
{
	struct tb_client *client =
		(struct tb_client *)((char *)command -
				     offsetof(struct tb_client, lost.command));

	(void)loop;
	atomic_store(&client->lost.is_asked, false);
	if (client->eio != NULL) {
		if (atomic_load(&client->lost_answer))
			tb_eio_session_abort(client->eio,
					     TB_EIO_REASON_TRANSPORT_ERROR);
		tb_client_put_none(client);
		tb_client_touch(client);
	}
	tb_client_unref(client);
}

void tb_client_init_asks(struct tb_client *client)
{
	client->close.command.run = run_close;
	client->resume.command.run = run_resume;
	client->lost.command.run = run_lost;
}

void tb_client_close(struct tb_client *client)
{
	ask(client, &client->close);
}

void tb_client_resume(struct tb_client *client)
{
	ask(client, &client->resume);
}

static void lose(struct tb_client *client, bool is_answer)
{
	if (is_answer)
		atomic_store(&client->lost_answer, true);
	ask(client, &client->lost);
}

/* ---- with it ---- */

static struct asked *create(struct tb_client *client,
			    void (*act)(struct tb_client *, struct asked *),
			    struct tb_str nsp, struct tb_str message)
{
	struct asked *asked = tb_malloc(sizeof(*asked) + nsp.n + message.n);
	struct tb_buf text;

	if (asked == NULL)
		return NULL;
	*asked = (struct asked) {
		.act = act,
		.client = tb_client_ref(client),
		.nsp = tb_str(asked->text, nsp.n),
		.message = tb_str(asked->text + nsp.n, message.n),
	};
	tb_buf_init_fixed(&text, asked->text, nsp.n + message.n);
	tb_buf_append_str(&text, nsp);
	tb_buf_append_str(&text, message);
	return asked;
}

static void run_asked(struct tb_loop *loop, struct tb_command *command)
{
	struct asked *asked = (struct asked *)command;

	(void)loop;
	asked->act(asked->client, asked);
	if (asked->client->eio != NULL)
		tb_client_touch(asked->client);
	if (asked->letter != NULL)
		atomic_fetch_sub(&asked->client->n_letters, 1);
	tb_letter_destroy(asked->letter);
	tb_client_unref(asked->client);
	tb_free(asked);
}

static void submit(struct asked *asked)
{
	asked->command.run = run_asked;
	tb_loop_submit(asked->client->loop, &asked->command);
}

/* For what calls nothing of the app's: at once, if that is in order. */
static void submit_or_act(struct asked *asked)
{
	struct tb_loop *loop = asked->client->loop;

	asked->command.run = run_asked;
	if (tb_loop_may_act(loop))
		run_asked(loop, &asked->command);
	else
		tb_loop_submit(loop, &asked->command);
}

/* ---- messages ---- */

static void act_emit(struct tb_client *client, struct asked *asked)
{
	struct tb_letter *letter = asked->letter;

	if (client->sio == NULL ||
	    tb_sio_session_is_connected(client->sio, letter->nsp))
		tb_client_put_news(client, letter->messages, letter->n);
}

static void act_ack(struct tb_client *client, struct asked *asked)
{
	struct tb_letter *letter = asked->letter;

	if (client->sio != NULL &&
	    tb_sio_session_settle(client->sio, letter->nsp, asked->id) == TB_OK)
		tb_client_put_answer(client, letter->messages, letter->n);
}

/* There is a bound to what waits in front of the outbox, too. */
static bool may_ask(struct tb_client *client)
{
	if (atomic_fetch_add(&client->n_letters, 1) < LETTERS_MAX)
		return true;
	atomic_fetch_sub(&client->n_letters, 1);
	return false;
}

static void send_letter(struct tb_client *client, enum tb_err err,
			struct tb_letter *letter,
			void (*act)(struct tb_client *, struct asked *),
			uint64_t id)
{
	bool is_counted = err == TB_OK && may_ask(client);
	struct asked *asked = NULL;

	if (is_counted)
		asked = create(client, act, TB_STR_NONE, TB_STR_NONE);
	if (asked == NULL) {
		if (is_counted)
			atomic_fetch_sub(&client->n_letters, 1);
		tb_letter_destroy(letter);
		lose(client, act == act_ack);
		return;
	}
	asked->letter = letter;
	asked->id = id;
	submit_or_act(asked);
}

void tb_client_emit(struct tb_client *client,
		    const struct tb_emission *emission)
{
	struct tb_letter *letter = NULL;
	enum tb_err err = tb_letter_create_event(emission, &letter);

	send_letter(client, err, letter, act_emit, 0);
}

void tb_client_send(struct tb_client *client, struct tb_str message,
		    bool is_binary)
{
	struct tb_letter *letter = NULL;
	enum tb_err err = tb_letter_create(message, is_binary, &letter);

	send_letter(client, err, letter, act_emit, 0);
}

void tb_client_ack(struct tb_client *client, uint64_t id,
		   const struct tb_emission *emission)
{
	struct tb_letter *letter = NULL;
	enum tb_err err = tb_letter_create_ack(emission, id, &letter);

	send_letter(client, err, letter, act_ack, id);
}

/* ---- namespaces ---- */

/* The text that a session has written, as an answer. */
static void put_text(struct tb_client *client, struct tb_buf *text)
{
	const struct tb_eio_packet packet = { .kind = TB_EIO_MESSAGE,
					      .data = tb_buf_str(text) };
	struct tb_eio_message *message = NULL;

	if (tb_buf_err(text) == TB_OK)
		message = tb_eio_message_create(&packet);
	if (message != NULL)
		tb_client_put_answer(client, &message, 1);
	else
		lose(client, true);
	tb_eio_message_unref(message);
}

static void act_accept(struct tb_client *client, struct asked *asked)
{
	char sid[TB_SID_LEN];
	struct tb_buf text;

	if (client->sio == NULL)
		return;
	tb_sid_make(sid);
	tb_buf_init(&text, TEXT_MAX);
	if (tb_sio_session_accept(client->sio, asked->nsp,
				  tb_str(sid, sizeof(sid)),
				  &text) != TB_ERR_NOT_FOUND)
		put_text(client, &text);
	tb_buf_fini(&text);
}

static void act_refuse(struct tb_client *client, struct asked *asked)
{
	struct tb_buf text;

	if (client->sio == NULL)
		return;
	tb_buf_init(&text, TEXT_MAX);
	if (tb_sio_session_refuse(client->sio, asked->nsp, asked->message,
				  &text) != TB_ERR_NOT_FOUND)
		put_text(client, &text);
	tb_buf_fini(&text);
}

static void act_leave(struct tb_client *client, struct asked *asked)
{
	const struct tb_hub_app *app = &client->loop->hub->app;
	struct tb_buf text;
	enum tb_err err;

	if (client->sio == NULL)
		return;
	tb_buf_init(&text, TEXT_MAX);
	err = tb_sio_session_disconnect(client->sio, asked->nsp, &text);
	if (err != TB_ERR_NOT_FOUND)
		put_text(client, &text);
	tb_buf_fini(&text);
	if (err == TB_OK && app->on_leave != NULL)
		app->on_leave(app->ctx, client, asked->nsp);
}

void tb_client_accept(struct tb_client *client, struct tb_str nsp)
{
	struct asked *asked = create(client, act_accept, nsp, TB_STR_NONE);

	if (asked != NULL)
		submit_or_act(asked);
	else
		lose(client, true);
}

void tb_client_refuse(struct tb_client *client, struct tb_str nsp,
		      struct tb_str message)
{
	struct asked *asked = create(client, act_refuse, nsp, message);

	if (asked != NULL)
		submit_or_act(asked);
	else
		lose(client, true);
}

void tb_client_leave(struct tb_client *client, struct tb_str nsp)
{
	struct asked *asked = create(client, act_leave, nsp, TB_STR_NONE);

	if (asked != NULL)
		submit(asked);
	else
		lose(client, true);
}

/* ---- anything else ---- */

static void act_run(struct tb_client *client, struct asked *asked)
{
	asked->run(client, asked->arg);
}

bool tb_client_run(struct tb_client *client,
		   void (*run)(struct tb_client *client, void *arg), void *arg)
{
	struct asked *asked = create(client, act_run, TB_STR_NONE, TB_STR_NONE);

	if (asked == NULL)
		return false;
	asked->run = run;
	asked->arg = arg;
	submit(asked);
	return true;
}
